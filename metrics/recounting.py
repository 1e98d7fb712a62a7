"""Bring a clinic's numbers up to date with its appointments, and tell what they are now."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from clinics.models import Clinic
from metrics import figures, freshness, live, preferences, rollups
from metrics.calendar import Name, named
from metrics.freshness import Freshness
from metrics.models import Insight, Preferences, Standing, Told

#: From so many changed (start, patient) on, all is added up anew: that is then less work.
MANY: Final = 5000
#: How long what was told is kept, for who resumes.
KEPT: Final = timedelta(hours=1)
#: Between two workings-out of the insights of a clinic where much changes.
INSIGHTS_APART: Final = timedelta(seconds=60)

_TAKE: Final = "DELETE FROM metrics_touched WHERE clinic_id = %s RETURNING starts_at, patient_id"
_MAKE: Final = """
    INSERT INTO metrics_standings (clinic_id, organization_id, version, is_outdated, due_at)
    VALUES (%s, %s, 0, true, %s) ON CONFLICT DO NOTHING
"""


def recount(clinic: Clinic, now: datetime, *, anew: bool = False) -> Standing:
    """Add up what has changed since the last time (`anew`: everything), and tell who watches.

    Whatever is written while this works is left for the next time. Safe to run twice and at once:
    the second waits, and finds nothing to do. Nobody is told where nothing is different.
    """
    with transaction.atomic():
        standing = _held(clinic, now)
        # Its time zone as it is under the lock: another one makes the standing outdated.
        clinic = Clinic.objects.get(pk=clinic.pk)
        wishes = preferences.of(clinic)
        touched = _take(clinic.pk)
        anew = anew or standing.is_outdated
        if anew or len(touched) >= MANY:
            rollups.add_up(clinic, wishes.active_days)
            standing.is_outdated, standing.rebuilt_at = False, now
        elif touched:
            dates = rollups.affected(clinic, touched, wishes.active_days)
            rollups.add_up(clinic, wishes.active_days, dates)
        if touched or anew:
            # Soon, but not sooner than it was going to be.
            Insight.objects.filter(clinic=clinic, due_at__gt=now + INSIGHTS_APART).update(
                due_at=now + INSIGHTS_APART
            )
        found = freshness.of(clinic, now)
        standing.due_at = _changes_at(clinic, found, now)
        numbers = numbers_of(clinic, wishes, found, now)
        newest = Told.objects.filter(clinic=clinic).order_by("-version").first()
        if newest is None or newest.numbers != numbers:
            _tell(standing, numbers, now)
        standing.save()
    return standing


def numbers_of(
    clinic: Clinic, wishes: Preferences, found: Freshness, now: datetime
) -> dict[str, Any]:
    """Return what who watches is told: the named periods' numbers, and how current they are."""
    today = now.astimezone(clinic.zone).date()
    told: dict[str, Any] = {
        name.value: figures.of(clinic, named(name, today, wishes.week_starts_on), today)
        for name in Name
    }
    insight = Insight.objects.filter(clinic=clinic).values_list("computed_at", flat=True).first()
    return told | {
        "lastUpdated": found.last_updated.isoformat() if found.last_updated else None,
        "status": found.state.value,
        "insightsAt": insight.isoformat() if insight else None,
    }


def next_midnight(today: date, clinic: Clinic) -> datetime:
    """Return when the clinic's next date begins."""
    return datetime.combine(today + timedelta(days=1), time.min, tzinfo=clinic.zone)


def _changes_at(clinic: Clinic, found: Freshness, now: datetime) -> datetime:
    midnight = next_midnight(now.astimezone(clinic.zone).date(), clinic)
    if found.stale_at and found.stale_at > now:
        return min(midnight, found.stale_at)
    return midnight


def _held(clinic: Clinic, now: datetime) -> Standing:
    """Return the clinic's standing, locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_MAKE, [clinic.pk, clinic.organization_id, now])
    return Standing.objects.select_for_update().get(pk=clinic.pk)


def _take(clinic_id: UUID) -> list[tuple[datetime, UUID | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [clinic_id])
        return list(dict.fromkeys(cursor.fetchall()))


def _tell(standing: Standing, numbers: dict[str, Any], now: datetime) -> None:
    standing.version += 1
    standing.changed_at = now
    Told.objects.create(
        organization_id=standing.organization_id,
        clinic_id=standing.clinic_id,
        version=standing.version,
        at=now,
        numbers=numbers,
    )
    transaction.on_commit(lambda: live.publish(standing.clinic_id, standing.version))
