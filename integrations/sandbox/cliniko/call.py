"""One call to the simulated API: what was asked, by whom, and how addresses are written."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from integrations.sandbox.pms import Stage

from .accounts import ACCOUNTS, Account
from .answers import bad_request, unsupported_body

# Documented: 50 unless told, and at most 100.
DEFAULT_PER_PAGE = 50
MAX_PER_PAGE = 100

MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
# What SQLite and Cliniko's ids can hold.
LARGEST = 2**63 - 1


@dataclass
class Call:
    """A request with its account, which is filled in as soon as known."""

    stage: Stage
    request: Request
    prefix: str
    office_id: str = ""
    write_id: int | None = None
    now: datetime = field(init=False)
    base: str = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.stage.clock.now()
        self.base = self.request.host_url.rstrip("/") + self.prefix

    @property
    def account(self) -> Account:
        return ACCOUNTS[self.office_id]

    def link(self, path: str) -> dict[str, Any]:
        """Return a relation as the API writes it: an address within two objects."""
        return {"links": {"self": f"{self.base}/{path}"}}

    @property
    def per_page(self) -> int:
        return self._number("per_page", DEFAULT_PER_PAGE, MAX_PER_PAGE)

    @property
    def page(self) -> int:
        return self._number("page", 1, 10**9)

    def page_address(self, page: int) -> str:
        """Return this call's own address for another page, filters and all."""
        others = [
            (name, value)
            for name, value in self.request.args.items(multi=True)
            if name not in ("page", "per_page")
        ]
        given = [("per_page", self.per_page)] if "per_page" in self.request.args else []
        return f"{self.request.base_url}?{urlencode([*others, ('page', page), *given])}"

    def body(self) -> dict[str, Any]:
        """Return the JSON body. Nothing at all is an empty one."""
        if not self.request.get_data():
            return {}
        if not self.request.is_json:
            raise unsupported_body()
        body = self.request.get_json(silent=True)
        if not isinstance(body, dict):
            raise bad_request("The body must be a JSON object")
        return body

    def _number(self, name: str, default: int, largest: int) -> int:
        """Read a number of the query. What one out of bounds does there is unverified."""
        given = self.request.args.get(name)
        if given is None:
            return default
        if not re.fullmatch(r"\d{1,10}", given, re.ASCII) or not 1 <= int(given) <= largest:
            raise bad_request(f"{name} must be a number from 1 to {largest}")
        return int(given)


def written(moment: datetime) -> str:
    """Write a moment as Cliniko does: UTC, whole seconds. Such texts sort as time does."""
    return moment.astimezone(UTC).strftime(MOMENT)


def read_moment(text: object) -> datetime:
    """Read a moment in Cliniko's own form, the only one taken here. Raises ValueError."""
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        raise ValueError("must be a date time in UTC, like 2014-08-30T18:00:00Z")
    return datetime.strptime(text, MOMENT).replace(tzinfo=UTC)


def iso_day(text: object) -> date:
    """Read a day, yyyy-mm-dd. Raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError("must be a date, like 2014-08-30")
    return date.fromisoformat(text)


def read_id(value: object) -> str:
    """Read an id, as a string or a number. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,19}", value, re.ASCII):
        raise ValueError("must be an id")
    if int(value) > LARGEST:
        raise ValueError("must be an id")
    return value
