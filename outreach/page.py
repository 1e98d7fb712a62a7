"""What the admin's page of whom to call shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

from clinics.models import Clinic
from metrics import freshness
from metrics.calendar import between
from outreach import conversion, refreshing
from outreach.models import CallList, CallTask, Status
from outreach.outcomes import LONGEST, Outcome
from outreach.scoring import LEAST, Engagement, Risk
from outreach.showing import of_clinic, on_list, shown

#: Calls on a page: as many as somebody makes before they look again.
PER_PAGE: Final = 25
#: Days whose calls the conversion on the page counts, today included.
COUNTED_DAYS: Final = 90
#: Which calls can be shown, and how that is called.
SHOWS: Final = {
    "list": "To be called today",
    "later": "Put off",
    "done": "Done today",
    "never": "Not to be called",
}
_ANY: Final = [("", "any")]


class Filters(forms.Form):
    """What the page can be narrowed to; what makes no sense narrows nothing."""

    show = forms.ChoiceField(choices=list(SHOWS.items()), required=False)
    priority = forms.ChoiceField(
        choices=[*_ANY, *((str(each), str(each)) for each in range(1, LEAST + 1))], required=False
    )
    engagement = forms.ChoiceField(
        choices=[*_ANY, *((each.value, each.value) for each in Engagement)], required=False
    )
    risk = forms.ChoiceField(
        choices=[*_ANY, *((each.value, each.value) for each in Risk)], required=False
    )


class OutcomeForm(forms.Form):
    """What came of a call, from one press of a button."""

    outcome = forms.ChoiceField(choices=Outcome.choices)
    note = forms.CharField(max_length=500, required=False)
    call_again_on = forms.DateField(required=False)


class SnoozeForm(forms.Form):
    """Until when a call is put off."""

    call_again_on = forms.DateField(
        error_messages={
            "required": "Choose the date to call again on.",
            "invalid": "This is no date.",
        }
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    clinic: Clinic
    filters: Filters
    page: str

    @property
    def show(self) -> str:
        """Which calls are shown."""
        return self._value("show") or "list"

    def _value(self, name: str) -> str:
        return self.filters.cleaned_data.get(name, "")

    @property
    def narrowed(self) -> Q:
        """What is true of the calls that are asked for."""
        names = ("priority", "engagement", "risk")
        return Q(**{name: self._value(name) for name in names if self._value(name)})

    @property
    def query(self) -> str:
        """The address's query, made of what was understood."""
        names = ("show", "priority", "engagement", "risk")
        said = {name: self._value(name) for name in names if self._value(name)}
        return urlencode({"clinic": str(self.clinic.pk)} | said)


def asked_for(clinic: Clinic, query: QueryDict) -> Asked:
    """Return what a query asks for at a clinic."""
    filters = Filters(query)
    filters.is_valid()
    return Asked(clinic, filters, query.get("page", "1"))


def tasks_of(asked: Asked, now: datetime) -> QuerySet[CallTask]:
    """Return the calls that are asked for, in the order of the page."""
    clinic = asked.clinic
    today = now.astimezone(clinic.zone).date()
    midnight = datetime.combine(today, time.min, tzinfo=clinic.zone)
    tasks = of_clinic(clinic).filter(asked.narrowed)
    if asked.show == "later":
        return tasks.filter(status=Status.OPEN, not_before__gt=today).order_by("not_before", "pk")
    if asked.show == "done":
        closed = tasks.filter(status__in=(Status.DONE, Status.BOOKED), closed_at__gte=midnight)
        return closed.order_by("-closed_at", "pk")
    if asked.show == "never":
        never = (Outcome.DO_NOT_CALL, Outcome.WRONG_NUMBER)
        return tasks.filter(status=Status.DONE, outcome__in=never).order_by("-closed_at", "pk")
    return tasks.filter(on_list(today)).order_by("place", "pk")


def shown_page(asked: Asked, now: datetime) -> Page[CallTask]:
    """Return the page of calls; only of those are patients decrypted."""
    refreshing.look(asked.clinic, now)
    page: Page[CallTask] = Paginator(tasks_of(asked, now), PER_PAGE).get_page(asked.page)
    page.object_list = shown(asked.clinic, list(page.object_list), now)
    return page


def around(asked: Asked, now: datetime) -> dict[str, Any]:
    """Return what the page says beside the calls: how many of each priority, how current
    it is, and whether it works."""
    today = now.astimezone(asked.clinic.zone).date()
    waiting = CallTask.objects.filter(on_list(today), clinic=asked.clinic)
    counts = dict(waiting.order_by().values_list("priority").annotate(Count("pk")))
    period = between(today - timedelta(days=COUNTED_DAYS - 1), today)
    return {
        "counts": [(priority, counts.get(priority, 0)) for priority in range(1, LEAST + 1)],
        "conversion": conversion.of(asked.clinic, period, now),
        "freshness": freshness.of(asked.clinic, now),
        "made_at": CallList.objects.values_list("refreshed_at", flat=True).get(clinic=asked.clinic),
        "counted_days": COUNTED_DAYS,
        "minimum": conversion.MINIMUM,
        "tomorrow": today + timedelta(days=1),
        "latest": today + timedelta(days=LONGEST),
    }
