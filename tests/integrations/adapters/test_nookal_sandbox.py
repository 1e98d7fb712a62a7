"""Nookal's adapter against the simulated Nookal, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinics.records import AppointmentRecord, PatientRecord, PmsRecord
from integrations import registry
from integrations.adapters.nookal.adapter import Nookal
from integrations.commands import (
    BookAppointment,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import Receipt, SentWrite, State
from integrations.http.client import Client
from integrations.http.errors import NoAnswer, NotAuthorized, Refused, Throttled
from integrations.queries import Feed, FreeTimes, PatientQuery, Resource
from integrations.sandbox import RunningSandbox, running
from tests.integrations.guards import OpenGuard

#: A Tuesday, 9:00 in Brisbane and 10:00 in Sydney.
NOW = datetime(2030, 3, 4, 23, 0, tzinfo=UTC)
OFFICES = ("nookal-1", "nookal-2")


@dataclass
class Account:
    """One account of the sandbox, and how many calls were made to it."""

    sandbox: RunningSandbox
    office: dict[str, Any]
    guard: OpenGuard = field(default_factory=OpenGuard)

    @property
    def nookal(self) -> Nookal:
        client = Client(
            base_url=self.sandbox.systems["nookal"]["url"],
            guard=self.guard,
            user_agent="Frontdesk/test",
            timeout=(5, 5),
            is_sandbox=True,
            clock=lambda: self.now,
            wait=lambda seconds: None,
        )
        credential = {"api_key": self.office["api_key"]}
        adapter = registry.connect("nookal", client, "1", credential, {}, None)  # type: ignore[arg-type]
        assert isinstance(adapter, Nookal)
        return adapter

    @property
    def id(self) -> str:
        return str(self.office["office_id"])

    @property
    def now(self) -> datetime:
        return self.sandbox.control.now

    @property
    def truth(self) -> dict[str, Any]:
        return self.sandbox.control.truth(self.id)

    def change(self, *what: str, **values: object) -> str:
        return self.sandbox.control.change(self.id, *what, **values)

    def read(self, resource: Resource, **narrowed: Any) -> dict[str, Any]:
        """Read a list to its end; return what it has, by id."""
        feed = Feed(resource=resource, **narrowed)
        position, found = "", {}
        while True:
            page = self.nookal.page(feed, position, self.now)
            assert all(isinstance(each, PmsRecord) for each in page.records)
            found |= {each.external_id: each for each in page.records}
            position = page.next
            if not position:
                return found

    def calls(self) -> list[str]:
        return [attempt.path for attempt in self.guard.attempts]


def account(sandbox: RunningSandbox, office_id: str = "nookal-2") -> Account:
    offices = sandbox.systems["nookal"]["offices"]
    return Account(sandbox, next(each for each in offices if each["office_id"] == office_id))


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(seed=7, now=NOW, frozen=True, nookal_rate_limit=10_000) as sandbox:
        yield sandbox


@pytest.fixture
def ours(sandbox: RunningSandbox) -> Account:
    """The account with two sites, in two time zones."""
    return account(sandbox)


def as_truth(patient: PatientRecord) -> dict[str, Any]:
    return {
        "first_name": patient.first_name,
        "last_name": patient.last_name,
        "birth_date": patient.birth_date.isoformat() if patient.birth_date else "",
        "email": patient.email,
        "phone": patient.phone,
        "is_active": patient.is_active,
    }


def visit_as_truth(visit: AppointmentRecord) -> dict[str, Any]:
    return {
        "patient_id": visit.patient_id,
        "practitioner_id": visit.practitioner_id,
        "location_id": visit.location_id,
        "starts_at": visit.starts_at.isoformat(),
        "ends_at": visit.ends_at.isoformat(),
        "status": visit.status,
        "description": visit.description,
    }


# --- Reading ---


@pytest.mark.parametrize("office_id", OFFICES)
@pytest.mark.parametrize("objects", [False, True])
def test_the_lists_are_what_is_true_at_the_practice(
    sandbox: RunningSandbox, office_id: str, objects: bool
) -> None:
    sandbox.control.knobs(nookal_objects=objects)
    ours = account(sandbox, office_id)
    truth = ours.truth
    patients = ours.read(Resource.PATIENTS)
    visits = ours.read(Resource.APPOINTMENTS)
    assert {id: as_truth(each) for id, each in patients.items()} == truth["patients"]
    assert {id: visit_as_truth(each) for id, each in visits.items()} == truth["appointments"]
    assert len(patients) > 200
    assert {each.status for each in visits.values()} == {
        "booked", "cancelled", "fulfilled", "noshow",
    }  # fmt: skip
    pages = -(-len(patients) // 200) + -(-len(visits) // 200)
    assert len(ours.calls()) == pages


def test_the_small_lists_take_a_call_each(ours: Account) -> None:
    locations = ours.read(Resource.LOCATIONS)
    practitioners = ours.read(Resource.PRACTITIONERS)
    types = ours.read(Resource.APPOINTMENT_TYPES)
    assert {id: each.timezone for id, each in locations.items()} == {
        "1": "Australia/Brisbane",
        "2": "Australia/Sydney",
    }
    assert [id for id, each in practitioners.items() if not each.is_active] == ["4"]
    assert [(each.name, each.minutes) for each in types.values()][:1] == [
        ("Initial Consultation", 45)
    ]
    assert ours.calls() == ["/getLocations", "/getPractitioners", "/getAppointmentTypes"]


def test_each_key_lets_in_to_its_own_practice(sandbox: RunningSandbox) -> None:
    one, two = (account(sandbox, each).nookal.verify() for each in OFFICES)
    assert (one.name, two.name) == ("Riverbend Physiotherapy", "Border Coast Coolangatta")
    assert one.id != two.id


def test_a_wrong_key_lets_nobody_in(ours: Account) -> None:
    ours.office["api_key"] = "wrong"
    with pytest.raises(NotAuthorized):
        ours.nookal.verify()
    with pytest.raises(NotAuthorized):
        ours.nookal.issue_token("")


def test_too_many_calls_are_told_with_a_time(sandbox: RunningSandbox) -> None:
    sandbox.control.knobs(nookal_rate_limit=1)
    ours = account(sandbox)
    ours.nookal.verify()
    with pytest.raises(Throttled) as caught:
        ours.nookal.verify()
    assert caught.value.retry_at == ours.now + timedelta(seconds=60)


@pytest.mark.parametrize("zone", ["UTC", "Australia/Sydney", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_changes_are_told_in_whatever_zone_they_are_read(
    sandbox: RunningSandbox, zone: str
) -> None:
    sandbox.control.knobs(nookal_modified_zone=zone)
    ours = account(sandbox)
    overlap = ours.nookal.manifest.lists[Resource.PATIENTS].overlap
    since = ours.now - overlap
    sandbox.control.advance(60)
    changed = ours.change("patient", "update", "3", last_name="Married")
    new = ours.change("patient", "create", first_name="Newcomer")
    archived = ours.change("patient", "archive", "5")
    found = ours.read(Resource.PATIENTS, changed_since=since)
    assert {changed, new, archived} <= set(found)
    assert found["3"].last_name == "Married"
    assert found["5"].is_active is False
    assert len(found) < 20


@pytest.mark.parametrize("told", [False, True])
def test_a_cancellation_is_seen_by_the_change_or_by_the_window(
    sandbox: RunningSandbox, told: bool
) -> None:
    sandbox.control.knobs(nookal_modified_covers_cancellations=told)
    ours = account(sandbox)
    id = ours.change("appointment", "create", starts_at="2030-03-06T00:00:00+00:00")
    sandbox.control.advance(3 * 86_400)
    ours.change("appointment", "cancel", id)
    since = ours.now - timedelta(days=1)
    days = {"first": date(2030, 3, 1), "last": date(2030, 3, 31)}
    changes = ours.read(Resource.APPOINTMENTS, changed_since=since)
    window = ours.read(Resource.APPOINTMENTS, **days)
    assert (id in changes) is told
    assert (window[id].status, window[id].cancelled_at) == ("cancelled", ours.now)
    assert ours.nookal.manifest.lists[Resource.APPOINTMENTS].needs_window is True


# --- Single questions ---


def test_a_patient_is_looked_up_and_searched_for(ours: Account) -> None:
    everybody = ours.read(Resource.PATIENTS)
    who = next(each for each in everybody.values() if each.email and each.birth_date)
    assert ours.nookal.lookup(Resource.PATIENTS, who.external_id) == who
    by_email = ours.nookal.search_patients(PatientQuery(email=who.email.upper()))
    by_name = ours.nookal.search_patients(
        PatientQuery(first_name=who.first_name, last_name=who.last_name, birth_date=who.birth_date)
    )
    assert who in by_email
    assert who in by_name


def test_a_patient_who_was_deleted_is_removed(ours: Account) -> None:
    ours.change("patient", "delete", "3")
    removed = ours.nookal.lookup(Resource.PATIENTS, "3")
    assert not isinstance(removed, PmsRecord)
    assert removed.external_id == "3"


def free(ours: Account, minutes: int = 45) -> list[datetime]:
    found = ours.nookal.free_times(
        FreeTimes(
            practitioner_id="2",
            location_id="2",
            appointment_type="1",
            first=date(2030, 3, 7),
            last=date(2030, 3, 8),
            timezone="Australia/Sydney",
            minutes=minutes,
        ),
        ours.now,
    )
    assert found is not None
    return [each.starts_at for each in found]


def test_a_free_time_can_be_booked_and_is_free_no_more(ours: Account) -> None:
    start = free(ours)[0]
    command = booking(ours, start)
    assert ours.nookal.is_offered(command) is True
    receipt = ours.nookal.submit(ours.nookal.prepare(command))
    assert (receipt.state, receipt.remark) == (State.COMPLETED, "")
    assert start not in free(ours)
    assert ours.nookal.is_offered(command) is False


# --- Writing ---


def booking(ours: Account, start: datetime, minutes: int = 45, type: str = "1") -> BookAppointment:
    return BookAppointment(
        patient_id="3",
        practitioner_id="2",
        operatory_id="",
        location_id="2",
        starts_at=start,
        ends_at=start + timedelta(minutes=minutes),
        description="Sore knee",
        type=type,
    )


def book(ours: Account) -> Receipt:
    return ours.nookal.submit(ours.nookal.prepare(booking(ours, free(ours)[0])))


def lost(ours: Account, command: Any) -> SentWrite:
    """Send a write that is carried out, and whose answer gets lost."""
    write = ours.nookal.prepare(command)
    ours.sandbox.control.fault(f"POST {write.endpoint}", "lost_answer")
    with pytest.raises(NoAnswer):
        ours.nookal.submit(write)
    return SentWrite(prepared=write, sent_at=ours.now)


def test_a_booking_stands_as_it_was_asked_for(ours: Account) -> None:
    start = free(ours)[0]
    receipt = ours.nookal.submit(ours.nookal.prepare(booking(ours, start)))
    assert receipt.created_id
    assert receipt.reference == f"appointment:{receipt.created_id}"
    assert ours.truth["appointments"][receipt.created_id] == {
        "patient_id": "3",
        "practitioner_id": "2",
        "location_id": "2",
        "starts_at": start.astimezone(UTC).isoformat(),
        "ends_at": (start + timedelta(minutes=45)).astimezone(UTC).isoformat(),
        "status": "booked",
        "description": "Sore knee",
    }


def test_the_type_sets_the_length_and_that_is_told(ours: Account) -> None:
    start = free(ours)[0]
    receipt = ours.nookal.submit(ours.nookal.prepare(booking(ours, start, minutes=30)))
    assert receipt.state is State.COMPLETED
    assert receipt.remark.startswith("It ends at ")


def test_a_time_that_is_taken_is_refused_and_nothing_is_booked(ours: Account) -> None:
    command = booking(ours, free(ours)[0])
    ours.nookal.submit(ours.nookal.prepare(command))
    before = ours.truth
    with pytest.raises(Refused):
        ours.nookal.submit(ours.nookal.prepare(command))
    assert ours.truth == before


def move(id: str, start: datetime) -> RescheduleAppointment:
    return RescheduleAppointment(
        appointment_id=id,
        practitioner_id="2",
        operatory_id="",
        location_id="2",
        starts_at=start,
        ends_at=start + timedelta(minutes=45),
    )


def test_an_appointment_is_moved_and_called_off(ours: Account) -> None:
    id, later = book(ours).created_id, free(ours)[-1]
    moved = ours.nookal.submit(ours.nookal.prepare(move(id, later)))
    assert (moved.state, moved.remark) == (State.COMPLETED, "")
    assert ours.truth["appointments"][id]["starts_at"] == later.astimezone(UTC).isoformat()
    off = SetStatus(appointment_id=id, location_id="2", word="Cancelled", patient_id="3")
    assert ours.nookal.submit(ours.nookal.prepare(off)).state is State.COMPLETED
    assert ours.truth["appointments"][id]["status"] == "cancelled"


def test_an_appointment_is_not_moved_to_where_another_is(ours: Account) -> None:
    id, other = book(ours).created_id, book(ours).created_id
    before = ours.truth
    taken = before["appointments"][other]["starts_at"]
    there = datetime.fromisoformat(taken).astimezone(ZoneInfo("Australia/Sydney"))
    with pytest.raises(Refused):
        ours.nookal.submit(ours.nookal.prepare(move(id, there)))
    assert ours.truth == before


@pytest.mark.parametrize(("word", "status"), [("DNA", "noshow"), ("Completed", "fulfilled")])
def test_a_status_is_set(ours: Account, word: str, status: str) -> None:
    id = book(ours).created_id
    command = SetStatus(appointment_id=id, location_id="2", word=word, patient_id="3")
    assert ours.nookal.submit(ours.nookal.prepare(command)).state is State.COMPLETED
    assert ours.truth["appointments"][id]["status"] == status


def registration(**fields: Any) -> CreatePatient:
    usual: dict[str, Any] = {
        "location_id": "2",
        "practitioner_id": "2",
        "first_name": "Zoë",
        "last_name": "Sample-O'Neil",
        "birth_date": date(1990, 2, 28),
        "email": "zoe@example.com",
        "phone": "07 5550 9999",
    }
    return CreatePatient(**(usual | fields))


def test_a_patient_is_registered_and_changed(ours: Account) -> None:
    receipt = ours.nookal.submit(ours.nookal.prepare(registration()))
    assert (receipt.state, receipt.remark) == (State.COMPLETED, "")
    id = receipt.created_id
    change = UpdatePatient(patient_id=id, location_id="2", changes={"email": "", "phone": "123"})
    assert ours.nookal.submit(ours.nookal.prepare(change)).state is State.COMPLETED
    assert ours.truth["patients"][id] == {
        "first_name": "Zoë",
        "last_name": "Sample-O'Neil",
        "birth_date": "1990-02-28",
        "email": "",
        "phone": "123",
        "is_active": True,
    }


# --- Lost answers ---


def test_a_booking_whose_answer_was_lost_is_found_once_and_is_done(ours: Account) -> None:
    write = lost(ours, booking(ours, free(ours)[0]))
    (found,) = ours.nookal.find([write], ours.now)
    (reference,) = found.same
    assert found.similar == ()
    adopted = SentWrite(prepared=write.prepared, sent_at=write.sent_at, reference=reference)
    ((told, outcome),) = ours.nookal.outcomes([adopted], ours.now)
    assert (told, outcome.state) == (reference, State.COMPLETED)
    assert reference == f"appointment:{outcome.created_id}"
    assert ours.truth["appointments"][outcome.created_id]["description"] == "Sore knee"


def test_a_booking_that_never_arrived_is_proved_absent(ours: Account) -> None:
    command = booking(ours, free(ours)[0])
    ours.sandbox.control.fault("POST /addAppointmentBooking", "error")
    write = ours.nookal.prepare(command)
    with pytest.raises(NoAnswer):
        ours.nookal.submit(write)
    (found,) = ours.nookal.find([SentWrite(prepared=write, sent_at=ours.now)], ours.now)
    assert (found.same, found.similar, found.covered) == ((), (), True)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_registration_whose_answer_was_lost_is_found(sandbox: RunningSandbox, zone: str) -> None:
    sandbox.control.knobs(nookal_modified_zone=zone)
    ours = account(sandbox)
    write = lost(ours, registration())
    (found,) = ours.nookal.find([write], ours.now)
    (reference,) = found.same
    assert ours.truth["patients"][reference.partition(":")[2]]["first_name"] == "Zoë"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_change_whose_answer_was_lost_is_found_where_it_was_made(
    ours: Account, arrives: bool
) -> None:
    id = book(ours).created_id
    command = SetStatus(appointment_id=id, location_id="2", word="Cancelled", patient_id="3")
    write = lost(ours, command) if arrives else SentWrite(
        prepared=ours.nookal.prepare(command), sent_at=ours.now
    )  # fmt: skip
    (found,) = ours.nookal.find([write], ours.now)
    assert (len(found.same), found.similar, found.covered) == (int(arrives), (), True)
