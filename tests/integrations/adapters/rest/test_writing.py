"""A write is put into the service's words, and is done when the service shows what was asked."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from integrations.adapters.rest.adapter import Rest
from integrations.commands import (
    AddNote,
    BookAppointment,
    Command,
    CreatePatient,
    RecordPayment,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import Outcome, PreparedWrite, Receipt, SentWrite, State
from integrations.http.errors import NoAnswer, Refused, Throttled
from tests.integrations.adapters.rest.conftest import Service, client_item, visit_item
from tests.integrations.guards import NOW

CHICAGO = ZoneInfo("America/Chicago")
SENT = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
BOOKING = BookAppointment(
    patient_id="5",
    practitioner_id="101",
    operatory_id="",
    location_id="11",
    starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=CHICAGO),
    ends_at=datetime(2030, 3, 6, 9, 30, tzinfo=CHICAGO),
    description="Knee",
    type="302",
)
BOOKED = {
    "client_id": "5",
    "staff_id": "101",
    "site_id": "11",
    "service_id": "302",
    "starts_at": "2030-03-06T15:00:00Z",
    "duration_minutes": 30,
    "notes": "Knee",
}
MOVE = RescheduleAppointment(
    appointment_id="7",
    practitioner_id="101",
    operatory_id="",
    location_id="11",
    starts_at=BOOKING.starts_at,
    ends_at=BOOKING.ends_at,
)
CANCEL = SetStatus(appointment_id="7", location_id="11", word="cancelled")
NEW = CreatePatient(
    location_id="11",
    practitioner_id="101",
    first_name="Ada",
    last_name="Invented",
    birth_date=date(1990, 5, 17),
    email="ada@example.org",
    phone="312-555-0101",
)
CHANGE = UpdatePatient(
    patient_id="5", location_id="11", changes={"phone": "312-555-0101", "email": ""}
)
PENDING = Outcome(state=State.PENDING)


def done(created_id: str = "") -> Outcome:
    return Outcome(state=State.COMPLETED, created_id=created_id)


# --- In the service's words ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "method", "endpoint", "body"),
    [
        (BOOKING, "POST", "/appointments", BOOKED),
        (
            MOVE,
            "PATCH",
            "/appointments/7",
            {
                "staff_id": "101",
                "site_id": "11",
                "starts_at": "2030-03-06T15:00:00Z",
                "duration_minutes": 30,
            },
        ),
        (CANCEL, "PATCH", "/appointments/7", {"status": "cancelled"}),
        (
            NEW,
            "POST",
            "/clients",
            {
                "first_name": "Ada",
                "last_name": "Invented",
                "date_of_birth": "1990-05-17",
                "email": "ada@example.org",
                "phone": "312-555-0101",
            },
        ),
        (CHANGE, "PATCH", "/clients/5", {"email": "", "phone": "312-555-0101"}),
    ],
)
def test_each_write_is_put_into_the_services_words(
    service: Service, command: Command, method: str, endpoint: str, body: dict[str, Any]
) -> None:
    prepared = service.rest().prepare(command)
    assert prepared == PreparedWrite(method=method, endpoint=endpoint, body=body)
    assert service.requests == []


def test_what_says_nothing_of_a_new_record_is_not_sent(service: Service) -> None:
    bare = dataclasses.replace(NEW, email="", phone="", birth_date=None)
    assert set(service.rest().prepare(bare).body) == {"first_name", "last_name"}
    plain = dataclasses.replace(BOOKING, type="", description="")
    assert "service_id" not in service.rest().prepare(plain).body


def test_a_visit_over_a_change_of_the_clocks_lasts_as_long_as_asked(service: Service) -> None:
    asked = dataclasses.replace(
        BOOKING,
        starts_at=datetime(2030, 3, 10, 1, 30, tzinfo=CHICAGO),
        ends_at=datetime(2030, 3, 10, 3, 30, tzinfo=CHICAGO),
    )
    body = service.rest().prepare(asked).body
    assert (body["starts_at"], body["duration_minutes"]) == ("2030-03-10T07:30:00Z", 60)


OTHER = {
    "statuses": {"Gebucht": "booked", "Abgesagt": "cancelled"},
    "lists": {
        "appointments": {
            "path": "/termine",
            "one": "/termine/{id}",
            "record": "termin",
            "fields": {
                "id": "nr",
                "patient_id": {"path": "kunde.nr", "format": "number"},
                "practitioner_id": "person",
                "location_id": "ort",
                "starts_at": {"join": ["tag", "uhr"], "format": "wall"},
                "ends_at": {"join": ["tag", "bis"], "format": "wall"},
                "status": "stand",
            },
        },
        "locations": {"fixed": [{"id": "1", "name": "Mitte", "timezone": "Europe/Berlin"}]},
    },
    "writes": {
        "book": {
            "path": "/termine",
            "set": {"quelle": "frontdesk", "termin.art": 3},
            "body": {
                "patient_id": {"path": "termin.kunde.nr", "format": "number"},
                "practitioner_id": "termin.person",
                "location_id": "termin.ort",
                "starts_at": {"join": ["termin.tag", "termin.uhr"], "format": "wall"},
            },
        },
        "reschedule": None,
        "set_status": None,
        "cancel": {"method": "DELETE", "path": "/termine/{id}"},
    },
}


def german(**changes: Any) -> dict[str, Any]:
    item = {
        "nr": 7,
        "kunde": {"nr": 5},
        "person": "101",
        "ort": "1",
        "tag": "2030-03-06",
        "uhr": "09:00",
        "bis": "09:30",
        "stand": "Gebucht",
    }
    return {"termin": item | changes}


def test_another_services_words_are_written_as_described(service: Service) -> None:
    rest = service.rest(OTHER)
    berlin = ZoneInfo("Europe/Berlin")
    asked = dataclasses.replace(
        BOOKING,
        location_id="1",
        starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=berlin),
        ends_at=datetime(2030, 3, 6, 9, 30, tzinfo=berlin),
    )
    prepared = rest.prepare(asked)
    assert prepared.body == {
        "quelle": "frontdesk",
        "termin": {
            "art": 3,
            "kunde": {"nr": 5},
            "person": "101",
            "ort": "1",
            "tag": "2030-03-06",
            "uhr": "09:00:00",
        },
    }
    service.answers("POST", "/termine", german(), 201)
    assert rest.submit(prepared).state is State.COMPLETED
    # A wall clock's time is proved in its site's zone, for no call more where that is known.
    assert service.asked == ["POST /termine"]


def test_a_time_that_the_service_took_for_another_is_not_done(service: Service) -> None:
    rest = service.rest(OTHER)
    berlin = ZoneInfo("Europe/Berlin")
    asked = dataclasses.replace(
        BOOKING,
        location_id="1",
        starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=berlin),
        ends_at=datetime(2030, 3, 6, 9, 30, tzinfo=berlin),
    )
    service.answers("POST", "/termine", german(uhr="10:00", bis="10:30"), 201)
    service.answers("GET", "/termine/7", german(uhr="10:00", bis="10:30"))
    assert rest.submit(rest.prepare(asked)) == Receipt(reference="book 7", state=State.PENDING)


def test_a_service_may_cancel_in_a_way_of_its_own(service: Service) -> None:
    rest = service.rest(OTHER)
    prepared = rest.prepare(dataclasses.replace(CANCEL, word="Abgesagt"))
    assert prepared == PreparedWrite(method="DELETE", endpoint="/termine/7", body={})
    service.answers("DELETE", "/termine/7", status=204)
    service.answers("GET", "/termine/7", status=404)
    assert rest.submit(prepared).state is State.COMPLETED
    assert service.requests[0].body is None
    assert rest.operations == {"book", "cancel", "create_patient", "update_patient"}


@pytest.mark.parametrize(
    "command",
    [
        MOVE,
        SetStatus(appointment_id="7", location_id="11", word="Gebucht"),
        AddNote(
            patient_id="5",
            practitioner_id="101",
            location_id="11",
            type="x",
            text="x",
            written_on=date(2030, 3, 5),
        ),
        RecordPayment(
            patient_id="5",
            guarantor_id="5",
            practitioner_id="101",
            location_id="11",
            type="x",
            description="",
            amount=Decimal("1.00"),
            paid_on=date(2030, 3, 5),
        ),
        dataclasses.replace(BOOKING, patient_id="A-5"),
        dataclasses.replace(CANCEL, appointment_id="..", word="Abgesagt"),
        dataclasses.replace(CANCEL, appointment_id="é" * 100, word="Abgesagt"),
    ],
)
def test_what_the_service_cannot_do_is_refused_without_a_call(
    service: Service, command: Command
) -> None:
    with pytest.raises(Refused):
        service.rest(OTHER).prepare(command)
    assert service.requests == []


def test_an_id_cannot_leave_its_place_in_a_path(service: Service) -> None:
    rest = service.rest()
    prepared = rest.prepare(dataclasses.replace(CANCEL, appointment_id="7/../../admin?x"))
    assert prepared.endpoint == "/appointments/7%2F..%2F..%2Fadmin%3Fx"


# --- Sending -------------------------------------------------------------------------------------


def test_a_write_whose_answer_shows_it_is_done_with_one_call(service: Service) -> None:
    rest = service.rest()
    service.answers("POST", "/appointments", visit_item(), 201)
    assert rest.submit(rest.prepare(BOOKING)) == Receipt(
        reference="book 7", state=State.COMPLETED, created_id="7"
    )
    assert json.loads(service.requests[0].body) == BOOKED
    assert len(service.requests) == 1


def test_the_reference_of_a_change_has_the_moment_at_which_the_record_was_changed(
    service: Service,
) -> None:
    rest = service.rest()
    cancelled = visit_item(status="cancelled", updated_at="2030-03-05T15:00:02Z")
    service.answers("PATCH", "/appointments/7", cancelled)
    assert rest.submit(rest.prepare(CANCEL)) == Receipt(
        reference="set_status 7 20300305T150002.000000Z", state=State.COMPLETED
    )
    service.answers("PATCH", "/appointments/7", cancelled | {"updated_at": None})
    unstamped = rest.submit(rest.prepare(CANCEL))
    assert unstamped.reference == f"set_status 7 {NOW:%Y%m%dT%H%M%S.%fZ}"


def test_a_change_of_what_was_so_before_is_another_than_the_one_that_made_it_so(
    service: Service,
) -> None:
    rest = service.rest()
    cancelled = visit_item(status="cancelled", updated_at="2030-03-01T15:00:02Z")
    service.answers("PATCH", "/appointments/7", cancelled)
    assert rest.submit(rest.prepare(CANCEL)) == Receipt(
        reference=f"set_status 7 {NOW:%Y%m%dT%H%M%S.%fZ}", state=State.COMPLETED
    )


@pytest.mark.parametrize("answer", [None, {}, {"id": 7}, visit_item(staff_id=102)])
def test_what_the_answer_does_not_show_is_read_back(service: Service, answer: Any) -> None:
    rest = service.rest()
    service.answers("PATCH", "/appointments/7", answer)
    service.answers("GET", "/appointments/7", visit_item())
    assert rest.submit(rest.prepare(MOVE)).state is State.COMPLETED


@pytest.mark.parametrize(
    "shown",
    [
        visit_item(starts_at="2030-03-06T16:00:00Z"),
        visit_item(staff_id=102),
        visit_item(site_id=12),
        visit_item(duration_minutes=45),
    ],
)
def test_a_write_that_the_service_does_not_show_is_pending_and_not_done(
    service: Service, shown: dict[str, Any]
) -> None:
    rest = service.rest()
    service.answers("PATCH", "/appointments/7", shown)
    service.answers("GET", "/appointments/7", shown)
    receipt = rest.submit(rest.prepare(MOVE))
    assert receipt.state is State.PENDING
    assert receipt.reference.startswith("reschedule 7 ")


@pytest.mark.parametrize("status", [404, 429, 500])
def test_an_error_while_reading_back_says_nothing_of_the_write(
    service: Service, status: int
) -> None:
    rest = service.rest()
    service.answers("PATCH", "/appointments/7", status=204)
    for _ in range(3 if status == 500 else 1):
        service.answers("GET", "/appointments/7", status=status)
    assert rest.submit(rest.prepare(MOVE)).state is State.PENDING


def test_other_words_than_asked_for_are_remarked_on(service: Service) -> None:
    rest = service.rest()
    service.answers("POST", "/appointments", visit_item(notes=None), 201)
    receipt = rest.submit(rest.prepare(BOOKING))
    assert receipt.state is State.COMPLETED
    assert receipt.remark == "The PMS shows another description than was asked for."


@pytest.mark.parametrize("answer", [None, {}, [], visit_item(id=None), {"data": visit_item()}])
def test_a_new_record_without_an_id_may_stand_and_is_not_sent_again(
    service: Service, answer: Any
) -> None:
    rest = service.rest()
    service.answers("POST", "/appointments", answer, 201)
    with pytest.raises(NoAnswer) as caught:
        rest.submit(rest.prepare(BOOKING))
    assert caught.value.may_have_happened is True
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refused_write_did_nothing(service: Service, status: int) -> None:
    rest = service.rest()
    service.answers("POST", "/appointments", {"error": {"fields": {"staff_id": ["Ada"]}}}, status)
    with pytest.raises(Refused) as caught:
        rest.submit(rest.prepare(BOOKING))
    assert "Ada" not in str(caught.value)
    assert len(service.requests) == 1


def test_a_write_that_breaks_off_is_not_repeated(service: Service) -> None:
    rest = service.rest()
    service.answers("POST", "/appointments", body=requests.ReadTimeout())
    with pytest.raises(NoAnswer):
        rest.submit(rest.prepare(BOOKING))
    assert len(service.requests) == 1


def test_a_write_of_a_description_that_has_changed_since_is_refused_unsent(
    service: Service,
) -> None:
    with pytest.raises(Refused):
        service.rest(OTHER).submit(service.rest().prepare(BOOKING))
    assert service.requests == []


# --- Outcomes ------------------------------------------------------------------------------------


def sent(rest: Rest, command: Command, reference: str, minutes: int = 0) -> SentWrite:
    return SentWrite(
        prepared=rest.prepare(command),
        sent_at=SENT + timedelta(minutes=minutes),
        reference=reference,
    )


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (visit_item(), {"book 7": done("7")}),
        (visit_item(staff_id=102), {"book 7": PENDING}),
        (visit_item(starts_at="soon"), {"book 7": PENDING}),
        (visit_item(deleted_at="2030-03-05T16:00:00Z"), {}),
    ],
)
def test_a_booking_is_done_when_its_record_shows_it(
    service: Service, shown: dict[str, Any], expected: dict[str, Outcome]
) -> None:
    rest = service.rest()
    service.answers("GET", "/appointments/7", shown)
    assert dict(rest.outcomes([sent(rest, BOOKING, "book 7")], NOW)) == expected


def test_only_so_many_are_asked_for_and_the_oldest_first(service: Service) -> None:
    rest = service.rest()
    service.answers("GET", "/clients/5", client_item(email=None))
    writes = [sent(rest, MOVE, "later", 5), sent(rest, CHANGE, "earlier")]
    assert dict(rest.outcomes(writes, NOW, 1)) == {"earlier": done(), "later": PENDING}
    assert service.asked == ["GET /clients/5"]


def test_an_id_that_had_no_room_in_its_reference_is_not_asked_for(service: Service) -> None:
    rest = service.rest()
    service.answers("POST", "/appointments", visit_item(id="x" * 150), 201)
    receipt = rest.submit(rest.prepare(BOOKING))
    assert receipt.created_id == "x" * 150
    assert len(receipt.reference) <= 100
    outcomes = rest.outcomes([sent(rest, BOOKING, receipt.reference)], NOW)
    assert dict(outcomes) == {receipt.reference: PENDING}
    assert len(service.requests) == 1


def test_what_a_write_has_created_stands_in_its_reference(service: Service) -> None:
    rest = service.rest()
    writes = [sent(rest, BOOKING, "book 7"), sent(rest, MOVE, "reschedule 7 20300305T150002Z")]
    assert list(rest.created_ids(writes, NOW, 0)) == [("book 7", "7")]
    assert rest.withdraw("book 7") is False
    assert service.requests == []


def test_throttling_in_the_middle_is_raised_and_keeps_what_was_known(service: Service) -> None:
    rest = service.rest()
    service.answers("GET", "/clients/5", client_item(email=None))
    service.answers("GET", "/appointments/7", status=429)
    outcomes = rest.outcomes([sent(rest, CHANGE, "a"), sent(rest, MOVE, "b", 1)], NOW)
    assert next(outcomes) == ("a", done())
    with pytest.raises(Throttled):
        next(outcomes)
