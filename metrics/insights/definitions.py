"""The one definition of each insight; docs/insights.md shows the same, held to it by a test.

A change of what a number means gets a new version, so that two of them are never compared unaware.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Days that are looked back on, and ahead, today counted with the latter.
PAST_DAYS: Final = 30
COMING_DAYS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a number means. All dates are of the clinic's own calendar."""

    name: str
    version: int
    label: str
    sentence: str
    unit: str
    window: str
    #: What `n` counts, in the plural: the number is worked out from so many of these.
    counted_from: str
    exclusions: str
    #: With fewer than this it says nothing.
    least: int


BOOKING_LEAD_TIME: Final = Definition(
    name="bookingLeadTime",
    version=1,
    label="Booking lead time",
    sentence="The median number of days from the date on which an appointment was made to the date "
    "on which it starts.",
    unit="days",
    window="Appointments made in the last 30 days.",
    counted_from="appointments made in the last 30 days",
    exclusions="Cancelled, proposed and removed appointments; those entered after they began; "
    "those of which nobody knows when they were made.",
    least=5,
)
FILL_RATE: Final = Definition(
    name="fillRate",
    version=1,
    label="Fill rate",
    sentence="The share of the open minutes of all practitioners that is booked.",
    unit="percent",
    window="The coming 14 days, from now on.",
    counted_from="practitioners whose hours are known",
    exclusions="Practitioners whose hours nobody has said, or who are not active; closures; "
    "bookings out of hours; of two bookings at once the second.",
    least=1,
)
EMPTY_SLOTS_VALUE: Final = Definition(
    name="emptySlotsValue",
    version=1,
    label="Value of the empty slots",
    sentence="The open hours that nobody has booked, times what the clinic itself says that an "
    "hour of treatment is worth to it.",
    unit="money",
    window="The coming 14 days, from now on.",
    counted_from="practitioners whose hours are known",
    exclusions="As of the fill rate; nothing is said before the clinic has set its value of an "
    "hour.",
    least=1,
)
REFILLED_CANCELLATIONS: Final = Definition(
    name="refilledCancellations",
    version=1,
    label="Cancellations refilled within a day",
    sentence="The share of cancellations of which at least half of the time was booked again with "
    "the same practitioner, by appointments made within a day and still standing.",
    unit="percent",
    window="Cancellations of 30 days, up to the day before yesterday: each has had its day.",
    counted_from="cancellations whose day to be refilled is over",
    exclusions="Cancellations after the appointment had begun, without a practitioner, or of a "
    "time now taken by an appointment of which nobody knows when it was made; appointments that "
    "were moved count neither as cancelled nor as made.",
    least=5,
)
DUE_NOT_REBOOKED: Final = Definition(
    name="dueNotRebooked",
    version=1,
    label="Patients due and not rebooked",
    sentence="Patients whose last visit was 6 to 24 months ago and who have nothing booked.",
    unit="patients",
    window="Last visits from 24 months ago up to 6 months ago; bookings from today on.",
    counted_from="patients who came in the last 24 months",
    exclusions="Archived, removed and merged patients (the visits of a merged one count for whom "
    "they were merged into); missed and cancelled appointments are no visits, proposals no "
    "bookings.",
    least=1,
)
NO_SHOW_RISK: Final = Definition(
    name="noShowRisk",
    version=1,
    label="Expected no-shows",
    sentence="The sum of the coming appointments' risks of being missed, each from three inputs: "
    "how long before it was made, what the patient has kept and missed within a year, and the "
    "weekday.",
    unit="visits",
    window="Appointments of the coming 14 days; learned from the visits of the 365 days before "
    "today.",
    counted_from="visits of the last 365 days",
    exclusions="Cancelled appointments, those without a patient, and those entered after they "
    "began; it refuses nobody anything: no part of Frontdesk decides by it.",
    least=200,
)
MINUTES_SAVED: Final = Definition(
    name="minutesSaved",
    version=1,
    label="Front-desk minutes saved",
    sentence="Confirmed writebacks, times the minutes that the clinic itself says one of its kind "
    "saves.",
    unit="minutes",
    window="Writebacks confirmed in the last 30 days.",
    counted_from="confirmed writebacks of the last 30 days whose minutes the clinic has set",
    exclusions="Kinds of writeback for which the clinic has set no minutes; failed, cancelled and "
    "unconfirmed ones.",
    least=1,
)
BOOKED_OUTSIDE_HOURS: Final = Definition(
    name="bookedOutsideHours",
    version=1,
    label="Booked outside opening hours",
    sentence="The share of bookings that were made while the clinic was closed.",
    unit="percent",
    window="Appointments made in the last 30 days, by the opening hours as they are set now.",
    counted_from="appointments made in the last 30 days of which the time of day is known",
    exclusions="As of the booking lead time; appointments of which only the date is known on which "
    "they were made.",
    least=5,
)
TIME_TO_CONFIRMATION: Final = Definition(
    name="timeToConfirmation",
    version=1,
    label="Time to confirmation",
    sentence="The median number of seconds from when a writeback was asked for to when the PMS "
    "confirmed it.",
    unit="seconds",
    window="Writebacks confirmed in the last 30 days.",
    counted_from="writebacks that the PMS confirmed in the last 30 days",
    exclusions="Writebacks that failed or were cancelled, and those that a person decided to be "
    "done.",
    least=5,
)

#: All of them, in the order in which they are shown.
DEFINITIONS: Final = (
    BOOKING_LEAD_TIME,
    FILL_RATE,
    EMPTY_SLOTS_VALUE,
    REFILLED_CANCELLATIONS,
    DUE_NOT_REBOOKED,
    NO_SHOW_RISK,
    MINUTES_SAVED,
    BOOKED_OUTSIDE_HOURS,
    TIME_TO_CONFIRMATION,
)
