"""After a full pass: records of ours that the PMS's list did not have are no more.

Nothing is believed lightly. Only a pass that was read to its end without an error tells anything.
A page that moved while we read may have hidden a record: so few missing ones are asked for one by
one where the PMS can be asked, and where it cannot, the list is read once more. Where more are
missing than happens on a day, or in a week, a person decides. Whatever is removed wrongly comes
back with the next sight of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import CharField, F, Func, QuerySet

from clinics.models import Record
from clinics.records import Removed
from clinics.services import remove
from integrations.contract import Adapter
from integrations.queries import Ability, Resource
from sync import believing
from sync.keeping import TABLES, keep, settle_aside
from sync.models import SetAside, Sighting, SyncRun
from sync.plan import Step
from sync.states import Status

#: The vanish guard: more missing records than this share of all, and than so many, are not
#: believed without a person.
SHARE: Final = 0.02
FEW: Final = 5
#: Nor more than so many times that within a week, a few each night.
NIGHTS: Final = 3
#: So many missing records are asked for one by one; more would cost more calls than they are worth.
ASKED_SINGLY: Final = 20

LOOK_UPS: Final = {
    Resource.PATIENTS: Ability.LOOK_UP_PATIENT,
    Resource.APPOINTMENTS: Ability.LOOK_UP_APPOINTMENT,
}


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the missing: removed now, or too many to be believed."""

    removed: int = 0
    in_doubt: int = 0
    #: Some are missing that may only have been hidden: the list has to be read once more.
    look_again: bool = False


def missing(
    run: SyncRun, number: int, step: Step, covers: tuple[int, int] | None, now: datetime
) -> QuerySet:
    """Return the ids of our records that step `number` should have shown and did not.

    Not those that came to us, or were told anew, after the run had begun; nor appointments beyond
    the days that the PMS's list covers.
    """
    assert run.started_at  # noqa: S101 (for the type checker)
    table: type[Record] = TABLES[step.resource]
    records: QuerySet = (
        table._default_manager.present()
        .filter(clinic_id=run.clinic_id, created_at__lt=run.started_at)
        .exclude(last_synced_at__gte=run.started_at)
    )
    if covers is not None and step.resource is Resource.APPOINTMENTS:
        back, ahead = covers
        # A day less at both ends: whose midnight counts is the PMS's own matter. And the list was
        # read at some time since the run's start, days later where it had to wait.
        records = records.filter(
            starts_at__gte=now - timedelta(days=back - 1),
            starts_at__lt=run.started_at + timedelta(days=ahead - 1),
        )
    ids = Func(F("external_ids"), function="unnest", output_field=CharField())
    seen = Sighting.objects.filter(run=run, step=number).values_list(ids)
    # As EXCEPT, which PostgreSQL carries out by hashing or sorting: of an anti-join it cannot
    # guess how many ids there are, and may compare each with all.
    return records.values_list("external_id").difference(seen)


def settle(
    run: SyncRun,
    number: int,
    step: Step,
    adapter: Adapter,
    now: datetime,
    hold: Callable[[], None],
    *,
    may_hide: bool = False,
) -> Found:
    """Mark as removed what vanished, as far as that can be believed. Safe to repeat.

    `may_hide` says that the list was read once, in several pages: a row that left an early page may
    have drawn another over the border of one that was read already.

    `hold` keeps the run ours until a transaction ends, or raises Lost: whoever takes a run over,
    or cancels it, deletes what was sighted, and then everything would seem to be missing.
    May raise what asking the PMS raises; what was settled until then stays settled.
    """
    with transaction.atomic():
        hold()
        to_ask, found = _look(run, number, step, adapter, now, may_hide)
    removed = sum(_ask(run, number, step, adapter, each, now, hold) for each in to_ask)
    return replace(found, removed=found.removed + removed)


def _look(
    run: SyncRun, number: int, step: Step, adapter: Adapter, now: datetime, may_hide: bool
) -> tuple[list[str], Found]:
    """Return which of the missing to ask for one by one, and what became of them otherwise."""
    if SetAside.objects.filter(
        integration=run.integration,
        resource=step.resource,
        external_id="",
        last_seen_at__gte=run.started_at,
    ).exists():
        return [], Found()  # one of the list's records has no id: it may be any of the missing
    covers = adapter.lists[step.resource].covers
    gone = missing(run, number, step, covers, now)
    count = gone.count()
    if not count:
        return [], Found()
    table = TABLES[step.resource]
    present = table._default_manager.present().filter(clinic_id=run.clinic_id).count()
    believed, accepted = max(FEW, present * SHARE), _accepted(run)
    if accepted is not None and count > believed + accepted:
        return [], Found(in_doubt=count)
    if not run.may_remove:
        before = believing.lately(run, step.resource, now)
        if before + count > NIGHTS * max(FEW, (present + before) * SHARE):
            return [], Found(in_doubt=count)
    if LOOK_UPS.get(step.resource) in adapter.abilities and count <= ASKED_SINGLY:
        return sorted(external_id for (external_id,) in gone), Found()
    is_empty = not Sighting.objects.filter(run=run, step=number).exists()
    if is_empty and not run.may_remove:
        # A list with nothing in it is how many a failure looks, too.
        return [], Found(in_doubt=count)
    if may_hide:
        return [], Found(look_again=True)
    records = [Removed(external_id=external_id) for (external_id,) in gone]
    settle_aside(run.integration, step.resource, [each.external_id for each in records])
    removed = remove(run.clinic, table, records, now=now).removed
    believing.note(run, step.resource, removed, now)
    return [], Found(removed)


def _accepted(run: SyncRun) -> int | None:
    """Return how many missing records a person said are gone; None where they named no number.

    They saw what the last held run had found: of the lists as they are by now, no more than that.
    """
    if not run.may_remove:
        return 0
    held = SyncRun.objects.filter(
        integration=run.integration_id, status=Status.HELD, created_at__lte=run.created_at
    )
    return held.order_by("-created_at").values_list("checkpoint__vanished", flat=True).first()


def _ask(
    run: SyncRun,
    number: int,
    step: Step,
    adapter: Adapter,
    external_id: str,
    now: datetime,
    hold: Callable[[], None],
) -> int:
    """Ask for one missing record and keep the answer; return 1 where it really is no more."""
    answer = adapter.lookup(step.resource, external_id)
    with transaction.atomic():
        hold()
        stored, _ = keep(run.integration, step.resource, [answer], now, now)
        believing.note(run, step.resource, stored.removed, now)
        if not isinstance(answer, Removed):  # it is there: sighted, for when this is repeated
            Sighting.objects.get_or_create(
                run=run,
                step=number,
                digest=f"asked {external_id}"[:32],
                defaults={"organization_id": run.organization_id, "external_ids": [external_id]},
            )
    return stored.removed
