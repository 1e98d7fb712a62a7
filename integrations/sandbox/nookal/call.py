"""One call to the simulated Nookal: what was asked, by which account, and how a list is answered.

A POST carries its parameters as a form, a GET in its query; each is looked for only there.
Unverified: that Nookal does not mix the two. A parameter that is there and empty counts as not
given where something is asked for, and empties a field where something is changed.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TypeVar
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Request, Response

from integrations.sandbox.pms import Stage

from .accounts import Account
from .answers import missing, success, wrong

# From a hiring exercise that Nookal published.
DEFAULT_LENGTH = 100
MAX_LENGTH = 200

T = TypeVar("T")


@dataclass
class Call:
    """A request of an account that is admitted."""

    stage: Stage
    function: str
    parameters: Mapping[str, str]
    account: Account
    write_id: int | None = None
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.stage.clock.now()

    @property
    def office_id(self) -> str:
        return self.account.account_id

    @property
    def page(self) -> int:
        page = self.number("page")
        if page == 0:
            raise wrong("page", "must be 1 or more")
        return page or 1

    @property
    def page_length(self) -> int:
        """How many items a page has. That a longer one is a failure is unverified."""
        length = self.number("page_length")
        if length == 0 or (length or 0) > MAX_LENGTH:
            raise wrong("page_length", f"must be from 1 to {MAX_LENGTH}")
        return length or DEFAULT_LENGTH

    def text(self, name: str) -> str:
        return self.parameters.get(name, "").strip()

    def switch(self, name: str) -> bool:
        return self.text(name).lower() in ("1", "true")

    def require(self, *names: str) -> None:
        if absent := [name for name in names if not self.text(name)]:
            raise missing(absent)

    def number(self, name: str) -> int | None:
        return self._parsed(name, _whole_number, "must be a whole number")

    def day(self, name: str) -> date | None:
        return self._parsed(name, iso_day, "must be a date, YYYY-MM-DD")

    def clock(self, name: str) -> time | None:
        return self._parsed(name, _clock, "must be a time, HH:MM:SS")

    def moment(self, name: str) -> datetime | None:
        """Return a time of the account's records, in UTC.

        In which zone Nookal reads it is unknown; here a knob says it.
        """
        zone = ZoneInfo(self.stage.knobs.nookal_modified_zone)
        rule = "must be a time, YYYY-MM-DD HH:MM:SS"
        found = self._parsed(name, _wall_clock, rule)
        return found and found.replace(tzinfo=zone).astimezone(UTC)

    def listing(self, key: str, items: Sequence[object], total: int) -> Response:
        """Return one page of items. Pages are told in `settings`, counts in `details`."""
        more = self.page * self.page_length < total
        return success(
            self.function,
            {key: list(items)},
            objects=self.stage.knobs.nookal_objects,
            details={"totalItems": total, "currentItems": len(items)},
            settings={
                "currentPage": str(self.page),
                "nextPage": str(self.page + 1) if more else None,
                "pageLength": str(self.page_length),
            },
        )

    def listing_of(self, key: str, items: Sequence[object]) -> Response:
        """Return the asked-for page of items that are all at hand."""
        skip = (self.page - 1) * self.page_length
        return self.listing(key, items[skip : skip + self.page_length], len(items))

    def result(self, results: object) -> Response:
        return success(self.function, results, objects=self.stage.knobs.nookal_objects)

    def _parsed(self, name: str, read: Callable[[str], T], rule: str) -> T | None:
        value = self.text(name)
        if not value:
            return None
        try:
            return read(value)
        except ValueError:
            raise wrong(name, rule) from None


def parameters(request: Request) -> dict[str, str]:
    given = request.form if request.method == "POST" else request.args
    return dict(given.items())


def iso_day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(text)
    return date.fromisoformat(text)


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _clock(text: str) -> time:
    if not re.fullmatch(r"\d\d:\d\d:\d\d", text, re.ASCII):
        raise ValueError(text)
    return time.fromisoformat(text)


def _wall_clock(text: str) -> datetime:
    """Read a time, or a day for its midnight (unverified)."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", text, re.ASCII):
        raise ValueError(text)
    return datetime.fromisoformat(text)
