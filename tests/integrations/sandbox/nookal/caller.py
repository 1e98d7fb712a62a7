"""A caller of the simulated Nookal that needs no network: the application is called directly."""

from datetime import UTC, datetime
from typing import Any

from werkzeug.test import Client, TestResponse

from integrations.sandbox.application import Sandbox
from integrations.sandbox.clock import Clock
from integrations.sandbox.knobs import Knobs

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # 12:00 in Melbourne, 11:00 in Coolangatta
PREFIX = "/nookal/production/v2"

# A Sunday, on which the world has no appointments.
BOOKING = {
    "location_id": "1",
    "appointment_date": "2026-03-08",
    "start_time": "09:30:00",
    "patient_id": "5",
    "practitioner_id": "1",
    "appointment_type_id": "1",
}
PERSON = {"first_name": "Ngozi", "last_name": "O'Hara", "date_of_birth": "1988-02-29"}


class Caller:
    def __init__(self, *, now: datetime = MONDAY, state: Any = None, **knobs: object) -> None:
        self.slept: list[float] = []
        self.clock = Clock(now, frozen=True)
        self.sandbox = Sandbox(
            clock=self.clock, state=state, knobs=Knobs().turned(knobs), sleep=self.slept.append
        )
        self.client = Client(self.sandbox)
        self.credentials = self.control("GET", "/credentials")["nookal"]
        self.keys = {item["office_id"]: item["api_key"] for item in self.credentials["offices"]}

    def call(self, function: str, *, office: str = "nookal-1", **given: object) -> TestResponse:
        """Call a function as an account, with its key and all else in a form."""
        form = {name: str(value) for name, value in given.items()}
        return self.client.post(f"{PREFIX}/{function}", data={"api_key": self.keys[office], **form})

    def ask(self, function: str, **options: Any) -> dict[str, Any]:
        """Call a function that must succeed, and return the whole answer."""
        response = self.call(function, **options)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.get_json()
        assert answer["status"] == "success", answer
        assert answer["data"]["api_call"] == function
        return answer

    def results(self, function: str, **options: Any) -> Any:
        return self.ask(function, **options)["data"]["results"]

    def refusal(self, function: str, **options: Any) -> dict[str, Any]:
        """Call a function that must fail, and return the details."""
        response = self.call(function, **options)
        assert response.status_code == 200
        answer = response.get_json()
        assert answer["status"] == "failure", answer
        assert "data" not in answer
        details: dict[str, Any] = answer["details"]
        return details

    def alerts(self, function: str, **options: Any) -> list[str]:
        found: list[str] = self.refusal(function, **options)["alerts"]
        return found

    def book(self, **changes: object) -> str:
        office = str(changes.pop("office", "nookal-1"))
        given = {**BOOKING, **changes}
        found: str = self.results("addAppointmentBooking", office=office, **given)["appointment_id"]
        return found

    def register(self, **changes: object) -> str:
        found: str = self.results("addPatient", **{**PERSON, **changes})["patient_id"]
        return found

    def appointment(self, number: str, **options: Any) -> dict[str, Any]:
        """Return one appointment, which Nookal has no function for."""
        found = self.results("getAppointments", page_length=200, **options)["appointments"]
        (one,) = [item for item in found if item["ID"] == number]
        return one

    def patient(self, number: str, **options: Any) -> dict[str, Any]:
        (one,) = self.results("searchPatients", patient_id=number, **options)["patients"]
        return one

    def ids(self, function: str, key: str, **options: Any) -> list[str]:
        return [item["ID"] for item in self.results(function, page_length=200, **options)[key]]

    def change(self, kind: str, action: str, id: str = "", **values: Any) -> str:
        office = values.pop("office", "nookal-1")
        body = {"kind": kind, "action": action, "id": id, "into": values.pop("into", "")}
        found: str = self.control(
            "POST", "/records", {"office_id": office, **body, "values": values}
        )["id"]
        return found

    def refused_change(self, kind: str, action: str, id: str = "", **values: Any) -> str:
        body = {"kind": kind, "action": action, "id": id, "into": values.pop("into", "")}
        response = self.client.post(
            "/control/records", json={"office_id": "nookal-1", **body, "values": values}
        )
        assert response.status_code == 400, response.text
        complaint: str = response.get_json()["error"]
        return complaint

    def truth(self, office: str = "nookal-1") -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", f"/truth?office_id={office}")
        return found

    def made(self, office: str = "nookal-1") -> dict[str, Any]:
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
