"""The admin's page of what a clinic says about how its numbers are counted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from clinics import access, changes
from clinics.admin import TenantAdmin
from clinics.models import Clinic
from clinics.permissions import Action
from metrics.models import Preferences
from metrics.preferences_form import PreferencesForm


@admin.register(Preferences)
class PreferencesAdmin(TenantAdmin):
    """One row for a clinic; a clinic without one has the usual.

    That its numbers have to be counted anew, a trigger notes (migration 0002), whoever writes the
    row; here that is told, so that it happens at once.
    """

    form = PreferencesForm
    to_view, to_change = Action.VIEW_CONNECTIONS, Action.MANAGE_CONNECTIONS
    list_display = ["clinic", "week_starts_on", "active_days", "value_per_hour", "currency"]
    list_select_related = ["clinic"]
    ordering = ["clinic__name"]
    fieldsets = [
        (None, {"fields": ["clinic"]}),
        ("Counting", {"fields": ["week_starts_on", "active_days"]}),
        (
            "Money and time",
            {
                "fields": ["value_per_hour", "currency", "minutes_saved"],
                "description": "What nobody has said is not shown: Frontdesk assumes no amounts.",
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["clinic"] if obj else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "clinic":
            clinics = access.of(request).visible(Clinic.objects.all(), self.to_change)
            kwargs["queryset"] = clinics.filter(metrics_preferences=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Preferences, form: Any, change: bool) -> None:
        obj.organization_id = obj.clinic.organization_id
        super().save_model(request, obj, form, change)
        changes.announce(obj.clinic_id)

    def delete_model(self, request: HttpRequest, obj: Preferences) -> None:
        super().delete_model(request, obj)
        changes.announce(obj.clinic_id)
