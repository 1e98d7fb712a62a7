"""Cliniko's lists: where each stands, what lifts its hiding of records, and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from clinics.records import PmsRecord, Removed
from integrations.adapters.cliniko import mapping
from integrations.adapters.cliniko.fields import Item, written
from integrations.queries import Feed, Resource

#: The zones that reach furthest (UTC+14, UTC-12): bounds for where no site is known yet.
FURTHEST: Final = (timezone(timedelta(hours=14)), timezone(timedelta(hours=-12)))


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its address, its name in the envelope, and how its records are read."""

    path: str
    name: str
    read: Callable[[Item], PmsRecord | Removed]
    #: Times that hide a record from the list where they are set, unless a filter names them
    #: (documented of cancelled_at and archived_at; of deleted_at only that it is a filter).
    hiding: tuple[str, ...] = ()

    @property
    def filters(self) -> list[str]:
        """The filters that show what is hidden."""
        return [f"{name}:*" for name in self.hiding]


APPOINTMENTS: Final = Listing(
    "/individual_appointments",
    "individual_appointments",
    mapping.appointment,
    ("cancelled_at", "archived_at", "deleted_at"),
)
PATIENTS: Final = Listing("/patients", "patients", mapping.patient, ("archived_at",))
APPOINTMENT_TYPES: Final = Listing(
    "/appointment_types", "appointment_types", mapping.appointment_type, ("archived_at",)
)

#: What of Cliniko a resource is read from, in that order.
LISTS: Final[Mapping[Resource, Sequence[Listing]]] = {
    Resource.LOCATIONS: [
        Listing("/businesses", "businesses", mapping.location, ("archived_at", "deleted_at"))
    ],
    Resource.PRACTITIONERS: [
        Listing("/practitioners", "practitioners", mapping.practitioner),
        # Who is inactive has a list of their own.
        Listing("/practitioners/inactive", "practitioners", mapping.practitioner),
    ],
    Resource.APPOINTMENT_TYPES: [APPOINTMENT_TYPES],
    Resource.PATIENTS: [PATIENTS],
    Resource.APPOINTMENTS: [APPOINTMENTS],
}


def window(feed: Feed) -> list[str]:
    """Return the filters that bound appointments by local dates.

    They reach from where the first date begins at any of the sites to where the last one ends at
    any: with sites in several zones, some appointments of the days beside come along.
    """
    zones: Sequence[tzinfo] = [ZoneInfo(name) for name in set(feed.timezones.values())] or FURTHEST
    bounds = []
    if feed.first is not None:
        bounds.append(f"starts_at:>={written(min(_midnights(feed.first, zones)))}")
    if feed.last is not None:
        ends = _midnights(feed.last + timedelta(days=1), zones)
        bounds.append(f"starts_at:<{written(max(ends))}")
    return bounds


def _midnights(day: date, zones: Sequence[tzinfo]) -> list[datetime]:
    return [datetime.combine(day, time(), zone) for zone in zones]
