"""The one definition of each of the nine numbers; docs/metrics.md shows the same, held to it by a
test.

A change of what a number means gets a new version, and a migration that has all of them counted
anew, so that two of them are never compared unaware.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a number means. All dates are of the clinic's own calendar."""

    #: As in the API's answer.
    name: str
    #: The word of `metrics=` that asks for it.
    group: str
    version: int
    label: str
    sentence: str
    #: What is left out, and what it says where there is nothing to count.
    exclusions: str


DEFINITIONS: Final = (
    Definition(
        name="totalBookings",
        group="bookings",
        version=1,
        label="Bookings",
        sentence="Appointments that start within the period and stand, or whose time came, whoever "
        "came (pending, booked, arrived, checked in, fulfilled, no-show).",
        exclusions="Cancelled, proposed and waitlisted appointments, those entered in error, and "
        "those that the PMS no longer has. Nothing booked: 0.",
    ),
    Definition(
        name="totalBookingsChange",
        group="bookings",
        version=1,
        label="Change of bookings",
        sentence="How many percent more bookings there are than in the period before: the week or "
        "month before, or as many days just before the dates asked for.",
        exclusions="Null where the period before had no booking, and where it began before the "
        "clinic's first appointment that we know (a first period has nothing to compare with).",
    ),
    Definition(
        name="dailyAverage",
        group="bookings",
        version=1,
        label="Daily average",
        sentence="Bookings of the period, divided by its dates that have at least one.",
        exclusions="Dates without a booking, which are taken to be closed. Nothing booked: null.",
    ),
    Definition(
        name="missedAppointments",
        group="bookings",
        version=1,
        label="Missed appointments",
        sentence="Bookings of the period of which the PMS says that the patient did not come "
        "(no-show).",
        exclusions="Cancellations, however late, unless the PMS calls them no-shows. Nobody missed "
        "one: 0.",
    ),
    Definition(
        name="missedAppointmentsPercentage",
        group="bookings",
        version=1,
        label="Share missed",
        sentence="Missed appointments in percent of the bookings of the period that are decided: "
        "missed, come (arrived, checked in, fulfilled), or of a date before today, of which who "
        "was not marked as missed is taken to have come.",
        exclusions="Bookings of today and later that nothing is said about yet. Nothing decided: "
        "null.",
    ),
    Definition(
        name="activePatients",
        group="patients",
        version=1,
        label="Active patients",
        sentence="Patients with a visit (a booking that was not missed) within the clinic's number "
        "of days (365 unless it says otherwise, from 30 to 1,100) up to the period's last date, "
        "that date included, or up to today where the period is not over.",
        exclusions="Visits yet to come, appointments without a known patient, and later dates than "
        "today. Of merged patients each counts by the appointments that the PMS still has in its "
        "name.",
    ),
    Definition(
        name="newPatients",
        group="patients",
        version=1,
        label="New patients",
        sentence="Patients whose first visit that we know, kept or booked, is within the period.",
        exclusions="Missed and cancelled appointments, and those without a known patient. A "
        "patient whose earlier visits the PMS does not tell is new with the first that it tells.",
    ),
    Definition(
        name="bookingTrends",
        group="trends",
        version=1,
        label="Bookings by day",
        sentence="For each date of the period the bookings, those missed, the cancellations, and "
        "the new patients.",
        exclusions="Dates without a booking and without a cancellation are left out.",
    ),
    Definition(
        name="peakHours",
        group="trends",
        version=1,
        label="Peak hours",
        sentence="Bookings of the period by weekday (0 is Monday, whatever the week starts with) "
        "and hour of the clinic's clock in which they start, the busiest first.",
        exclusions="Hours without a booking are left out; an hour that comes twice, when the "
        "clocks go back, is one.",
    ),
)
#: The words of `metrics=` → the fields that they stand for.
GROUPS: Final = {
    group: tuple(each.name for each in DEFINITIONS if each.group == group)
    for group in dict.fromkeys(each.group for each in DEFINITIONS)
}
