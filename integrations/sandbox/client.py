"""A small client for a sandbox's control, for tests and demonstrations."""

import json
from datetime import datetime
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit


class ControlRefused(ValueError):
    """The sandbox's control did not take an instruction; the text is its own."""


class ControlClient:
    """Directs a running sandbox, in this process or another; see `integrations.sandbox.control`.

    It speaks through the standard library's HTTP client, which mocks of `requests` do not touch.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._call("GET", "/clock")["now"])

    def advance(self, seconds: float) -> datetime:
        return self._set_clock(advance_seconds=seconds)

    def set_now(self, moment: datetime) -> datetime:
        return self._set_clock(now=moment.isoformat())

    def freeze(self, frozen: bool = True) -> datetime:
        return self._set_clock(freeze=frozen)

    def knobs(self, **changes: object) -> dict[str, Any]:
        """Turn some knobs, or none. Return all."""
        knobs: dict[str, Any] = self._call("PATCH", "/knobs", changes)
        return knobs

    def fault(self, on: str, fault: str, *, count: int = 1, seconds: float = 5) -> None:
        """Let the next `count` calls that match `on` go wrong."""
        self._call(
            "POST", "/faults", {"on": on, "fault": fault, "count": count, "seconds": seconds}
        )

    def faults(self) -> list[dict[str, Any]]:
        """Return the faults that have not struck yet."""
        found: list[dict[str, Any]] = self._call("GET", "/faults")
        return found

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def expire_keys(self, office_id: str | None = None) -> int:
        found: int = self._call("POST", "/expire_keys", _given(office_id=office_id))["expired"]
        return found

    def books(self, office_id: str | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", "/books", query=_given(office_id=office_id))
        return found

    def calls(self, office_id: str | None = None, *, limit: int = 1000) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call(
            "GET", "/calls", query=_given(office_id=office_id, limit=limit)
        )
        return found

    def change(
        self,
        office_id: str,
        kind: str,
        action: str,
        id: str = "",
        *,
        into: str = "",
        **values: object,
    ) -> str:
        """Do what the practice's own people would, and return the record's id; see `pms.Change`."""
        body = {"kind": kind, "action": action, "id": id, "into": into, "values": values}
        done: str = self._call("POST", "/records", {"office_id": office_id, **body})["id"]
        return done

    def webhook(self, office_id: str, url: str, event: str, **options: str) -> int:
        """Let the PMS send one webhook to `url`, and return the status that was answered.

        Sikka takes `callback_key` and `practice_id`, rest `secret` and `id`. Raises ControlRefused
        where nobody answered.
        """
        body = {"office_id": office_id, "url": url, "event": event, **options}
        status: int = self._call("POST", "/webhooks", body)["status"]
        return status

    def truth(self, office_id: str) -> dict[str, Any]:
        """Return the patients and appointments as they are at the practice; see `pms.Pms.truth`."""
        found: dict[str, Any] = self._call("GET", "/truth", query={"office_id": office_id})
        return found

    def credentials(self) -> dict[str, Any]:
        """Return what a client needs to begin, by PMS."""
        found: dict[str, Any] = self._call("GET", "/credentials")
        return found

    def reset(self) -> None:
        self._call("POST", "/reset")

    def _set_clock(self, **change: object) -> datetime:
        return datetime.fromisoformat(self._call("POST", "/clock", change)["now"])

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
    ) -> Any:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        target = f"{address.path}{path}?{urlencode(query or {})}"
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            response = connection.getresponse()
            content = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= 400:
            raise ControlRefused(content["error"])
        return content


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
