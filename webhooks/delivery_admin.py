"""The admin's page of deliveries: what was told whom, each attempt, and sending it again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clinics import access
from clinics.admin import ReadOnlyAdmin
from clinics.permissions import Action
from webhooks import replay
from webhooks.models import Delivery, Status

#: The statuses in the colours of the control room.
COLOURS = {
    Status.PENDING: "pending",
    Status.DELIVERED: "completed",
    Status.EXHAUSTED: "failed",
    Status.CANCELLED: "cancelled",
}


class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries, newest first. What was in them is not shown."""

    to_view = Action.MANAGE_ACCESS
    list_display = ["type", "endpoint", "badge", "attempts", "created_at", "due_at", "ended_at"]
    list_filter = ["status", "type", ("endpoint", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["endpoint"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    actions = ["replay_selected"]
    change_form_template = "admin/webhook_delivery.html"

    @admin.display(description="status", ordering="status")
    def badge(self, delivery: Delivery) -> SafeString:
        """Return the status as a coloured word."""
        return format_html(
            '<span class="fd-badge fd-{}">{}</span>',
            COLOURS[Status(delivery.status)],
            delivery.get_status_display(),
        )

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether this person may send deliveries again."""
        return bool(request.user.is_staff) and access.of(request).may(self.to_view, obj)

    @admin.action(description="Send again", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Send the chosen deliveries again; those of disabled webhooks stay as they are."""
        now, sent, disabled = timezone.now(), 0, 0
        for delivery in queryset.select_related("endpoint"):
            try:
                replay.replay(delivery, now)
                sent += 1
            except replay.Disabled:
                disabled += 1
        if sent:
            messages.success(request, f"Sent again: {sent}.")
        if disabled:
            messages.error(request, f"Not sent, since their webhook is disabled: {disabled}.")

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story: dict[str, Any] = {}
        if delivery := self.get_object(request, object_id):
            story = {
                "delivery": delivery,
                "colour": COLOURS[Status(delivery.status)],
                "log": delivery.log.all(),
                "title": str(delivery),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        again = path(
            "<uuid:pk>/replay/",
            self.admin_site.admin_view(self.replay),
            name="webhooks_delivery_replay",
        )
        return [again, *super().get_urls()]

    def replay(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Send a delivery again, after asking."""
        delivery: Delivery = self.get_object(request, str(pk))
        if not self.has_replay_permission(request, delivery):
            raise PermissionDenied
        back = reverse("admin:webhooks_delivery_change", args=[delivery.pk])
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {
                "title": str(delivery),
                "opts": self.opts,
                "back": back,
                "question": f"Send {delivery} to {delivery.endpoint} again, as the same event?",
                "button": "Send it again",
            }
            return TemplateResponse(request, "admin/confirm.html", context)
        try:
            replay.replay(delivery, timezone.now())
        except replay.Disabled as error:
            messages.error(request, str(error))
            return redirect(back)
        self.log_change(request, delivery, "Sent again.")
        messages.success(request, "It is on its way again.")
        return redirect(back)
