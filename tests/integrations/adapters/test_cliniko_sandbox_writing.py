"""Free times of the simulated Cliniko, and writes to it, over real HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from clinics.records import (
    AppointmentRecord,
    PatientRecord,
)
from integrations.commands import (
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite, SentWrite, State
from integrations.http.errors import NoAnswer, Refused, Throttled
from integrations.queries import FreeTimes, Resource
from tests.integrations.adapters.cliniko_practice import (
    ADELAIDE,
    BOOKING_PATH,
    OFFICE,
    SYDNEY,
    Practice,
    booking,
    free,
)

# --- Free times ----------------------------------------------------------------------------------


def test_two_weeks_of_free_times_take_two_questions(practice: Practice) -> None:
    asked = free(practice)
    times = practice.cliniko.free_times(asked, practice.now)
    assert times is not None
    days = {each.starts_at.astimezone(SYDNEY).date() for each in times}
    assert min(days) >= asked.first
    assert max(days) <= asked.last
    assert len(days) > 8
    calls = practice.sandbox.control.calls(OFFICE)
    windows = {call["path"].split("?")[0] for call in calls if "available_times" in call["path"]}
    assert len(windows) == 1
    assert 2 <= practice.calls <= 6


def test_what_is_not_open_to_online_booking_tells_no_free_times(practice: Practice) -> None:
    asked = free(practice)
    people = practice.copy[Resource.PRACTITIONERS]
    hidden = next(id for id, each in people.items() if each.last_name == "Holm")
    question = FreeTimes(
        **{name: getattr(asked, name) for name in asked.__slots__} | {"practitioner_id": hidden}
    )
    assert practice.cliniko.free_times(question, practice.now) is None


def test_late_in_adelaide_it_is_tomorrow_for_an_account_in_sydney(practice: Practice) -> None:
    asked = free(practice, days=2)
    # 23:45 in Adelaide.
    practice.sandbox.control.set_now(datetime(2026, 3, 2, 13, 15, tzinfo=UTC))
    sites = practice.copy[Resource.LOCATIONS]
    site = next(id for id, each in sites.items() if each.timezone == ADELAIDE.key)
    people = practice.copy[Resource.PRACTITIONERS]
    values = {
        "location_id": site,
        "practitioner_id": next(id for id, each in people.items() if each.last_name == "Wren"),
        "timezone": ADELAIDE.key,
        "first": date(2026, 3, 2),
        "last": date(2026, 3, 3),
    }
    question = FreeTimes(**{name: getattr(asked, name) for name in asked.__slots__} | values)
    times = practice.cliniko.free_times(question, practice.now)
    assert times
    assert {each.starts_at.astimezone(ADELAIDE).date() for each in times} == {date(2026, 3, 3)}


def test_a_time_is_offered_until_somebody_has_it(practice: Practice) -> None:
    asked = booking(practice)
    cliniko = practice.cliniko
    assert cliniko.is_offered(asked) is True
    cliniko.submit(cliniko.prepare(asked))
    assert cliniko.is_offered(asked) is False


# --- Writing -------------------------------------------------------------------------------------


def sent(practice: Practice, prepared: PreparedWrite, reference: str = "") -> SentWrite:
    return SentWrite(prepared=prepared, sent_at=practice.now, reference=reference)


def test_a_booking_stands_in_cliniko_and_is_found_by_its_own_reference(practice: Practice) -> None:
    cliniko = practice.cliniko
    asked = booking(practice)
    write = cliniko.prepare(asked)
    practice.calls = 0
    receipt = cliniko.submit(write)
    assert (receipt.state, receipt.remark) == (State.COMPLETED, "")
    assert practice.calls == 2
    stands = practice.truth["appointments"][receipt.created_id]
    assert stands["patient_id"] == asked.patient_id
    assert datetime.fromisoformat(stands["starts_at"]) == asked.starts_at
    assert stands["description"] == "Asked by phone."
    (lookup,) = cliniko.find([sent(practice, write)], practice.now)
    assert (lookup.same, lookup.similar, lookup.covered) == ((receipt.reference,), (), True)
    known = sent(practice, write, receipt.reference)
    ((reference, outcome),) = cliniko.outcomes([known], practice.now)
    assert reference == receipt.reference
    assert (outcome.state, outcome.created_id) == (State.COMPLETED, receipt.created_id)


def test_a_second_booking_of_a_time_is_taken_and_remarked_on(practice: Practice) -> None:
    cliniko = practice.cliniko
    write = cliniko.prepare(booking(practice))
    one, two = cliniko.submit(write), cliniko.submit(write)
    assert (one.remark, two.remark) == ("", "It overlaps another appointment of the practitioner.")
    assert one.reference != two.reference


@pytest.mark.parametrize(("fault", "count"), [("lost_answer", 1), ("dropped_request", 0)])
def test_a_booking_whose_answer_is_lost_is_found_or_proved_absent(
    practice: Practice, fault: str, count: int
) -> None:
    cliniko = practice.cliniko
    write = cliniko.prepare(booking(practice))
    practice.sandbox.control.fault(BOOKING_PATH, fault)
    with pytest.raises(NoAnswer):
        cliniko.submit(write)
    (lookup,) = cliniko.find([sent(practice, write)], practice.now)
    assert (len(lookup.same), lookup.similar, lookup.covered) == (count, (), True)
    made = practice.sandbox.control.books()["offices"][OFFICE]["appointments"]
    assert [f"book:{each['id']}" for each in made] == list(lookup.same)


def test_a_conflict_that_cannot_be_read_does_not_undo_a_booking(practice: Practice) -> None:
    cliniko = practice.cliniko
    write = cliniko.prepare(booking(practice))
    practice.sandbox.control.fault("GET /individual_appointments/*", "error", count=3)
    receipt = cliniko.submit(write)
    assert receipt.state is State.COMPLETED
    assert receipt.created_id in practice.truth["appointments"]
    assert "could not be read" in receipt.remark


def test_an_appointment_is_moved_and_then_cancelled_with_a_reason(practice: Practice) -> None:
    cliniko = practice.cliniko
    asked = booking(practice)
    id = cliniko.submit(cliniko.prepare(asked)).created_id
    practice.sandbox.control.advance(60)
    later = timedelta(days=7)
    move = cliniko.prepare(
        RescheduleAppointment(
            appointment_id=id,
            practitioner_id=asked.practitioner_id,
            operatory_id="",
            location_id=asked.location_id,
            starts_at=asked.starts_at + later,
            ends_at=asked.ends_at + later,
        )
    )
    moved = cliniko.submit(move)
    assert (moved.state, moved.created_id) == (State.COMPLETED, "")
    stands = practice.truth["appointments"][id]
    assert datetime.fromisoformat(stands["starts_at"]) == asked.starts_at + later
    (lookup,) = cliniko.find([sent(practice, move)], practice.now)
    assert lookup.same == (moved.reference,)

    practice.sandbox.control.advance(60)
    again = cliniko.submit(move)
    assert (again.state, again.reference == moved.reference) == (State.COMPLETED, False)

    cancel = cliniko.prepare(SetStatus(appointment_id=id, location_id="", word="30"))
    cancelled = cliniko.submit(cancel)
    assert cancelled.state is State.COMPLETED
    assert practice.truth["appointments"][id]["status"] == "cancelled"
    record = cliniko.lookup(Resource.APPOINTMENTS, id)
    assert isinstance(record, AppointmentRecord)
    assert (record.pms_status, record.cancelled_at) == ("Cancelled: sick", practice.now)
    (lookup,) = cliniko.find([sent(practice, cancel)], practice.now)
    assert lookup.same == (cancelled.reference,)
    outcomes = dict(
        cliniko.outcomes(
            [sent(practice, cancel, cancelled.reference), sent(practice, move, moved.reference)],
            practice.now,
        )
    )
    assert outcomes[cancelled.reference].state is State.COMPLETED
    assert outcomes[moved.reference].state is State.PENDING

    practice.sandbox.control.advance(60)
    assert cliniko.submit(cancel).state is State.COMPLETED
    with pytest.raises(Refused):
        cliniko.submit(move)


def test_a_patient_is_made_and_keeps_other_numbers_when_one_changes(practice: Practice) -> None:
    cliniko = practice.cliniko
    create = cliniko.prepare(
        CreatePatient(
            location_id="",
            practitioner_id="",
            first_name="Ada",
            last_name="Invented",
            birth_date=date(1984, 12, 10),
            email="ada@example.org",
            phone="0491 570 156",
        )
    )
    made = cliniko.submit(create)
    id = made.created_id
    assert made.state is State.COMPLETED
    assert practice.truth["patients"][id] == {
        "first_name": "Ada",
        "last_name": "Invented",
        "birth_date": "1984-12-10",
        "email": "ada@example.org",
        "phone": "0491 570 156",
        "is_active": True,
    }
    (lookup,) = cliniko.find([sent(practice, create)], practice.now)
    assert (lookup.same, lookup.covered) == ((made.reference,), True)

    both = [
        {"phone_type": "Home", "number": "(02) 5550 1234"},
        {"phone_type": "Mobile", "number": "0491 570 156"},
    ]
    body = {"patient_phone_numbers": both}
    cliniko.calls.write("PATCH", f"/patients/{id}", body)
    practice.sandbox.control.advance(60)
    changes = {"phone": "0491 570 157", "last_name": "Lovelace"}
    update = cliniko.prepare(UpdatePatient(patient_id=id, location_id="", changes=changes))
    updated = cliniko.submit(update)
    assert updated.state is State.COMPLETED
    record = cliniko.lookup(Resource.PATIENTS, id)
    assert isinstance(record, PatientRecord)
    assert (record.last_name, record.email) == ("Lovelace", "ada@example.org")
    assert (record.phone, record.other_phone) == ("0491 570 157", "(02) 5550 1234")
    (lookup,) = cliniko.find([sent(practice, update)], practice.now)
    assert lookup.same == (updated.reference,)
    known = sent(practice, update, updated.reference)
    assert [each.state for _, each in cliniko.outcomes([known], practice.now)] == [State.COMPLETED]


def test_the_minutes_limit_is_told_with_its_end(practice: Practice) -> None:
    practice.sandbox.control.knobs(cliniko_rate_limit=1)
    try:
        cliniko = practice.cliniko
        cliniko.verify()
        with pytest.raises(Throttled) as caught:
            cliniko.verify()
    finally:
        practice.sandbox.control.knobs(cliniko_rate_limit=100_000)
    assert caught.value.retry_at is not None
    assert timedelta(0) < caught.value.retry_at - practice.now <= timedelta(minutes=1)
