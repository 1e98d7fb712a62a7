"""The live page of a clinic in the admin: its numbers, trends and busiest hours as they move.

All of it is made here, on the server, from the rollups: the page's script shows newer numbers in
place and fetches the parts anew (`?fragment=numbers`); without it the page stands still.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Min, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from clinics import access
from clinics.models import Clinic
from clinics.permissions import Action
from integrations import registry
from metrics import (
    away,
    cards,
    charts,
    figures,
    freshness,
    insights,
    preferences,
    refreshing,
    tasks,
    wording,
)
from metrics.calendar import Name, Period, between, named
from metrics.freshness import Freshness
from metrics.models import ClinicDay, Standing
from metrics.refreshing import refresh


@dataclass(frozen=True, slots=True)
class LivePage:
    """The page and its buttons, on a site."""

    site: AdminSite

    def urls(self) -> list[URLPattern]:
        """Return the addresses below the admin's own."""
        clinic = "clinics/clinic/<uuid:clinic_id>/"
        return [
            path(
                f"{clinic}metrics/",
                self.site.admin_view(self.show),
                name="clinics_clinic_metrics",
            ),
            path(
                f"{clinic}refresh-metrics/",
                self.site.admin_view(require_POST(self.refresh)),
                name="clinics_clinic_refresh_metrics",
            ),
        ]

    def show(self, request: HttpRequest, clinic_id: UUID) -> HttpResponse:
        """Return the page, or with `?fragment=numbers` the part of it that changes."""
        clinic = _clinic(request, clinic_id)
        now = timezone.now()
        shown = _numbers(clinic, _name(request), now)
        if "fragment" in request.GET:
            return TemplateResponse(request, "admin/metrics/numbers.html", shown)
        shown |= _standing(clinic, freshness.of(clinic, now), now)
        shown |= self.site.each_context(request) | {
            "title": f"{clinic.name}, live",
            "now": now,
            "periods": [(each, f"This {each}") for each in Name],
            "may_refresh": access.of(request).may(Action.SYNC, clinic),
        }
        return TemplateResponse(request, "admin/metrics/page.html", shown)

    def refresh(self, request: HttpRequest, clinic_id: UUID) -> HttpResponse:
        """Have the PMS asked for what is new, as the page's button without its script does."""
        clinic = _clinic(request, clinic_id)
        if not access.of(request).may(Action.SYNC, clinic):
            raise PermissionDenied
        _ask(request, clinic, timezone.now())
        address = reverse("admin:clinics_clinic_metrics", args=[clinic.pk])
        return redirect(f"{address}?period={_name(request)}")


def _clinic(request: HttpRequest, clinic_id: UUID) -> Clinic:
    """Return the clinic of an address; one of somebody else's is as unknown as one of nobody's."""
    mine = access.of(request)
    seen = mine.visible(Clinic.objects.select_related("organization"), Action.VIEW_CLINICS)
    clinic = seen.filter(pk=clinic_id).first()
    if clinic is None:
        raise Http404
    if not mine.may(Action.VIEW_METRICS, clinic):
        raise PermissionDenied
    return clinic


def _ask(request: HttpRequest, clinic: Clinic, now: datetime) -> None:
    """Have the PMS asked, and put into words what came of it."""
    person: Any = request.user
    try:
        refresh(clinic, {"user": person}, now)
    except refreshing.NotConnected:
        messages.error(request, "This clinic is not connected to a PMS.")
    except refreshing.TooSoon:
        messages.info(request, "The PMS was asked a few seconds ago: try again in a moment.")
    except refreshing.Away as error:
        problem = away.problem_of(error.freshness) or {}
        age = error.freshness.age_seconds(now)
        old = "" if age is None else f" These are numbers of {wording.ago(timedelta(seconds=age))}."
        messages.error(request, f"{problem['message']} {problem['details']}{old}")
    else:
        messages.success(request, "The PMS is being asked: load this page again in a moment.")


def _name(request: HttpRequest) -> Name:
    """Return the period that is asked for; the week where it is none that there is."""
    try:
        return Name(request.POST.get("period") or request.GET.get("period", Name.WEEK))
    except ValueError:
        return Name.WEEK


def _numbers(clinic: Clinic, name: Name, now: datetime) -> dict[str, Any]:
    """Return what changes with the numbers, from rollups alone: the same few queries for all."""
    # Before the numbers: who resumes from this version is told once too often rather than never.
    standing = Standing.objects.filter(clinic=clinic).first()
    if standing is None or standing.is_outdated:
        tasks.ask(clinic.pk)
    starts_on = preferences.of(clinic).week_starts_on
    today = now.astimezone(clinic.zone).date()
    period = named(name, today, starts_on)
    numbers = figures.of(clinic, period, today)
    previous = _previous(clinic, period, today)
    found = insights.of(clinic)
    return {
        "clinic": clinic,
        "name": name,
        "before": cards.BEFORE[name],
        "period": period,
        "version": standing.version if standing else 0,
        "is_counted": standing is not None and standing.rebuilt_at is not None,
        "cards": cards.of(numbers, previous, name),
        "bars": charts.bars(
            period,
            numbers["bookingTrends"],
            previous["bookingTrends"] if previous else None,
            today,
        ),
        "heat": charts.heat(numbers["peakHours"], starts_on),
        "insights": cards.of_insights(found["figures"]),
        "thought_at": datetime.fromisoformat(found["computedAt"]) if found["computedAt"] else None,
    }


def _previous(clinic: Clinic, period: Period, today: date) -> dict[str, Any] | None:
    """Return the numbers of the period before; None where our history begins after its start."""
    told = ClinicDay.objects.filter(Q(bookings__gt=0) | Q(cancelled__gt=0), clinic=clinic)
    begins = told.aggregate(first=Min("date"))["first"]
    before = between(period.previous_first, period.previous_last)
    numbers = figures.of(clinic, before, today)
    return numbers if begins is not None and begins <= before.first else None


def _standing(clinic: Clinic, found: Freshness, now: datetime) -> dict[str, Any]:
    """Return how current the numbers are, in words."""
    words = wording.states(registry.manifest(found.pms).title if found.pms else "")
    age = found.age_seconds(now)
    return {
        "found": found,
        "state": words[found.state],
        "states": json.dumps(words),
        "ago": "" if age is None else wording.ago(timedelta(seconds=age)),
        "stale_at": found.stale_at,
    }
