"""A caller of the simulated Sikka API that needs no network: the application is called directly."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import Client, TestResponse

from integrations.sandbox.application import Sandbox
from integrations.sandbox.clock import Clock
from integrations.sandbox.knobs import Knobs

MONDAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in Portland, 7:00 in Seattle

BOOKING = {
    "patient_id": "1001",
    "date": "2026-03-10",
    "time": "18:30",
    "provider_id": "DMD1",
    "length": 30,
    "operatory": "OP1",
    "practice_id": "1",
}


class Gateway:
    def __init__(self, *, now: datetime = MONDAY, state: Any = None, **knobs: object) -> None:
        self.slept: list[float] = []
        self.clock = Clock(now, frozen=True)
        first_knobs = Knobs().turned({"delay": "10-20", **knobs})
        self.sandbox = Sandbox(
            clock=self.clock, state=state, knobs=first_knobs, sleep=self.slept.append
        )
        self.client = Client(self.sandbox)
        self.credentials = self.control("GET", "/credentials")["sikka"]
        self.secrets = {
            office["office_id"]: office["secret_key"] for office in self.credentials["offices"]
        }
        self.keys: dict[str, str] = {}

    @property
    def application(self) -> dict[str, str]:
        return {"App-Id": self.credentials["app_id"], "App-Key": self.credentials["app_key"]}

    def call(
        self,
        method: str,
        path: str,
        *,
        office: str | None = "D10001",
        headers: dict[str, str] | None = None,
        json: Any = None,
        **query: object,
    ) -> TestResponse:
        """Call as an office, or with `office=None` as the application."""
        if headers is None:
            headers = {"Request-Key": self.key(office)} if office else self.application
        if query:
            path = f"{path}?{urlencode(query)}"
        return self.client.open(f"/sikka/v4{path}", method=method, headers=headers, json=json)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def items(self, path: str, **options: Any) -> list[dict[str, str]]:
        response = self.get(path, **options)
        assert response.status_code in (200, 204), response.text
        if response.status_code == 204:
            return []
        envelope = response.get_json()
        return (envelope[0] if isinstance(envelope, list) else envelope)["items"]

    def key(self, office: str) -> str:
        if office not in self.keys:
            self.keys[office] = self.grant(office)["request_key"]
        return self.keys[office]

    def grant(self, office: str = "D10001", **changes: str | None) -> dict[str, str]:
        return self.ask_for_key(office, **changes).get_json()

    def ask_for_key(self, office: str = "D10001", **changes: str | None) -> TestResponse:
        body = {
            "grant_type": "request_key",
            "office_id": office,
            "secret_key": self.secrets.get(office),
            "app_id": self.credentials["app_id"],
            "app_key": self.credentials["app_key"],
            **changes,
        }
        given = {name: value for name, value in body.items() if value is not None}
        return self.call("POST", "/request_key", headers={}, json=given)

    def book(self, *, office: str = "D10001", **changes: object) -> int:
        response = self.call("POST", "/appointment", office=office, json={**BOOKING, **changes})
        assert response.status_code == 201, response.text
        return receipt_number(response)

    def write(self, method: str, path: str, body: dict[str, Any], **options: Any) -> int:
        """Ask for a write that the gateway must accept. Return its number."""
        response = self.call(method, path, json=body, **options)
        assert response.status_code == (201 if method == "POST" else 200), response.text
        return receipt_number(response)

    def done(self, write_id: int, *, office: str = "D10001") -> dict[str, str]:
        """Let the longest delay pass and return what became of a write."""
        self.clock.advance(20)
        return self.status_of(write_id, office=office)

    def status_of(self, write_id: int, *, office: str = "D10001") -> dict[str, str]:
        (item,) = self.items("/writeback_status", office=office, id=write_id)
        return item

    def listed(self) -> list[dict[str, str]]:
        """Return the application's list of today's writes."""
        day = self.clock.now().date()
        return self.items("/writebacks", office=None, startdate=day, enddate=day)

    def booked(self, office: str = "D10001") -> list[dict[str, str]]:
        """Return the appointments that came about through writes, by the sandbox's own record."""
        return self.books(office)["appointments"]

    def books(self, office: str = "D10001") -> dict[str, list[dict[str, Any]]]:
        return self.control("GET", "/books")["offices"][office]

    def control(self, method: str, path: str, json: Any = None) -> Any:
        response = self.client.open(f"/control{path}", method=method, json=json)
        assert response.status_code == 200, response.text
        return response.get_json()

    def change(
        self,
        kind: str,
        action: str,
        id: str = "",
        *,
        office: str = "D10001",
        into: str = "",
        **values: object,
    ) -> str:
        """Do what the practice's own people would, and return the record's id."""
        body = {"kind": kind, "action": action, "id": id, "into": into, "values": values}
        return self.control("POST", "/records", {"office_id": office, **body})["id"]

    def truth(self, office: str = "D10001") -> dict[str, dict[str, Any]]:
        return self.control("GET", f"/truth?office_id={office}")

    def turn(self, **knobs: object) -> None:
        self.control("PATCH", "/knobs", knobs)

    def fault(self, on: str, fault: str, **more: object) -> None:
        self.control("POST", "/faults", {"on": on, "fault": fault, **more})


def receipt_number(response: TestResponse) -> int:
    """Read a write's number where the real gateway hides it."""
    return int(response.get_json(force=True)["long_message"].removeprefix("Id:"))


def code(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json(force=True)["error_code"]
