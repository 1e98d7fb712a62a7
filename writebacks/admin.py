"""The admin's page of writebacks: what was asked, where it stands, and how it got there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.reads import AuditedPages
from clinics.admin import OWN_CLINICS, ReadOnlyAdmin
from clinics.models import Appointment, Location, Operatory, Patient, Practitioner
from clinics.permissions import Action
from writebacks.dashboard import PARKED, REJECTED
from writebacks.models import Writeback, WritebackEvent
from writebacks.states import TERMINAL, Status
from writebacks.templatetags.durations import duration
from writebacks.wording import situation

#: What a booking names, in the order in which a person reads it.
NAMED = {
    "patient": Patient,
    "practitioner": Practitioner,
    "location": Location,
    "operatory": Operatory,
}
#: An overdue row after this long is worth an operator's look.
LATE = timedelta(minutes=1)


class StandingFilter(admin.SimpleListFilter):
    """Filters that answer what an operator asks."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", "Not ended yet"),
            ("person", "Needs a person"),
            ("unconfirmed", "Unconfirmed"),
            ("budget", "Waiting for budget"),
            ("agent", "Practice's agent offline"),
            ("late", "Overdue for more than a minute"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "open":
                return queryset.exclude(status__in=TERMINAL)
            case "person":
                waits = queryset.filter(waiting_for__in=[REJECTED, PARKED])
                return waits.exclude(status__in=TERMINAL)
            case "unconfirmed":
                return queryset.filter(status=Status.UNCONFIRMED)
            case "budget":
                return queryset.filter(waiting_for="waiting_for_budget")
            case "agent":
                return queryset.filter(waiting_for="agent_offline")
            case "late":
                return queryset.filter(due_at__lt=timezone.now() - LATE)
        return queryset


@admin.register(Writeback)
class WritebackAdmin(AuditedPages, ReadOnlyAdmin):
    """Writebacks, newest first; a page of one tells its whole story."""

    to_view = Action.VIEW_WRITEBACKS
    list_display = ["operation", "badge", "clinic", "created_at", "took", "checks", "api_calls"]
    list_filter = [StandingFilter, "status", "operation", OWN_CLINICS]
    list_select_related = ["clinic"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    change_form_template = "admin/writeback.html"

    @admin.display(description="status", ordering="status")
    def badge(self, writeback: Writeback) -> SafeString:
        """Return the status as a coloured word."""
        return format_html(
            '<span class="fd-badge fd-{}">{}</span>',
            writeback.status,
            writeback.get_status_display(),
        )

    @admin.display(description="took", ordering=F("completed_at") - F("created_at"))
    def took(self, writeback: Writeback) -> str:
        """Return how long it took from request to end."""
        if writeback.completed_at is None:
            return duration(None)
        return duration(writeback.completed_at - writeback.created_at)

    @admin.display(description="checks", ordering="check_count")
    def checks(self, writeback: Writeback) -> int:
        """Return how often the PMS was asked."""
        return writeback.check_count

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story = {}
        if writeback := self.get_object(request, object_id):
            story = {
                "writeback": writeback,
                "situation": situation(writeback),
                "asked": _asked(writeback),
                "appointment": _appointment(writeback),
                "steps": _steps(writeback),
                "title": str(writeback),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))


def _asked(writeback: Writeback) -> list[tuple[str, str]]:
    """Return the request as (label, value) with names for ids and the site's own clock."""
    command = writeback.command
    rows: list[tuple[str, str]] = []
    zone = writeback.clinic.zone
    for name, model in NAMED.items():
        found = model._default_manager.filter(clinic=writeback.clinic, pk=command.get(name)).first()
        if isinstance(found, Location):
            zone = found.zone
        rows.append((name.capitalize(), str(found or "–")))
    start, end = (datetime.fromisoformat(command[key]) for key in ("starts_at", "ends_at"))
    local = start.astimezone(zone)
    rows.append(("When", f"{local:%a %d %b %Y, %H:%M} ({zone.key}), {duration(end - start)}"))
    rows.append(("Description", command.get("description", "")))
    return rows


def _appointment(writeback: Writeback) -> Appointment | None:
    if not writeback.created_external_id:
        return None
    return (
        Appointment.objects.select_related("clinic")
        .filter(clinic=writeback.clinic, external_id=writeback.created_external_id)
        .first()
    )


def _steps(writeback: Writeback) -> list[tuple[WritebackEvent, timedelta | None]]:
    """Return each event with the time since the one before it."""
    events = list(writeback.events.select_related("person"))
    before = [None, *events][: len(events)]
    return [
        (event, event.at - earlier.at if earlier else None)
        for earlier, event in zip(before, events, strict=True)
    ]
