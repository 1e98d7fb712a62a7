"""What can be read from a PMS: lists page by page, and single questions, in the PMS's own ids."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from clinics.records import PmsRecord, Removed, Unreadable


class Resource(enum.StrEnum):
    """A list that a PMS keeps, in the order in which they are read: later ones name earlier."""

    LOCATIONS = "locations"
    PRACTITIONERS = "practitioners"
    OPERATORIES = "operatories"
    APPOINTMENT_TYPES = "appointment_types"
    PATIENTS = "patients"
    APPOINTMENTS = "appointments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How a PMS's list tells what changed. All of it false: only a full pass can tell."""

    #: The list can be asked for what was created or changed since a moment.
    told: bool = False
    #: And what was removed since then is told, too.
    removals: bool = False
    #: By how much the moment asked for goes back behind the one that is meant: for clocks that
    #: differ, zones that are not documented, and records that show up late.
    overlap: timedelta = timedelta(minutes=5)
    #: It answers for no moment longer ago than this; None: for any.
    furthest: timedelta | None = None
    #: Days back and ahead of today that reading all of a list covers; None: whatever there is.
    covers: tuple[int, int] | None = None
    #: What the changes may leave out is seen by reading the days around today as well.
    needs_window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What is wanted of a list: all of it, or less by what else is set."""

    resource: Resource
    #: Only what was changed since then; the overlap is taken off already.
    changed_since: datetime | None = None
    #: Only appointments that start on these local dates, both included; None: no such bound.
    first: date | None = None
    last: date | None = None
    #: Location id → IANA zone of the sites known so far, for times that are wall clocks.
    timezones: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list, as one call answers it."""

    records: tuple[PmsRecord | Removed | Unreadable, ...]
    #: Where the next page begins, as text that only the adapter reads; "" after the last one. It
    #: is kept in the database, so it holds nothing of a patient, and at most 1,000 characters.
    next: str = ""
    #: Which part of the list it is of, where a list is read in several (by days, or by sites): a
    #: record may stand in two. The adapter alone counts them, so that they come to an end, and a
    #: page's number is none: a page of the same records in the same part is a circle.
    part: str = ""
    #: How many records the PMS says the whole list has. It may be wrong: for progress bars only.
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whom a credential lets us in as: the vendor's id of the practice, and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTimes:
    """A question for free times of one practitioner at one site, on local dates (included)."""

    practitioner_id: str
    location_id: str
    appointment_type: str
    first: date
    last: date
    #: IANA zone of the site.
    timezone: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTime:
    """A time that the PMS offers; both aware."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientQuery:
    """Whom to look for: by phone, by e-mail, or by name with birth date. Others are empty."""

    phone: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a patient owes (above 0) or has to their credit (below), in the practice's currency."""

    amount: Decimal
    as_of: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that a patient has paid."""

    id: str
    amount: Decimal
    paid_on: date | None
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """An insurance of a patient, as far as the PMS tells."""

    company: str
    plan: str = ""
    member_id: str = ""
    #: primary, secondary, …; the PMS's own word.
    rank: str = ""


class Ability(enum.StrEnum):
    """What some PMSs can be asked beside their lists; the manifest names those that one has."""

    #: `Adapter.free_times`
    FREE_TIMES = "free_times"
    #: `Adapter.lookup` of patients and of appointments by id.
    LOOK_UP_PATIENT = "look_up_patient"
    LOOK_UP_APPOINTMENT = "look_up_appointment"
    #: `Adapter.search_patients` by phone, by e-mail, by name and birth date.
    SEARCH_BY_PHONE = "search_by_phone"
    SEARCH_BY_EMAIL = "search_by_email"
    SEARCH_BY_NAME = "search_by_name"
    #: `Adapter.balance`, `payments`, `coverages`
    BALANCE = "balance"
    PAYMENTS = "payments"
    COVERAGES = "coverages"
