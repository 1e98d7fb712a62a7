"""How one service is spoken to, as data: what the options of an integration come to.

Read once by `parsing.parse`; nothing here changes after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from integrations.adapters.rest.fields import DAYS, Field, Path
from integrations.adapters.rest.options import Place
from integrations.queries import Ability, Changes, Resource

#: How a parameter that is a day is written: as a date, or as the moment at which the day begins.
DAY_FORMATS: Final = (*DAYS, "moment", "unix", "unix_ms")
#: How a parameter that is a moment is written; `date` is its day alone.
MOMENT_FORMATS: Final = ("iso", "date", "wall", "unix", "unix_ms")
#: West of here no local date is any further behind.
FURTHEST_WEST: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Auth:
    """How a call says who we are."""

    style: str
    header: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How a list is cut into pages, and where an answer tells of the next one."""

    style: str
    #: Name of the parameter that tells the place: a page's number, an offset or a cursor.
    param: str
    #: Name of the parameter that tells how many records; "" where there is none.
    size_param: str
    size: int
    #: Number of the first page.
    first: int
    items: Path
    next: Place
    total: Place
    #: Whether a page with fewer records than were asked for is the last one.
    ends_short: bool


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a call, and how its value is written."""

    name: str
    format: str = ""

    def of_day(self, day: date, zone: ZoneInfo | None) -> str:
        """Return a day, or the moment at which it begins there."""
        if self.format in DAYS:
            return day.strftime(DAYS[self.format][0])
        begins = datetime.combine(day, time(), zone or UTC)
        return Param("", "iso" if self.format == "moment" else self.format).of_moment(begins, zone)

    def of_moment(self, moment: datetime, zone: ZoneInfo | None) -> str:
        """Return a moment."""
        match self.format:
            case "unix":
                return str(int(moment.timestamp()))
            case "unix_ms":
                return str(int(moment.timestamp() * 1000))
            case "date":
                # Its date where that is furthest behind: a day too early leaves nothing out.
                return (moment.astimezone(UTC) - FURTHEST_WEST).date().isoformat()
            case "wall":
                local = moment.astimezone(zone or UTC)
                return local.replace(tzinfo=None).isoformat(timespec="seconds")
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class ChangesBy:
    """How a list is asked for what changed."""

    param: Param
    #: Further parameters of such a call.
    params: Mapping[str, str]
    told: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list of the service, or one that options spell out themselves."""

    resource: Resource
    path: str
    #: Path of one record, with {id}; "" where none can be asked for.
    one: str
    #: Where the record stands in the answer that tells one.
    record: Path
    #: Parameters of every call.
    params: Mapping[str, str]
    paging: Paging
    fields: Mapping[str, Field]
    changes: ChangesBy | None
    #: The parameters that bound appointments by their days, the last one included.
    window: tuple[Param, Param] | None
    #: Its records, where the service does not list them.
    fixed: tuple[Any, ...] | None

    @property
    def told(self) -> Changes:
        """How the list tells what changed."""
        return self.changes.told if self.changes else Changes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One way to change something: our fields and where they stand in the body."""

    operation: str
    method: str
    #: With {id} for what is changed, if something that there is.
    path: str
    body: Mapping[str, Field]
    #: What is always sent along.
    constants: Mapping[Path, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The service's own list of free times."""

    path: str
    params: Mapping[str, str]
    #: Our word for what is asked → their parameter.
    asks: Mapping[str, Param]
    items: Path
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Where the service says whom the credential lets in."""

    path: str
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All that is known of one service."""

    #: Of all times without a zone, and of sites that tell none. None: it is each site's own.
    zone: ZoneInfo | None
    auth: Auth
    account: AccountPage | None
    lists: Mapping[Resource, Listing]
    #: Their word, in lower case → FHIR's code.
    statuses: Mapping[str, str]
    #: Their words as they are written, in order.
    words: tuple[str, ...]
    #: Our word for what is looked for → their parameter of the list of patients.
    search: Mapping[str, Param]
    slots: Slots | None
    writes: Mapping[str, Write] = field(default_factory=dict)

    def status(self, word: str) -> str:
        """Return FHIR's code for one of their words; one that is not described is booked."""
        return self.statuses.get(word.strip().casefold(), "booked")

    @property
    def operations(self) -> frozenset[str]:
        """What of `writebacks` can be asked of it. Cancelling is setting a status, if need be."""
        found = set(self.writes)
        if "set_status" in found and "cancelled" in self.statuses.values():
            found.add("cancel")
        return frozenset(found)

    @property
    def abilities(self) -> frozenset[Ability]:
        """What it can be asked beside its lists."""
        found = set()
        for resource, ability in (
            (Resource.PATIENTS, Ability.LOOK_UP_PATIENT),
            (Resource.APPOINTMENTS, Ability.LOOK_UP_APPOINTMENT),
        ):
            if resource in self.lists and self.lists[resource].one:
                found.add(ability)
        if self.slots:
            found.add(Ability.FREE_TIMES)
        if "phone" in self.search:
            found.add(Ability.SEARCH_BY_PHONE)
        if "email" in self.search:
            found.add(Ability.SEARCH_BY_EMAIL)
        if {"last_name", "birth_date"} & set(self.search):
            found.add(Ability.SEARCH_BY_NAME)
        return frozenset(found)
