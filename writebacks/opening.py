"""Whether a time lies within the opening hours that an integration's profile has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from clinics.models import Practitioner
from integrations.profile_model import Profile
from integrations.profiles import open_intervals
from writebacks.free_time import DAY, Hours, Interval, Timeline, whole_day


def hours_of(profile: Profile, practitioner: Practitioner, zone: ZoneInfo) -> Hours | None:
    """Return when the practitioner works, by the site's calendar; None where nobody has said."""
    if not (profile.practitioner_hours.get(str(practitioner.pk)) or profile.hours):
        return None

    def hours(day: date) -> Iterable[Interval]:
        return [Interval(*span) for span in open_intervals(profile, practitioner, day, zone) or ()]

    return hours


def is_open(
    profile: Profile,
    practitioner: Practitioner,
    starts_at: datetime,
    ends_at: datetime,
    zone: ZoneInfo,
) -> bool:
    """Return whether all of this time is open, as far as is known: what nobody has said is."""
    # In UTC: datetimes of one zone are compared by its wall clock.
    asked = Interval(starts_at.astimezone(UTC), ends_at.astimezone(UTC))
    day, last = (each.astimezone(zone).date() for each in asked)
    opened: list[Interval] = []
    while day <= last:
        spans = open_intervals(profile, practitioner, day, zone)
        opened += [whole_day(day, zone)] if spans is None else [Interval(*each) for each in spans]
        day += DAY
    return Timeline(opened).covers(asked)
