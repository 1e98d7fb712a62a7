"""Adds to an integration's page how current its records are, and the buttons that fetch them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from clinics import access
from clinics.permissions import Action
from integrations.admin import IntegrationAdmin
from integrations.models import Integration
from sync import requesting, schedule
from sync.requesting import Running, Wanted
from sync.standing import ListStanding, Standing, standings

# The same page with more on it: what integrations know nothing of.
admin.site.unregister(Integration)


@admin.register(Integration)
class SyncingIntegrationAdmin(IntegrationAdmin):
    """The page of an integration, with its syncs."""

    fields = [*IntegrationAdmin.fields, "sync_minutes"]

    def get_urls(self) -> list[URLPattern]:
        buttons = {"sync": require_POST(self.sync), "full-sync": self.full_sync}
        return [
            *(
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"integrations_integration_{name.replace('-', '_')}",
                )
                for name, view in buttons.items()
            ),
            *super().get_urls(),
        ]

    def sync(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Read what changed, now, however recently that was done."""
        return self._run(request, self._fetchable(request, object_id), is_full=False)

    def full_sync(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Read everything, after asking."""
        integration = self._fetchable(request, object_id)
        if request.method == "POST":
            return self._run(request, integration, is_full=True)
        cost = sum(each.full_pages for each in integration.cursors.all())
        calls = f"The last time that took {cost:,} calls. " if cost else ""
        context = self.admin_site.each_context(request) | {
            "title": str(integration),
            "opts": self.opts,
            "back": _page(integration),
            "question": (
                f"Read all records of {integration.clinic} anew? {calls}It uses the calls that "
                "background work may use, and waits for more where they do not suffice."
            ),
            "button": "Read everything",
        }
        return TemplateResponse(request, "admin/confirm.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story: dict[str, Any] = {}
        if integration := self.get_object(request, object_id):
            now = timezone.now()
            may = access.of(request).may
            standing = standings([integration], now, ())[0]
            story = {
                "standing": standing,
                "lists": _lists(standing),
                "next_night": schedule.next_night(integration, now),
                "sees_set_aside": may(Action.VIEW_PATIENTS, integration),
                "may_sync": may(Action.SYNC, integration),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))

    def _fetchable(self, request: HttpRequest, object_id: str) -> Integration:
        """Return the one of this page, if the person may have its records fetched."""
        integration: Integration = self.get_object(request, object_id)
        if not access.of(request).may(Action.SYNC, integration):
            raise PermissionDenied
        return integration

    def _run(
        self, request: HttpRequest, integration: Integration, *, is_full: bool
    ) -> HttpResponse:
        """Make a run and lead to its page; to the open one's where there is one."""
        person: Any = request.user
        wanted = Wanted(is_full=is_full, is_forced=True, user=person)
        try:
            run = requesting.request(integration, wanted, timezone.now())
        except Running as error:
            messages.info(request, "A run is under way already: it is this one.")
            return redirect("admin:sync_syncrun_change", error.run.pk)
        what = "everything" if is_full else "what changed"
        self.log_change(request, integration, f"Had {what} read, in run {run.pk}.")
        messages.success(request, "A worker takes it up within seconds.")
        return redirect("admin:sync_syncrun_change", run.pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownList:
    """How current one list is, as a row of the page."""

    name: str
    standing: ListStanding
    #: How often it is read by day; None for what only full passes read.
    every: timedelta | None

    @property
    def is_late(self) -> bool:
        """Whether it is older than two of its intervals, or than a night's pass leaves it."""
        age, longest = self.standing.age, self.every * 2 if self.every else schedule.OVERDUE
        return age is None or age > longest


def _lists(standing: Standing) -> list[ShownList]:
    every = {job.name: job.every for job in standing.jobs}
    return [
        ShownList(
            name=each.resource.replace("_", " ").capitalize(),
            standing=each,
            every=every.get(each.resource),
        )
        for each in standing.lists
    ]


def _page(integration: Integration) -> str:
    return reverse("admin:integrations_integration_change", args=[integration.pk])
