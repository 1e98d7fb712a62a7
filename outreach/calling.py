"""What a person does with a call: say what came of it, take that back, or put it off.

Each is one conditional UPDATE: of two people who press a button at once, one is told that the other
was first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from accounts.models import ApiKey
from clinics.models import User
from outreach.models import CallTask, Status, thresholds_of
from outreach.outcomes import CALLS_AGAIN, LONGEST, Outcome, again_on
from outreach.refreshing import hold

#: How long after somebody booked by themselves an outcome can still be given.
AFTERWARDS: Final = timedelta(days=1)


class Refused(Exception):
    """It cannot be done; `code` is for programs, the message for people."""

    code = "refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AlreadyCalled(Refused):
    """The call has an outcome already."""

    code = "already_called"


class NotListed(Refused):
    """The call is not on the list any more."""

    code = "not_listed"


class NotCalled(Refused):
    """The call has no outcome that could be taken back."""

    code = "not_called"


class WrongDate(Refused):
    """The date to call again on cannot be used."""

    code = "wrong_date"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a person, or a program by its key."""

    user: User | None = None
    key: ApiKey | None = None


def record(
    task: CallTask,
    outcome: Outcome,
    by: Caller,
    now: datetime,
    *,
    note: str = "",
    again: date | None = None,
) -> CallTask:
    """Say what came of a call, and return it as it stands then.

    The same said twice by the same caller is said once. Raises AlreadyCalled, NotListed and, for a
    date to call again on, WrongDate.
    """
    today = now.astimezone(task.clinic.zone).date()
    if again is not None:
        if outcome not in CALLS_AGAIN:
            raise WrongDate("After this outcome nobody calls again on a date.")
        check_date(again, today)
    thresholds = thresholds_of(task.clinic)
    changes: dict[str, Any] = {
        "status": Status.DONE,
        "outcome": outcome,
        "called_by": by.user,
        "called_by_key": by.key,
        "closed_at": now,
        "changed_at": now,
        "not_before": None,
        "again_on": again
        or again_on(
            outcome,
            today,
            no_answer_days=thresholds.no_answer_days,
            will_think_days=thresholds.will_think_days,
        ),
    }
    if note:
        changes["note"] = note
    if outcome is Outcome.WRONG_NUMBER:
        patient = task.patient
        changes["wrong_numbers"] = f"{patient.phone_index} {patient.other_phone_index}"
    takes = Q(status=Status.OPEN) | Q(status=Status.BOOKED, closed_at__gt=now - AFTERWARDS)
    if not _change(task, takes, changes):
        found = _as_it_stands(task)
        if found.status != Status.DONE:
            raise NotListed("This call is not on the list any more; look at the list anew.")
        is_ours = (found.called_by, found.called_by_key) == (by.user, by.key)
        if not (is_ours and found.outcome == outcome):
            raise AlreadyCalled(_told(found))
        return found
    return _as_it_stands(task)


def undo(task: CallTask, now: datetime) -> CallTask:
    """Take an outcome back: the call is open again, unless the patient is on the list already.

    Raises NotCalled where there is no outcome.
    """
    with transaction.atomic():
        hold(task.clinic)
        others = CallTask.objects.filter(patient=task.patient_id, status=Status.OPEN)
        is_listed = others.exclude(pk=task.pk).exists()
        changes: dict[str, Any] = {
            "status": Status.DROPPED if is_listed else Status.OPEN,
            "outcome": "",
            "called_by": None,
            "called_by_key": None,
            "closed_at": now if is_listed else None,
            "changed_at": now,
            "again_on": None,
            "wrong_numbers": "",
        }
        if not CallTask.objects.filter(pk=task.pk, status=Status.DONE).update(**changes):
            raise NotCalled("This call has no outcome that could be taken back.")
    return _as_it_stands(task)


def snooze(task: CallTask, until: date, now: datetime) -> CallTask:
    """Keep a call off the list until a date of the clinic's. Raises NotListed and WrongDate."""
    check_date(until, now.astimezone(task.clinic.zone).date())
    changes = {"not_before": until, "changed_at": now}
    if not _change(task, Q(status=Status.OPEN), changes):
        found = _as_it_stands(task)
        if found.status == Status.DONE:
            raise AlreadyCalled(_told(found))
        raise NotListed("This call is not on the list any more; look at the list anew.")
    return _as_it_stands(task)


def check_date(again: date, today: date) -> None:
    """Raise WrongDate unless somebody can be called again on this date."""
    if not today < again <= today + timedelta(days=LONGEST):
        raise WrongDate("The date to call again on lies from tomorrow to a year ahead.")


def _change(task: CallTask, state: Q, changes: dict[str, Any]) -> bool:
    """Change a call in one of these states; returns whether it was in one.

    Under the list's lock: a refresh that has just read the call as open would list it again.
    """
    with transaction.atomic():
        hold(task.clinic)
        return bool(CallTask.objects.filter(state, pk=task.pk).update(**changes))


def _as_it_stands(task: CallTask) -> CallTask:
    related = ("clinic", "patient", "called_by", "called_by_key")
    return CallTask.objects.select_related(*related).get(pk=task.pk)


def _told(found: CallTask) -> str:
    at = found.closed_at.astimezone(found.clinic.zone) if found.closed_at else None
    when = f"{at:%d %b, %H:%M}" if at else "before"
    who = found.called_by or (found.called_by_key.name if found.called_by_key else "somebody")
    said = found.get_outcome_display().lower()
    return f"This call has an outcome already: {said}, by {who}, {when}."
