"""Whom, where and when a booking over REST is for: new patients, usual people, types and hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Clinic, Location, Operatory, Patient, Practitioner, User
from integrations.models import Integration
from tests import make
from tests.writebacks.rest import Desk, code, desk, noon, wrong
from writebacks import services
from writebacks.models import SlotHold, Writeback
from writebacks.operations import Operation

pytestmark = pytest.mark.django_db
ADA = {
    "first_name": "Ada",
    "last_name": "Invented",
    "birth_date": "1990-02-03",
    "phone": "555 0100",
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@pytest.fixture
def front(api: Callable[[User], APIClient], staff: User, integration: Integration) -> Desk:
    return desk(api(staff), integration)


def book(front: Desk, key: str | None = None, **fields: Any) -> Any:
    return front.ask("post", "appointments", front.slot(**fields), key)


def new_patient(front: Desk, **fields: Any) -> Writeback:
    """Ask for a patient to be registered."""
    front.profile()
    answer = front.ask("post", "patients", ADA | {"practitioner": str(front.practitioner.pk)})
    assert answer.status_code == 202
    Writeback.objects.filter(pk=answer.json()["id"]).update(**fields)
    return Writeback.objects.get(pk=answer.json()["id"])


# --- A new patient and their booking --------------------------------------------------------------


def test_a_new_patient_and_their_booking_are_two_writebacks_and_the_answer_is_the_bookings(
    front: Desk,
) -> None:
    answer = book(front, key="mine", patient=None, new_patient=ADA)
    assert answer.status_code == 202
    registration = Writeback.objects.get(operation="create_patient")
    booking = Writeback.objects.get(operation="book")
    seen = answer.json()
    assert (seen["id"], seen["after"]) == (str(booking.pk), str(registration.pk))
    assert (seen["status"], seen["waiting_for"], booking.due_at) == (
        "queued",
        "earlier_write",
        None,
    )
    assert (registration.idempotency_key, booking.idempotency_key) == ("", "mine")
    assert registration.command["first_name"] == "Ada"
    assert registration.requested_by == booking.requested_by
    told = front.client.get(f"/api/v1/writebacks/{registration.pk}").json()
    assert told["dependents"] == [str(booking.pk)]
    assert SlotHold.objects.get().writeback == booking


def test_repeating_it_gives_the_same_booking_and_registers_nobody_twice(front: Desk) -> None:
    body = front.slot(patient=None, new_patient=ADA)
    first = front.ask("post", "appointments", body, "same")
    second = front.ask("post", "appointments", body, "same")
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Writeback.objects.count() == 2


def test_a_taken_slot_leaves_no_patient_behind(front: Desk) -> None:
    assert book(front).status_code == 202
    assert code(book(front, patient=None, new_patient=ADA)) == "slot_taken"
    assert [each.operation for each in Writeback.objects.all()] == ["book"]


def test_the_slower_of_two_with_the_same_key_leaves_no_patient_behind(
    front: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = front.slot(patient=None, new_patient=ADA)
    first = front.ask("post", "appointments", body, "same")
    real, asked = services.made_before, []

    def too_early(clinic: Clinic, asker: services.Asker) -> Writeback | None:
        """Looks for the key before the quicker one has committed, but for the last time."""
        asked.append(asker.idempotency_key)
        return real(clinic, asker) if asked.count("same") > 2 else None

    monkeypatch.setattr(services, "made_before", too_early)
    second = front.ask("post", "appointments", body, "same")
    assert asked == ["same", "", "same", "same"]
    assert second.json()["id"] == first.json()["id"]
    assert Writeback.objects.filter(operation="create_patient").count() == 1


@pytest.mark.parametrize(
    ("person", "field", "words"),
    [
        ({"first_name": ""}, "first_name", "may not be blank"),
        ({"birth_date": "2999-01-01"}, "birth_date", "lies in the future"),
        ({"birth_date": "1066-01-01"}, "birth_date", "so long ago"),
        ({"email": "nobody"}, "email", "valid email"),
        ({"last_name": "A\nB"}, "last_name", "one line"),
    ],
)
def test_what_is_wrong_with_a_new_patient_is_named_and_nothing_is_written_down(
    front: Desk, person: dict[str, str], field: str, words: str
) -> None:
    details = wrong(book(front, patient=None, new_patient=ADA | person))
    assert list(details["new_patient"]) == [field]
    assert words in details["new_patient"][field][0]
    assert not Writeback.objects.exists()


def test_whom_it_is_for_is_said_once(front: Desk) -> None:
    assert list(wrong(book(front, new_patient=ADA))) == ["patient"]
    assert not Writeback.objects.exists()


# --- After a writeback that registers the patient -------------------------------------------------


def test_a_booking_may_wait_for_a_patient_who_is_being_registered(front: Desk) -> None:
    registration = new_patient(front, status="pending", external_id="w1")
    answer = book(front, patient=None, after=str(registration.pk))
    assert answer.status_code == 202
    assert answer.json()["after"] == str(registration.pk)
    assert answer.json()["waiting_for"] == "earlier_write"


def test_after_one_who_is_registered_it_is_for_that_patient_at_once(front: Desk) -> None:
    ended = {"status": "completed", "completed_at": timezone.now(), "due_at": None}
    registration = new_patient(
        front, **ended, patient=front.patient, created_external_id=front.patient.external_id
    )
    answer = book(front, patient=None, after=str(registration.pk))
    assert answer.status_code == 202
    booking = Writeback.objects.get(operation="book")
    assert (booking.patient, booking.waiting_for) == (front.patient, "")
    assert booking.request_body["patient_id"] == front.patient.external_id


def test_one_who_is_registered_without_a_known_id_yet_is_waited_for(front: Desk) -> None:
    """Confirmed by the PMS, whose id of it is read later and together with others."""
    registration = new_patient(front, status="completed", completed_at=timezone.now())
    answer = book(front, patient=None, after=str(registration.pk))
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["waiting_for"]) == ("queued", "earlier_write")


def test_a_booking_withdrawn_while_it_waited_is_asked_for_again_for_who_is_registered_now(
    front: Desk,
) -> None:
    first = book(front, patient=None, new_patient=ADA).json()
    front.ask("post", f"/api/v1/writebacks/{first['id']}/cancel")
    Writeback.objects.filter(pk=first["after"]).update(
        status="completed",
        completed_at=timezone.now(),
        due_at=None,
        patient=front.patient,
        created_external_id=front.patient.external_id,
    )
    again = front.ask("post", f"/api/v1/writebacks/{first['id']}/retry")
    assert again.status_code == 202
    seen = again.json()
    assert (seen["patient"], seen["after"]) == (str(front.patient.pk), first["after"])
    assert [event["event"] for event in seen["events"]] == ["requested", "released"]
    sent = Writeback.objects.get(pk=seen["id"]).request_body
    assert sent["patient_id"] == front.patient.external_id


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_after_one_that_failed_nothing_can_be_booked(front: Desk, status: str) -> None:
    ended = {"status": status, "completed_at": timezone.now(), "due_at": None}
    registration = new_patient(front, **ended, failure_code="pms_failed")
    assert code(book(front, patient=None, after=str(registration.pk))) == "earlier_failed"
    assert not Writeback.objects.filter(operation="book").exists()


def test_after_another_kind_or_another_clinics_is_unknown(front: Desk) -> None:
    sibling = make.integration(make.clinic(front.integration.organization))
    theirs = make.writeback(sibling, operation=Operation.CREATE_PATIENT)
    booking = make.writeback(front.integration)
    for other in (theirs, booking):
        assert list(wrong(book(front, patient=None, after=str(other.pk)))) == ["after"]


# --- Usual people and places, and types -----------------------------------------------------------


def test_who_and_where_may_be_left_out_where_the_profile_has_them(front: Desk) -> None:
    front.profile(
        default_practitioner_id=front.practitioner.pk, default_operatory_id=front.operatory.pk
    )
    answer = book(front, practitioner=None, operatory=None)
    assert answer.status_code == 202
    asked = answer.json()["request"]
    assert asked["practitioner"] == str(front.practitioner.pk)
    assert asked["operatory"] == str(front.operatory.pk)
    assert asked["location"] == str(front.location.pk)


def test_a_usual_practitioner_who_has_left_is_nobody(front: Desk) -> None:
    front.profile(default_practitioner_id=front.practitioner.pk)
    Practitioner.objects.update(is_active=False)
    assert list(wrong(book(front, practitioner=None))) == ["practitioner"]


def test_a_type_is_sent_as_the_pms_calls_it(front: Desk) -> None:
    front.profile()
    answer = book(front, type="cleaning")
    assert answer.json()["request"]["type"] == "Cleaning"
    assert Writeback.objects.get().request_body["type"] == "12"


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({}, "Choose one of: Cleaning, New patient."),
        ({"appointment_types": {"Cleaning": "12", "Root": "99"}}, "Choose one of: Cleaning."),
        ({"appointment_types": {}}, "there is nothing else to choose from"),
    ],
)
def test_a_type_that_the_profile_does_not_have_is_400_with_those_that_it_has(
    front: Desk, profile: dict[str, Any], words: str
) -> None:
    front.profile(**profile)
    (said,) = wrong(book(front, type="Root"))["type"]
    assert words in said
    assert not Writeback.objects.exists()


@pytest.mark.parametrize(
    ("field", "model"),
    [("practitioner", Practitioner), ("operatory", Operatory), ("location", Location)],
)
def test_another_clinics_people_and_places_are_400(
    front: Desk, field: str, model: type[Any]
) -> None:
    theirs = make.record(model, make.clinic(front.integration.organization))
    assert list(wrong(book(front, **{field: str(theirs.pk)}))) == [field]
    assert not Writeback.objects.exists()


# --- Taken and closed times -----------------------------------------------------------------------


def test_a_taken_slot_is_409_with_free_times_near_it(front: Desk) -> None:
    assert book(front).status_code == 202
    other = make.record(Patient, front.integration.clinic)
    answer = book(front, patient=str(other.pk))
    assert code(answer) == "slot_taken"
    details = answer.json()["error"]["details"]
    assert (details["reason"], details["inferred"]) == ("practitioner_busy", True)
    first = details["alternatives"][0]
    assert set(first) == {"starts_at", "ends_at", "practitioner", "operatory"}
    assert (first["practitioner"], first["operatory"]) == (
        str(front.practitioner.pk),
        str(front.operatory.pk),
    )
    assert book(front, starts_at=first["starts_at"], ends_at=first["ends_at"]).status_code == 202
    assert Writeback.objects.count() == 2


def test_who_means_to_overlap_may(front: Desk) -> None:
    assert book(front).status_code == 202
    assert book(front, allow_overlap=True).status_code == 202


def weekly(*spans: list[str]) -> dict[str, list[list[str]]]:
    return {day: list(spans) for day in WEEKDAYS}


def test_a_time_outside_the_known_hours_is_409_with_open_ones(front: Desk) -> None:
    front.profile(hours=weekly(["09:00", "11:00"]))  # in New York: 13 or 14 to 15 or 16 in UTC
    answer = book(front)
    assert code(answer) == "outside_hours"
    details = answer.json()["error"]["details"]
    assert (details["reason"], details["inferred"]) == ("closed", False)
    zone = front.location.zone
    local = datetime.fromisoformat(details["alternatives"][0]["starts_at"]).astimezone(zone)
    assert (local.date(), local.hour, local.minute) == (noon().astimezone(zone).date(), 9, 0)
    assert not Writeback.objects.exists()
    assert book(front, outside_hours=True).status_code == 202


def test_a_time_within_the_known_hours_is_taken(front: Desk) -> None:
    front.profile(hours=weekly(["06:00", "20:00"]))
    assert book(front).status_code == 202


def test_a_closed_date_is_closed_also_where_the_hours_are_unknown(front: Desk) -> None:
    day: date = noon().astimezone(front.location.zone).date()
    closed = {"first_date": day.isoformat(), "last_date": day.isoformat(), "name": "Holiday"}
    front.profile(closures=[closed])
    assert code(book(front)) == "outside_hours"
    tomorrow = noon() + timedelta(days=1)
    ends = tomorrow + timedelta(minutes=30)
    other = book(front, starts_at=tomorrow.isoformat(), ends_at=ends.isoformat())
    assert other.status_code == 202


# --- What it costs --------------------------------------------------------------------------------


def test_an_ask_takes_few_queries(front: Desk) -> None:
    front.profile()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert book(front, type="Cleaning").status_code == 202
    kept = [each["sql"] for each in queries if "SAVEPOINT" not in each["sql"]]
    assert len(kept) <= 22, "\n".join(each[:150] for each in kept)
