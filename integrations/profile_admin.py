"""The admin's pages of profiles: the guided check, and the button that reads the PMS's lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST

from clinics.admin import TenantAdmin
from clinics.permissions import Action
from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import Profile
from integrations.profile_form import ProfileForm
from integrations.profile_model import LIST_NAMES
from integrations.profile_report import suggestions
from integrations.profiles import (
    has_operatories,
    missing,
    read_vocabulary,
    start_profile,
)
from integrations.session import system_of

#: A person waits before the page: no call starts later, and none takes longer to answer.
PATIENCE = timedelta(seconds=15)
TIMEOUT = (3.0, 5.0)


class ReadsLists(TenantAdmin):
    """Adds the button that reads the PMS's lists into the profile of an integration."""

    def get_urls(self) -> list[URLPattern]:
        read = path(
            "<path:object_id>/read-lists/",
            self.admin_site.admin_view(require_POST(self.read_lists)),
            name="integrations_integration_read_lists",
        )
        return [read, *super().get_urls()]

    def read_lists(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the PMS what it offers, and lead to where a person chooses."""
        integration = self.get_object(request, object_id)
        if not self.has_change_permission(request, integration):
            raise PermissionDenied
        profile = start_profile(integration)
        try:
            read_vocabulary(
                integration,
                timezone.now,
                priority=Priority.HIGH,
                deadline=timezone.now() + PATIENCE,
                timeout=TIMEOUT,
            )
        except PmsError as error:
            messages.error(request, f"The PMS's lists could not be read: {error}")
        else:
            self.log_change(request, integration, "Read the PMS's lists.")
            messages.success(request, "The PMS's lists were read. Choose, and save.")
        return redirect("admin:integrations_profile_change", profile.pk)


@admin.register(Profile)
class ProfileAdmin(TenantAdmin):
    """What each PMS needs beside the caller's words. Made with its integration's button."""

    form = ProfileForm
    to_view, to_change = Action.VIEW_CONNECTIONS, Action.MANAGE_CONNECTIONS
    change_form_template = "admin/profile.html"
    list_display = ["clinic", "standing", "vocabulary_read_at", "checked_at"]
    list_select_related = ["integration__clinic", "default_practitioner"]
    ordering = ["integration__clinic__name"]
    fieldsets = [
        (
            "Statuses of an appointment",
            {"fields": ["cancel_word", "no_show_word", "confirmed_word", "arrived_word"]},
        ),
        (
            "Bookings",
            {
                "fields": [
                    "default_practitioner",
                    "default_operatory",
                    "appointment_type",
                    "appointment_types",
                    "checks_slots",
                ]
            },
        ),
        ("Patients", {"fields": ["can_update_patients"]}),
        ("Notes", {"fields": ["note_type", "longest_note"]}),
        ("Payments", {"fields": ["payment_type", "currency"]}),
        ("Working hours", {"fields": ["hours", "practitioner_hours", "closures"]}),
    ]

    @admin.display(description="standing")
    def standing(self, profile: Profile) -> str:
        """Return how much is missing, in words."""
        gaps = missing(profile)
        blocked = {gap.operation for gap in gaps if gap.blocks}
        if blocked:
            return f"cannot {', '.join(sorted(blocked)).replace('_', ' ')}"
        return "complete" if not gaps else "works, could say more"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what this practice's PMS has no such thing as."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or has_operatories(system_of(obj.integration)):
            return fieldsets
        return [
            (
                title,
                {
                    **options,
                    "fields": [each for each in options["fields"] if each != "default_operatory"],
                },
            )
            for title, options in fieldsets
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Profile, form: ModelForm, change: bool) -> None:
        obj.checked_at = timezone.now()
        # Not the whole row: lists that are read in this moment must not be undone.
        obj.save(update_fields=[*form.changed_data, "checked_at"])

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        profile: Profile = self.get_object(request, object_id)
        integration = profile.integration
        story = {
            "profile": profile,
            "integration": integration,
            "zone": integration.clinic.zone,
            "may_change": self.has_change_permission(request, profile),
            "gaps": missing(profile),
            "lists": [
                (name, profile.offers(each), profile.refuses_list(each))
                for each, name in LIST_NAMES.items()
            ],
            "hints": suggestions(profile),
            "is_older": bool(
                profile.checked_at
                and profile.vocabulary_read_at
                and profile.checked_at < profile.vocabulary_read_at
            ),
            "title": str(profile),
        }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))
