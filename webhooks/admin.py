"""The admin's pages of webhooks (endpoint_admin.py), deliveries (delivery_admin.py) and notices."""

from __future__ import annotations

from django.contrib import admin

from clinics.admin import ReadOnlyAdmin
from clinics.permissions import Action
from webhooks.delivery_admin import DeliveryAdmin
from webhooks.endpoint_admin import EndpointAdmin
from webhooks.models import Delivery, Endpoint, Notice

admin.site.register(Endpoint, EndpointAdmin)
admin.site.register(Delivery, DeliveryAdmin)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """Webhooks that were disabled by themselves, newest first, and when it was mailed."""

    to_view = Action.MANAGE_ACCESS
    list_display = ["at", "endpoint", "organization", "reason", "failing_since", "mailed_at"]
    list_filter = ["reason", ("organization", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["endpoint", "organization"]
