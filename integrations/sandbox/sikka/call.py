"""One call to the simulated gateway: what was asked, by whom, and the shape of a list."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from integrations.sandbox.pms import Stage

from .errors import refused, wrong

# Page sizes from Sikka's public API documentation. What a larger limit does there is unverified;
# here it counts as the largest.
DEFAULT_LIMIT = 50
MAX_LIMIT = 5000

Item = dict[str, str]
# What an answer took, in milliseconds: a number from a sample, for most answers.
USUAL_EXECUTION = "47"
T = TypeVar("T")


@dataclass
class Call:
    """A request with its caller, who is filled in as soon as known."""

    stage: Stage
    request: Request
    prefix: str
    app_id: str | None = None
    office_id: str = ""
    request_key: str = ""
    key_expires_at: datetime | None = None
    write_id: int | None = None
    late: float = 0.0
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.stage.clock.now()

    @property
    def base(self) -> str:
        return self.request.host_url.rstrip("/") + self.prefix

    def practice(self, practice_id: str) -> str:
        """Return the address of a practice, which those of its records begin with."""
        return f"{self.base}/practices/{practice_id}"

    @property
    def limit(self) -> int:
        limit = self.number("limit")
        if limit == 0:
            raise wrong("limit", "must be 1 or more")
        return min(limit or DEFAULT_LIMIT, MAX_LIMIT)

    @property
    def page(self) -> int:
        """The page asked for. Its parameter is called offset and yet counts pages."""
        return self.number("offset") or 0

    def parameter(self, name: str) -> str:
        return self.request.args.get(name, "").strip()

    def required(self, name: str) -> str:
        value = self.parameter(name)
        if not value:
            raise wrong(name, "is required")
        return value

    def day(self, name: str) -> date | None:
        return parsed(name, self.parameter(name), iso_day, "must be a date, yyyy-mm-dd")

    def number(self, name: str) -> int | None:
        return parsed(name, self.parameter(name), whole_number, "must be a whole number")

    def fields(self) -> dict[str, str]:
        """Return the fields of the JSON body as strings, which is how the gateway keeps them."""
        if not self.request.is_json:
            raise refused("API1006")
        body = self.request.get_json(silent=True)
        if not isinstance(body, dict):
            raise refused("API1026", "The body must be a JSON object.")
        return {name: _text(value) for name, value in body.items() if value is not None}

    def listing(
        self,
        items: Sequence[Mapping[str, Any]],
        total: int,
        *,
        wrapped: bool = False,
        took: str = USUAL_EXECUTION,
    ) -> Response:
        """Return one page in the list envelope, or 204 without a body where there is nothing."""
        if not items:
            return Response(status=204)
        page, limit, last = self.page, self.limit, math.ceil(total / self.limit) - 1
        envelope = {
            "offset": str(page),
            "limit": str(limit),
            "total_count": str(total),
            "execution_time": took,
            "pagination": {
                "first": self._link(0),
                "previous": self._link(page - 1) if page > 0 else "",
                "current": self._link(page),
                "next": self._link(page + 1) if page < last else "",
                "last": self._link(last),
            },
            "items": items,
        }
        return self.document([envelope] if wrapped else envelope)

    def listing_of(self, items: Sequence[Item]) -> Response:
        """Return the asked-for page of items that are all at hand."""
        skip = self.page * self.limit
        return self.listing(items[skip : skip + self.limit], len(items))

    def document(self, content: object) -> Response:
        return Response(
            json.dumps(content, indent=4, ensure_ascii=False), content_type="application/json"
        )

    def _link(self, page: int) -> str:
        others = {
            name: value
            for name, value in self.request.args.items()
            if name not in ("offset", "limit", "request_key")
        }
        query = urlencode({"offset": page, "limit": self.limit, **others})
        return f"{self.request.base_url}?{query}"


def parsed(name: str, value: str, read: Callable[[str], T], rule: str) -> T | None:
    """Read a parameter's value, or refuse the call with the rule. Empty is None."""
    if not value:
        return None
    try:
        return read(value)
    except ValueError:
        raise wrong(name, rule) from None


def iso_day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(text)
    return date.fromisoformat(text)


def whole_number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise ValueError(text)
    return int(text)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
