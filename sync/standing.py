"""How current each clinic's copy is: what its last runs were, and when the next ones are due."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, OuterRef, QuerySet, Subquery

from clinics.models import Appointment, Patient
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.session import system_of
from sync import schedule
from sync.holding import is_outdated
from sync.models import Cursor, SetAside, SyncRun
from sync.states import OPEN, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStanding:
    """How current our copy of one list is. `age` is how long ago it was as in the PMS."""

    resource: Resource
    read_until: datetime | None
    age: timedelta | None
    looked_at: datetime | None
    full_at: datetime | None
    full_pages: int | None
    #: When the PMS last said that it changed, if it was not read since.
    wanted_at: datetime | None
    #: When it refused to tell what changed: by day, all of the list or the days around today are
    #: read instead.
    changes_refused_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run that is made without anybody asking. `next_at`: at the earliest; None: not at all."""

    #: A list's name, or "full" for the night's.
    name: str
    every: timedelta | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Records that the PMS still has."""

    patients: int
    appointments: int


@dataclass(slots=True, kw_only=True)
class Standing:
    """How one integration's copy stands."""

    integration: Integration
    lists: list[ListStanding]
    jobs: list[Job]
    #: Records that cannot be kept.
    set_aside: int = 0
    #: None where this login's scope does not have the records.
    counts: Counts | None = None
    running: SyncRun | None = None
    last_run: SyncRun | None = None
    last_successful_run: SyncRun | None = None
    #: The run after which a person has to say whether what vanished is gone.
    held: SyncRun | None = None
    next_due_at: datetime | None = field(init=False)

    def __post_init__(self) -> None:
        moments = [job.next_at for job in self.jobs if job.next_at]
        self.next_due_at = min(moments, default=None)


def standings(
    integrations: Iterable[Integration], now: datetime, seen: Collection[UUID]
) -> list[Standing]:
    """Return how each of them stands, in the same order and in a few queries.

    `seen` are the organizations whose records the work at hand may read: of others nothing can be
    counted.
    """
    rows = list(integrations)
    ids = [each.pk for each in rows]
    runs = _runs(ids)
    patients, appointments = (
        _counted(model.objects.present().filter(clinic__in=[row.clinic_id for row in rows]))
        for model in (Patient, Appointment)
    )
    set_aside = dict(
        SetAside.objects.filter(integration__in=ids)
        .order_by()
        .values_list("integration")
        .annotate(Count("pk"))
    )
    cursors: dict[UUID, dict[str, Cursor]] = {}
    for cursor in Cursor.objects.filter(integration__in=ids):
        cursors.setdefault(cursor.integration_id, {})[cursor.resource] = cursor
    return [
        Standing(
            integration=row,
            lists=_lists(row, cursors.get(row.pk, {}), now),
            jobs=_jobs(row, cursors.get(row.pk, {}), now),
            set_aside=set_aside.get(row.pk, 0),
            counts=Counts(
                patients=patients.get(row.clinic_id, 0),
                appointments=appointments.get(row.clinic_id, 0),
            )
            if row.organization_id in seen
            else None,
            **runs.get(row.pk, {}),
        )
        for row in rows
    ]


def _counted(records: QuerySet) -> dict[UUID, int]:
    return dict(records.order_by().values_list("clinic").annotate(Count("pk")))


def _runs(ids: Collection[UUID]) -> dict[UUID, dict[str, SyncRun]]:
    """Return for each integration the runs that a standing names: those that there are."""
    newest = SyncRun.objects.filter(integration=OuterRef("pk")).order_by("-created_at")
    named = {
        "running": newest.filter(status__in=OPEN),
        "last_run": newest,
        "last_successful_run": newest.filter(status=Status.COMPLETED),
        "held": newest.filter(status=Status.HELD),
    }
    rows = Integration.objects.filter(pk__in=ids).annotate(
        **{f"{name}_id": Subquery(each.values("pk")[:1]) for name, each in named.items()}
    )
    found = {row.pk: {name: getattr(row, f"{name}_id") for name in named} for row in rows}
    wanted = {pk for names in found.values() for pk in names.values() if pk}
    runs = SyncRun.objects.select_related("checkpoint", "integration", "requested_by")
    by_id = runs.in_bulk(wanted)
    return {
        integration: {
            name: by_id[pk]
            for name, pk in names.items()
            if pk in by_id and (name != "held" or not is_outdated(by_id[pk]))
        }
        for integration, names in found.items()
    }


def _lists(
    integration: Integration, cursors: dict[str, Cursor], now: datetime
) -> list[ListStanding]:
    lists = system_of(integration).lists
    named = [each for each in Resource if each in lists or each in cursors]
    standing = []
    for resource in named:
        cursor = cursors.get(resource)
        standing.append(
            ListStanding(
                resource=resource,
                read_until=cursor.read_until if cursor else None,
                age=now - cursor.read_until if cursor else None,
                looked_at=cursor.looked_at if cursor else None,
                full_at=cursor.full_at if cursor else None,
                full_pages=cursor.full_pages if cursor else None,
                wanted_at=cursor.wanted_at if cursor else None,
                changes_refused_at=cursor.changes_refused_at if cursor else None,
            )
        )
    return standing


def _jobs(integration: Integration, cursors: dict[str, Cursor], now: datetime) -> list[Job]:
    """Return what sync.schedule will do; a list that was never read is due at once."""
    active = integration.status == IntegrationStatus.ACTIVE and settings.ENABLE_SYNC_SCHEDULER
    jobs = []
    for resource in schedule.moving(integration):
        every = schedule.interval(integration, resource)
        cursor = cursors.get(resource)
        due = max(now, cursor.looked_at + every) if cursor else now
        jobs.append(Job(name=str(resource), every=every, next_at=due if active else None))
    night = schedule.next_night(integration, now) if active and cursors else None
    return [*jobs, Job(name="full", every=None, next_at=night)]
