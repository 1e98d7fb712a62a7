"""The admin's page of writebacks: what was asked, where it stands, and how it got there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.reads import AuditedPages
from clinics.admin import OWN_CLINICS
from clinics.models import Appointment, Patient
from clinics.permissions import Action
from clinics.templatetags.durations import duration
from writebacks.asked import Fact, facts, record_fact
from writebacks.finding import STANDINGS, by_any_id
from writebacks.models import Writeback, WritebackEvent
from writebacks.operations import Operation
from writebacks.steering_admin import SteeringAdmin, possible
from writebacks.wording import situation, why


class StandingFilter(admin.SimpleListFilter):
    """Filters that answer what an operator asks."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, standing.label) for name, standing in STANDINGS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        standing = STANDINGS.get(self.value() or "")
        return queryset.filter(standing.holds(timezone.now())) if standing else queryset


@admin.register(Writeback)
class WritebackAdmin(AuditedPages, SteeringAdmin):
    """Writebacks, newest first; a page of one tells its whole story."""

    to_view = Action.VIEW_WRITEBACKS
    list_display = [
        "short_id",
        "operation",
        "badge",
        "held_up_by",
        "clinic",
        "created_at",
        "took",
        "checks",
        "api_calls",
    ]
    list_filter = [StandingFilter, "status", "operation", OWN_CLINICS]
    list_select_related = ["clinic"]
    search_fields = ["external_id"]  # makes the search box appear
    search_help_text = "The start of a writeback's id, or an id of the PMS as it is."
    date_hierarchy = "created_at"
    show_full_result_count = False
    change_form_template = "admin/writeback.html"

    @admin.display(description="id")
    def short_id(self, writeback: Writeback) -> str:
        """Return the start of the id, which is enough to find it by."""
        return str(writeback.pk)[:8]

    @admin.display(description="status", ordering="status")
    def badge(self, writeback: Writeback) -> SafeString:
        """Return the status as a coloured word."""
        return format_html(
            '<span class="fd-badge fd-{}">{}</span>',
            writeback.status,
            writeback.get_status_display(),
        )

    @admin.display(description="why it waits", ordering="waiting_for")
    def held_up_by(self, writeback: Writeback) -> str:
        """Return what holds it up, in words."""
        return why(writeback) or "–"

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

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, _ = super().get_search_results(request, queryset, "")
        return by_any_id(found, search_term), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story = {}
        if writeback := self.get_object(request, object_id):
            steers = self.has_book_permission(request, writeback)
            story = {
                "writeback": writeback,
                "situation": situation(writeback, timezone.now()),
                "asked": facts(writeback),
                "created": _created(writeback),
                "steps": _steps(writeback),
                "related": _related(writeback),
                "buttons": possible(writeback) if steers else set(),
                "title": str(writeback),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))


def _created(writeback: Writeback) -> Fact | None:
    """Return our record of what it created in the PMS, where we have it."""
    if not writeback.created_external_id:
        return None
    made: type[Patient | Appointment] = (
        Patient if writeback.operation == Operation.CREATE_PATIENT else Appointment
    )
    found = made.objects.filter(
        clinic=writeback.clinic, external_id=writeback.created_external_id
    ).first()
    return record_fact(found) if found else None


def _related(writeback: Writeback) -> list[tuple[str, Writeback]]:
    """Return the writebacks that it has to do with, each with what it is to this one."""
    found = [("Waits for", writeback.after), ("Repeats", writeback.retry_of)]
    found.append(("Repeated as", getattr(writeback, "retried_as", None)))
    found += [("Waited for by", each) for each in writeback.dependents.order_by("created_at")]
    return [(words, each) for words, each in found if each is not None]


def _steps(writeback: Writeback) -> list[tuple[WritebackEvent, timedelta | None]]:
    """Return each event with the time since the one before it."""
    events = list(writeback.events.select_related("person"))
    before = [None, *events][: len(events)]
    return [
        (event, event.at - earlier.at if earlier else None)
        for earlier, event in zip(before, events, strict=True)
    ]
