"""A caller of the simulated rest service that needs no network: it is called directly."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import Client, TestResponse

from integrations.sandbox.application import Sandbox
from integrations.sandbox.clock import Clock
from integrations.sandbox.knobs import Knobs

MONDAY = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 9:00 in Chicago, 7:00 in Vancouver

BOOKING = {
    "client_id": 20001,
    "staff_id": 101,
    "site_id": 11,
    "starts_at": "2026-03-10T19:30:00",  # after the doors are closed: free in every world
    "duration_minutes": 45,
}


class Service:
    def __init__(self, *, now: datetime = MONDAY, state: Any = None, **knobs: object) -> None:
        self.slept: list[float] = []
        self.clock = Clock(now, frozen=True)
        self.sandbox = Sandbox(
            clock=self.clock, state=state, knobs=Knobs().turned(knobs), sleep=self.slept.append
        )
        self.client = Client(self.sandbox)

    @property
    def credentials(self) -> dict[str, Any]:
        return self.control("GET", "/credentials")["rest"]

    def token(self, account: str = "rest-1") -> str:
        tokens = {item["office_id"]: item["token"] for item in self.credentials["offices"]}
        return tokens[account]

    def call(
        self,
        method: str,
        path: str,
        *,
        account: str = "rest-1",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> TestResponse:
        if headers is None:
            headers = {"Authorization": f"Bearer {self.token(account)}"}
        return self.client.open(f"/rest{path}", method=method, headers=headers, **options)

    def get(self, path: str, *, account: str = "rest-1", **query: object) -> TestResponse:
        # "from" is a word of Python.
        asked = {name.rstrip("_"): value for name, value in query.items()}
        return self.call("GET", f"{path}?{urlencode(asked)}", account=account)

    def data(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return a whole list by the way of pages that is usual here."""
        items: list[dict[str, Any]] = []
        for page in range(1, 100):
            answer = self.get(path, page=page, per_page=100, **query)
            assert answer.status_code == 200, answer.text
            items += answer.get_json()["data"]
            if len(items) >= answer.get_json()["total"]:
                break
        return items

    def one(self, path: str, **options: Any) -> dict[str, Any]:
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def write(self, method: str, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Make a write that the service must accept. Return the record."""
        answer = self.call(method, path, json=body, **options)
        assert answer.status_code == (201 if method == "POST" else 200), answer.text
        return answer.get_json()

    def change(
        self,
        kind: str,
        action: str,
        id: str = "",
        *,
        account: str = "rest-1",
        into: str = "",
        **values: object,
    ) -> str:
        """Do what the account's own people would, and return the record's id."""
        body = {"kind": kind, "action": action, "id": id, "into": into, "values": values}
        return self.control("POST", "/records", {"office_id": account, **body})["id"]

    def truth(self, account: str = "rest-1") -> dict[str, dict[str, Any]]:
        return self.control("GET", f"/truth?office_id={account}")

    def books(self, account: str = "rest-1") -> dict[str, list[dict[str, Any]]]:
        return self.control("GET", "/books")["offices"][account]

    def control(self, method: str, path: str, json: Any = None) -> Any:
        response = self.client.open(f"/control{path}", method=method, json=json)
        assert response.status_code == 200, response.text
        return response.get_json()

    def turn(self, **knobs: object) -> None:
        self.control("PATCH", "/knobs", knobs)

    def fault(self, on: str, fault: str, **more: object) -> None:
        self.control("POST", "/faults", {"on": on, "fault": fault, **more})


def wrong_fields(answer: TestResponse) -> dict[str, list[str]]:
    """Return what a 422 complains of."""
    assert answer.status_code == 422, answer.text
    return answer.get_json()["error"]["fields"]
