"""One call to the simulated service: who asks, what for, and how times are read and written.

Every time follows one rule, in and out. One without an offset is the account's wall clock; answers
have an offset only if the knob `rest_zoned` says so.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from integrations.sandbox.pms import Stage

from .accounts import Account
from .errors import Refused, Wrong, invalid

Item = dict[str, Any]

WALL_CLOCK = "%Y-%m-%dT%H:%M:%S"


@dataclass
class Call:
    """A request with its account, which is filled in as soon as it is known."""

    stage: Stage
    request: Request
    known: Account | None = None
    write_id: int | None = None
    now: datetime = field(init=False)

    def __post_init__(self) -> None:
        # The service keeps times to the second.
        self.now = self.stage.clock.now().replace(microsecond=0)

    @property
    def account(self) -> Account:
        if self.known is None:
            raise LookupError("nobody was admitted yet")
        return self.known

    @property
    def stamp(self) -> str:
        return stamped(self.now)

    def parameter(self, name: str) -> str:
        return self.request.args.get(name, "").strip()

    def number(self, name: str, *, least: int = 0) -> int | None:
        """Return a parameter that is a whole number. Empty is None."""
        text = self.parameter(name)
        if not text:
            return None
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or int(text) < least:
            raise invalid(name, f"must be a whole number, {least} or more")
        return int(text)

    def time(self, name: str) -> datetime | None:
        """Return a parameter that is a time, in UTC. Empty is None."""
        text = self.parameter(name)
        try:
            return self.read_time(text) if text else None
        except Wrong as wrong:
            raise invalid(name, str(wrong)) from None

    def read_time(self, value: object) -> datetime:
        """Return a time that was sent, in UTC. A date alone is its midnight. Raises Wrong."""
        try:
            time = datetime.fromisoformat(str(value))
            if time.tzinfo is not None:
                return time.astimezone(UTC)
            moment = time.replace(tzinfo=self.account.zone).astimezone(UTC)
            if moment.astimezone(self.account.zone).replace(tzinfo=None) == time:
                return moment
        except (ValueError, OverflowError):
            raise Wrong("must be a time in ISO 8601") from None
        raise Wrong("does not exist on that day, when the clocks go forward")

    def write_time(self, moment: datetime) -> str:
        local = moment.astimezone(self.account.zone)
        return (
            local.isoformat(timespec="seconds")
            if self.stage.knobs.rest_zoned
            else local.strftime(WALL_CLOCK)
        )

    def body(self) -> dict[str, Any]:
        if not self.request.is_json:
            raise Refused(415)
        content = self.request.get_json(silent=True)
        if not isinstance(content, dict):
            raise Refused(400)
        return content


def document(content: object, status: int = 200) -> Response:
    text = json.dumps(content, ensure_ascii=False)
    return Response(text, status=status, content_type="application/json")


def stamped(moment: datetime) -> str:
    """Write a moment as the records keep it, so that its text sorts as time does."""
    return moment.astimezone(UTC).strftime(f"{WALL_CLOCK}Z")
