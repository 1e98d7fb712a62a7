"""A caller of the simulated Cliniko that needs no network: the application is called directly."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

from werkzeug.test import Client, TestResponse

from integrations.sandbox.application import Sandbox
from integrations.sandbox.clock import Clock
from integrations.sandbox.knobs import Knobs

# A Tuesday: 02:00 in Sydney, 01:30 in Adelaide. In London it is still Monday, 15:00.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PREFIX = "/cliniko/v1"
AGENT = "Frontdesk (contact@frontdesk.example)"
PERSON = {"first_name": "Ngozi", "last_name": "O'Hara", "date_of_birth": "1988-02-29"}


class Caller:
    def __init__(self, *, now: datetime = NOW, state: Any = None, **knobs: object) -> None:
        self.slept: list[float] = []
        self.clock = Clock(now, frozen=True)
        self.sandbox = Sandbox(
            clock=self.clock, state=state, knobs=Knobs().turned(knobs), sleep=self.slept.append
        )
        self.client = Client(self.sandbox)

    @property
    def keys(self) -> dict[str, str]:
        credentials = self.control("GET", "/credentials")["cliniko"]
        return {item["office_id"]: item["api_key"] for item in credentials["offices"]}

    def headers(self, key: str, **changes: str | None) -> dict[str, str]:
        """Return what a call must carry; a header changed to None is left out."""
        credentials = b64encode(f"{key}:".encode()).decode()
        usual = {
            "Authorization": f"Basic {credentials}",
            "Accept": "application/json",
            "User-Agent": AGENT,
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def call(
        self,
        method: str,
        path: str,
        *,
        office: str = "cliniko-1",
        headers: dict[str, str] | None = None,
        q: str | list[str] = (),
        json: Any = None,
        **query: object,
    ) -> TestResponse:
        """Call as an account. `q` is a filter or a list of them."""
        filters = [q] if isinstance(q, str) else list(q)
        return self.client.open(
            PREFIX + path,
            method=method,
            headers=self.headers(self.keys[office]) if headers is None else headers,
            query_string={"q[]": filters, **{name: str(value) for name, value in query.items()}},
            json=json,
        )

    def get(self, path: str, **options: Any) -> Any:
        """GET what must be there."""
        response = self.call("GET", path, **options)
        assert response.status_code == 200, response.text
        assert response.content_type == "application/json"
        return response.get_json()

    def listed(self, resource: str, **options: Any) -> list[dict[str, Any]]:
        """Return all records of a list, over its pages, which must fit together."""
        records: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.get(f"/{resource}", per_page=100, page=page, **options)
            records += answer[resource]
            if "next" not in answer["links"]:
                assert len(records) == answer["total_entries"]
                return records
            page += 1

    def ids(self, resource: str, **options: Any) -> list[str]:
        return [record["id"] for record in self.listed(resource, **options)]

    def first(self, resource: str, **options: Any) -> str:
        """Return the id of a list's first record."""
        found: str = self.get(f"/{resource}", per_page=1, **options)[resource][0]["id"]
        return found

    def complaint(self, path: str, **options: Any) -> str:
        """GET what must be answered by a 400, and return its message."""
        response = self.call("GET", path, **options)
        assert response.status_code == 400, response.text
        return response.text.rstrip("\n")

    def errors(self, method: str, path: str, **options: Any) -> dict[str, str]:
        """Ask for a write that must be refused as invalid, and return the message by field."""
        response = self.call(method, path, **options)
        assert response.status_code == 422, response.text
        answer = response.get_json()
        assert set(answer) == {"message", "errors"}
        assert answer["message"] == "Validation Failed"
        found: dict[str, str] = answer["errors"]
        return found

    def booking(self, office: str = "cliniko-1") -> dict[str, str]:
        """Return the body of a booking on a Sunday, on which the world has no appointments."""
        return {
            "starts_at": "2026-03-08T01:00:00Z",
            "patient_id": self.first("patients", office=office),
            "practitioner_id": self.first("practitioners", office=office),
            "business_id": self.first("businesses", office=office),
            "appointment_type_id": self.first("appointment_types", office=office),
        }

    def book(self, office: str = "cliniko-1", **changes: object) -> dict[str, Any]:
        body = {**self.booking(office), **changes}
        response = self.call("POST", "/individual_appointments", office=office, json=body)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.get_json()
        return made

    def register(self, **changes: object) -> dict[str, Any]:
        response = self.call("POST", "/patients", json={**PERSON, **changes})
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.get_json()
        return made

    def done(self, method: str, path: str, **options: Any) -> None:
        """Ask for a write that has nothing to tell, and must be done."""
        response = self.call(method, path, **options)
        assert (response.status_code, response.text) == (204, "")

    def patched(self, path: str, **fields: object) -> dict[str, Any]:
        response = self.call("PATCH", path, json=fields)
        assert response.status_code == 200, response.text
        changed: dict[str, Any] = response.get_json()
        return changed

    def change(self, kind: str, action: str, id: str = "", **values: Any) -> str:
        """Do what the account's own people would, and return the record's id."""
        response = self._change(kind, action, id, values)
        assert response.status_code == 200, response.text
        found: str = response.get_json()["id"]
        return found

    def refused_change(self, kind: str, action: str, id: str = "", **values: Any) -> str:
        response = self._change(kind, action, id, values)
        assert response.status_code == 400, response.text
        found: str = response.get_json()["error"]
        return found

    def truth(self, office: str = "cliniko-1") -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", f"/truth?office_id={office}")
        return found

    def made(self, office: str = "cliniko-1") -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "/books")["offices"][office]
        return found

    def control(self, method: str, path: str, json: Any = None) -> Any:
        response = self.client.open(f"/control{path}", method=method, json=json)
        assert response.status_code == 200, response.text
        return response.get_json()

    def turn(self, **knobs: object) -> None:
        self.control("PATCH", "/knobs", knobs)

    def fault(self, on: str, fault: str, **more: object) -> None:
        self.control("POST", "/faults", {"on": on, "fault": fault, **more})

    def _change(self, kind: str, action: str, id: str, values: dict[str, Any]) -> TestResponse:
        office, into = values.pop("office", "cliniko-1"), values.pop("into", "")
        body = {"office_id": office, "kind": kind, "action": action, "id": id, "into": into}
        return self.client.post("/control/records", json={**body, "values": values})


def linked(relation: dict[str, Any]) -> str:
    """Return the id that a relation's link ends in."""
    found: str = relation["links"]["self"].rpartition("/")[2]
    return found
