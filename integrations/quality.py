"""What is wanted of an adapter, and how far one has come: told in its manifest, tested for all."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Rule(enum.StrEnum):
    """One thing that is wanted; the value is what people read."""

    TYPED_ERRORS = "Every refusal of the PMS is one of our errors, with its moment to try again"
    SOURCED_NUMBERS = "Each limit and page size says where it comes from"
    ALL_PAGES = "A list is read to its end, whatever its paging does meanwhile"
    TELLS_CHANGES = "What changed can be asked for"
    TELLS_REMOVALS = "What was removed is told, without reading everything"
    TELLS_CANCELLATIONS = "Cancelled and missed appointments are told with what they are"
    SITE_TIMES = "Times are right in each site's own zone, over changes of the clocks too"
    BAD_RECORDS = "A record that cannot be read stops no other and is told with a reason"
    BOOKS = "Appointments are booked, moved and cancelled"
    PATIENTS = "Patients are created and changed"
    FINDS_LOST_WRITES = "A write without an answer is found again, or proved absent"
    FREE_TIMES = "The PMS's own free times are read"
    SEARCH = "Patients are searched for in the PMS"
    SANDBOX = "There is a simulated PMS that shares no code with it"
    LIVE_TESTED = "It was tried against the vendor's own system"


@dataclass(frozen=True, slots=True)
class Standing:
    """How an adapter stands to a rule. What is not done says why, or what is missing."""

    kind: str
    reason: str = ""


DONE = Standing("done")


def todo(missing: str) -> Standing:
    """Say what is still missing."""
    return Standing("todo", missing)


def exempt(reason: str) -> Standing:
    """Say why the rule does not hold for this PMS."""
    return Standing("exempt", reason)
