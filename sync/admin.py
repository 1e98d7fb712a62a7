"""The admin's pages of syncs: runs, what was set aside, and practices that nobody connected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clinics import access
from clinics.admin import OWN_CLINICS, ReadOnlyAdmin
from clinics.permissions import Action
from clinics.templatetags.durations import duration
from integrations.models import Integration
from sync.integration_admin import SyncingIntegrationAdmin
from sync.models import SetAside, SyncRun, UnknownAccount
from sync.states import Status
from sync.steering_admin import SteeringAdmin
from sync.wording import counts, read_words, share, situation, step_words, steps_of, took

__all__ = ["RunAdmin", "SetAsideAdmin", "SyncingIntegrationAdmin", "UnknownAccountAdmin"]

#: Records set aside that the page of a run lists.
LISTED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownStep:
    """A step on the page of a run."""

    words: str
    standing: str
    read: str = ""
    percent: int = 0


@admin.register(SyncRun)
class RunAdmin(SteeringAdmin):
    """Runs, newest first; a page of one shows how far it is, and what came in its way."""

    to_view = Action.VIEW_CONNECTIONS
    list_display = [
        "short_id",
        "clinic",
        "reads",
        "why",
        "badge",
        "progress",
        "records",
        "calls",
        "lasted",
        "age",
    ]
    list_filter = ["status", "trigger", "is_full", OWN_CLINICS]
    list_select_related = ["clinic", "checkpoint"]
    date_hierarchy = "created_at"
    show_full_result_count = False
    change_form_template = "admin/sync_run.html"

    @admin.display(description="id")
    def short_id(self, run: SyncRun) -> str:
        """Return the start of the id, as the command line takes it."""
        return str(run.pk)[:8]

    @admin.display(description="reads", ordering="mode")
    def reads(self, run: SyncRun) -> str:
        """Return what it reads."""
        return "Everything" if run.is_full else run.get_mode_display()

    @admin.display(description="why", ordering="trigger")
    def why(self, run: SyncRun) -> str:
        """Return in a word why it was made."""
        return run.trigger

    @admin.display(description="status", ordering="status")
    def badge(self, run: SyncRun) -> SafeString:
        """Return the status as a coloured word."""
        return format_html(
            '<span class="fd-badge fd-{}">{}</span>', run.status, run.get_status_display()
        )

    @admin.display(description="progress")
    def progress(self, run: SyncRun) -> SafeString:
        """Return a bar of how much of its steps is done."""
        return SafeString(
            render_to_string("admin/frontdesk_bar.html", {"bar": _bar(run), "size": "progress"})
        )

    @admin.display(description="records", ordering="checkpoint__records")
    def records(self, run: SyncRun) -> str:
        """Return how many records its pages had."""
        return f"{run.checkpoint.records:,}"

    @admin.display(description="calls", ordering="checkpoint__calls")
    def calls(self, run: SyncRun) -> str:
        """Return how many calls it has made."""
        return f"{run.checkpoint.calls:,}"

    @admin.display(description="took")
    def lasted(self, run: SyncRun) -> str:
        """Return how long it took from its first page on."""
        return duration(took(run, timezone.now()))

    @admin.display(description="age", ordering="created_at")
    def age(self, run: SyncRun) -> str:
        """Return how long ago it was asked for."""
        return duration(timezone.now() - run.created_at)

    def get_urls(self) -> list[URLPattern]:
        live = path(
            "<path:object_id>/live/",
            self.admin_site.admin_view(self.live),
            name="sync_syncrun_live",
        )
        return [live, *super().get_urls()]

    def live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return what changes on the page of a run, for that page to keep itself up to date."""
        run = self.get_object(request, object_id)
        return TemplateResponse(request, "admin/sync_run_live.html", self._story(request, run))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story: dict[str, Any] = {}
        if run := self.get_object(request, object_id):
            story = self._story(request, run) | {
                "title": str(run),
                "buttons": self.buttons(request, run),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))

    def _story(self, request: HttpRequest, run: SyncRun) -> dict[str, Any]:
        now = timezone.now()
        sees_patients = access.of(request).may(Action.VIEW_PATIENTS, run)
        return {
            "run": run,
            # A PMS's words may name a patient.
            "situation": situation(run, now, quoting=sees_patients),
            "bar": _bar(run),
            "steps": _steps(run),
            "counts": counts(run.checkpoint),
            "took": took(run, now),
            "aside": _aside(run, now)[:LISTED] if sees_patients else None,
            "full_cost": sum(each.full_pages for each in run.integration.cursors.all()),
            "now": now,
        }


@admin.register(SetAside)
class SetAsideAdmin(ReadOnlyAdmin):
    """Records of PMSs that could not be kept, newest first; gone from here once they could."""

    # The ids are patients' and their appointments'.
    to_view = Action.VIEW_PATIENTS
    list_display = ["resource", "external_id", "reason", "clinic", "times", "last_seen_at"]
    list_filter = ["resource", ("integration__clinic", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["integration__clinic"]
    search_fields = ["external_id"]
    search_help_text = "An id of the PMS."
    show_full_result_count = False

    @admin.display(description="clinic", ordering="integration__clinic__name")
    def clinic(self, aside: SetAside) -> str:
        """Return whose record it is."""
        return str(aside.clinic)


@admin.register(UnknownAccount)
class UnknownAccountAdmin(ReadOnlyAdmin):
    """Practices that a PMS's webhooks are about and no clinic is connected to: for operators."""

    to_view = Action.OPERATE
    list_display = ["account", "pms", "times", "first_told_at", "last_told_at"]
    list_filter = ["pms"]
    search_fields = ["account"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnknownAccount]:
        connected = Integration.objects.filter(pms=OuterRef("pms"), account=OuterRef("account"))
        return UnknownAccount.objects.filter(~Exists(connected))


def _bar(run: SyncRun) -> dict[str, int]:
    return {"percent": 100 if run.status == Status.COMPLETED else int(share(run.checkpoint) * 100)}


def _steps(run: SyncRun) -> list[ShownStep]:
    """Return what it has read, reads now, and has still to read."""
    checkpoint, zone = run.checkpoint, run.clinic.zone
    shown = []
    for number, step in enumerate(steps_of(checkpoint)):
        words = step_words(step, zone)
        if number < checkpoint.step:
            shown.append(ShownStep(words=words, standing="completed", percent=100))
        elif number > checkpoint.step or not run.is_open:
            shown.append(ShownStep(words=words, standing="to_come"))
        else:
            total = checkpoint.step_total
            percent = min(100, 100 * checkpoint.step_records // total) if total else 0
            shown.append(
                ShownStep(
                    words=words,
                    standing="running",
                    read=read_words(checkpoint),
                    percent=percent,
                )
            )
    return shown


def _aside(run: SyncRun, now: datetime) -> QuerySet[SetAside]:
    """Return the records that this run could not keep, as far as nothing became of them since."""
    if run.started_at is None:
        return SetAside.objects.none()
    seen = (run.started_at, run.finished_at or now)
    return SetAside.objects.filter(integration=run.integration_id, last_seen_at__range=seen)
