"""Runs that hold something back: more records vanished than are believed without a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import ApiKey
from clinics.models import User
from integrations.queries import Resource
from sync.models import SyncRun
from sync.requesting import Wanted, request
from sync.states import Mode, Status


@dataclass(frozen=True, slots=True)
class CannotAccept(Exception):
    """The run holds nothing back, or not any more; `code` and `message` say why."""

    code: str
    message: str


def is_outdated(run: SyncRun) -> bool:
    """Return whether a newer full run of the same lists has found what is the matter now."""
    newer = SyncRun.objects.exclude(pk=run.pk).filter(
        integration=run.integration_id,
        is_full=True,
        status__in=[Status.COMPLETED, Status.HELD],
        created_at__gte=run.finished_at,  # there is one at a time
    )
    of_these = Q(only=[]) & ~Q(mode=Mode.PATIENTS_ONLY)
    if run.only:
        of_these |= Q(only__contains=run.only)
    return newer.filter(of_these).exists()


def accept(
    run: SyncRun, now: datetime, *, user: User | None = None, key: ApiKey | None = None
) -> SyncRun:
    """Make the full run that believes what a held one did not, since somebody has looked.

    They have seen what the newest full run found: an older one cannot be accepted. Raises
    CannotAccept, or Running with the run that has to end first; so does the second of two who
    accept at once.
    """
    if run.status != Status.HELD:
        raise CannotAccept("not_held", "Nothing was held back in this sync.")
    if is_outdated(run):
        raise CannotAccept("not_newest", "A newer full sync has ended since; look at that one.")
    wanted = Wanted(
        is_full=True,
        is_forced=True,
        may_remove=True,
        only=[Resource(each) for each in run.only],
        user=user,
        key=key,
    )
    return request(run.integration, wanted, now)
