"""The same story at a practice of each PMS: three of them answer at once, one when it is done.

What a PMS cannot do by its manifest is skipped, and named.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from clinics.models import Appointment, AppointmentType, Patient, Role
from integrations.profiles import has_operatories, profile_of
from integrations.registry import ADAPTERS
from integrations.session import system_of
from tests import make
from tests.flows.practices import Practice, open_practice
from tests.integrations.threads import at_once
from webhooks.models import Message
from writebacks.models import SlotHold, Writeback

PMSS = sorted(ADAPTERS)
#: The call that books, by PMS.
BOOKS = {
    "cliniko": "POST /individual_appointments",
    "nookal": "POST /addAppointmentBooking",
    "rest": "POST /appointments",
    "sikka": "POST /appointment",
}
#: Every write is confirmed by then, also where it is pending first.
SOON = 60
CALLERS = 20
ADA = {
    "first_name": "Ada",
    "last_name": "Invented",
    "birth_date": "1990-02-03",
    "email": "ada@example.org",
}


@pytest.fixture(params=PMSS)
def practice(
    request: pytest.FixtureRequest,
    transactional_db: None,
    tasks_at_once: None,
    sandbox: Any,
    clock: Any,
    settings: Any,
) -> Practice:
    """The practice with two sites, of each PMS in turn; calls are no matter here."""
    settings.PMS_USER_AGENT = "Frontdesk (ops@clinic.example)"
    pms = request.param
    sandbox.control.knobs(
        rate_limit=100_000, **{f"{each}_rate_limit": 100_000 for each in PMSS if each != "sikka"}
    )
    return open_practice(pms, sandbox, clock, office=-1, budget_calls=100_000, budget_reserve=0)


def needs(practice: Practice, *operations: str) -> None:
    """Skip what this PMS cannot do."""
    manifest = practice.integration.manifest
    if lacking := set(operations) - manifest.operations:
        pytest.skip(f"{manifest.name}: its manifest does not offer {', '.join(sorted(lacking))}")


def choose_words(practice: Practice) -> dict[str, Any]:
    """Have the lists read by the command, and choose what looks like it; return what it tells."""
    out = StringIO()
    with pytest.raises(SystemExit):  # something is missing still
        call_command("profile", str(practice.integration.clinic_id), "--read", "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    profile = profile_of(practice.integration)
    for field in ("cancel_word", "no_show_word"):
        setattr(profile, field, told["suggestions"].get(field, ""))
    profile.full_clean()
    profile.save()
    return told


def booked(practice: Practice, key: str = "first", **fields: Any) -> Writeback:
    """Book a visit and wait until it is confirmed."""
    writeback = practice.asked("appointments", practice.another(**fields), key)
    practice.pass_time(SOON)
    writeback.refresh_from_db()
    assert writeback.status == "completed", writeback.error_message
    return writeback


def visit_of(writeback: Writeback) -> Appointment:
    writeback.refresh_from_db()
    return Appointment.objects.select_related(
        "patient", "practitioner", "location", "operatory", "appointment_type"
    ).get(clinic=writeback.clinic, external_id=writeback.created_external_id)


def in_words_of_truth(visit: Appointment) -> dict[str, Any]:
    """Our copy of a visit as the sandbox tells what is true."""
    assert visit.patient
    assert visit.practitioner
    assert visit.location
    return {
        "patient_id": visit.patient.external_id,
        "practitioner_id": visit.practitioner.external_id,
        "location_id": visit.location.external_id,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "status": visit.status,
    }


def truth_of(practice: Practice, id: str) -> dict[str, Any]:
    told = practice.truth()[id]
    times = {name: datetime.fromisoformat(told[name]) for name in ("starts_at", "ends_at")}
    return {
        name: told[name] for name in ("patient_id", "practitioner_id", "location_id", "status")
    } | times


# --- Booking, moving, calling off ----------------------------------------------------------------


def test_a_booking_is_confirmed_and_stands_in_both_books(practice: Practice) -> None:
    before = set(practice.truth())
    asked = practice.another()
    writeback = practice.asked("appointments", asked)
    if practice.integration.pms != "sikka":
        assert practice.see(writeback)["status"] == "completed", "answered at once"
        assert practice.events(writeback) == ["requested", "claimed", "done"]
    practice.pass_time(SOON)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["attempts"]) == ("completed", "completed", 1)
    assert seen["external_id"], "whoever looks for a lost answer knows that this one is taken"
    assert practice.calls().count(BOOKS[practice.integration.pms]) == 1

    (made,) = set(practice.truth()) - before
    assert seen["created_external_id"] == made
    visit = visit_of(writeback)
    assert str(visit.pk) == seen["appointment"]
    assert in_words_of_truth(visit) == truth_of(practice, made)
    assert visit.starts_at == datetime.fromisoformat(asked["starts_at"])
    assert str(visit.appointment_type_id) == asked["appointment_type"]
    assert (visit.operatory is not None) == has_operatories(system_of(practice.integration))
    assert not SlotHold.objects.exists()


def test_the_next_sync_finds_what_was_booked_and_makes_no_second_one(practice: Practice) -> None:
    visit = visit_of(booked(practice))
    count = Appointment.objects.count()
    practice.clock.advance(3600)
    practice.sync()
    after = Appointment.objects.select_related("patient", "practitioner", "location").get(
        external_id=visit.external_id
    )
    assert (after.pk, Appointment.objects.count()) == (visit.pk, count)
    assert in_words_of_truth(after) == in_words_of_truth(visit)
    assert after.appointment_type_id == visit.appointment_type_id
    assert (after.operatory_id, after.removed_at) == (visit.operatory_id, None)
    assert after.payload_hash, "as the PMS tells it"


def test_a_visit_is_moved_and_stays_as_long_as_it_was(practice: Practice) -> None:
    visit = visit_of(booked(practice))
    later = visit.starts_at + timedelta(days=1)
    moved = practice.asked(
        f"appointments/{visit.pk}", {"starts_at": later.isoformat()}, "move", method="put"
    )
    practice.pass_time(SOON)
    assert practice.see(moved)["status"] == "completed"
    told = truth_of(practice, visit.external_id)
    assert (told["starts_at"], told["ends_at"]) == (
        later,
        later + (visit.ends_at - visit.starts_at),
    )
    assert told == in_words_of_truth(visit_of(Writeback.objects.get(operation="book")))


def test_nothing_is_called_off_before_a_person_has_chosen_the_pmss_word_for_it(
    practice: Practice,
) -> None:
    visit = practice.like()
    answer = practice.post(f"appointments/{visit.pk}", None, method="delete")
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "profile_incomplete"
    clinic_id = practice.integration.clinic_id
    assert f"`manage.py profile {clinic_id} --read`" in error["message"]
    assert practice.truth()[visit.external_id]["status"] == "booked"
    assert practice.calls() == []


def test_the_words_are_read_and_a_visit_is_called_off_by_the_chosen_one(
    practice: Practice,
) -> None:
    told = choose_words(practice)
    assert told["unread"] == {}
    assert told["offers"]["statuses"]
    types = AppointmentType.objects.filter(clinic=practice.integration.clinic, is_active=True)
    assert {term["value"] for term in told["offers"]["appointment_types"]} == set(
        types.values_list("external_id", flat=True)
    )
    visit = visit_of(booked(practice))
    off = practice.asked(f"appointments/{visit.pk}", None, "off", method="delete")
    practice.pass_time(SOON)
    assert practice.see(off)["status"] == "completed"
    assert practice.truth()[visit.external_id]["status"] == "cancelled"
    visit.refresh_from_db()
    assert visit.status == "cancelled"

    again = practice.asked("appointments", practice.another(patient=1), "again")
    practice.pass_time(SOON)
    assert practice.see(again)["status"] == "completed", "its time is free"


def test_who_did_not_come_is_marked(practice: Practice) -> None:
    needs(practice, "set_status")
    choose_words(practice)
    visit = visit_of(booked(practice))
    marked = practice.asked(f"appointments/{visit.pk}/status", {"status": "noshow"}, "mark")
    practice.pass_time(SOON)
    assert practice.see(marked)["status"] == "completed"
    assert practice.truth()[visit.external_id]["status"] == "noshow"

    # The PMS has it so already; it is confirmed all the same.
    practice.clock.advance(3600)
    twice = practice.asked(f"appointments/{visit.pk}/status", {"status": "noshow"}, "twice")
    practice.pass_time(SOON)
    assert practice.see(twice)["status"] == "completed"
    assert practice.see(twice)["external_id"] != practice.see(marked)["external_id"]


# --- A new patient -------------------------------------------------------------------------------


def test_a_new_patient_is_registered_and_then_booked(practice: Practice) -> None:
    needs(practice, "create_patient")
    before = set(practice.truth("patients"))
    body = practice.another(new_patient=ADA)
    del body["patient"]
    booking = practice.asked("appointments", body)
    practice.pass_time(3 * SOON)
    assert set(Writeback.objects.values_list("status", flat=True)) == {"completed"}
    (registered,) = set(practice.truth("patients")) - before
    booking.refresh_from_db()
    visit = truth_of(practice, booking.created_external_id)
    assert visit["patient_id"] == registered
    assert practice.truth("patients")[registered]["last_name"] == "Invented"
    ours = Patient.objects.get(external_id=registered)
    assert (booking.patient, ours.first_name) == (ours, "Ada")


# --- Doubt, and refusals -------------------------------------------------------------------------


def test_a_lost_answer_is_found_again_without_a_second_booking(practice: Practice) -> None:
    before = set(practice.truth())
    books = BOOKS[practice.integration.pms]
    practice.sandbox.control.fault(books, "lost_answer")
    writeback = practice.asked("appointments", practice.another())
    assert practice.see(writeback)["status"] == "unconfirmed"
    practice.pass_time(4 * SOON)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.events(writeback)[2:4] == ["no_answer", "found"]
    assert practice.calls().count(books) == 1
    (made,) = set(practice.truth()) - before
    assert in_words_of_truth(visit_of(writeback)) == truth_of(practice, made)


def test_a_lost_booking_does_not_take_another_ones_visit_for_its_own(practice: Practice) -> None:
    body = practice.another(allow_overlap=True)
    first = practice.asked("appointments", body, "one")
    practice.pass_time(SOON)
    before = set(practice.truth())
    practice.sandbox.control.fault(BOOKS[practice.integration.pms], "dropped_request")
    second = practice.asked("appointments", body, "two")
    assert practice.see(second)["status"] == "unconfirmed"
    practice.pass_time(8 * SOON)
    ended = practice.see(second)
    assert ended["created_external_id"] != practice.see(first)["created_external_id"]
    assert "absent" in practice.events(second), "the other's visit is no proof of it"
    if practice.integration.pms == "nookal":  # which takes no two at one time
        assert (ended["status"], ended["failure_code"]) == ("failed", "refused")
        assert set(practice.truth()) == before
    else:
        assert ended["status"] == "completed"
        assert set(practice.truth()) - before == {ended["created_external_id"]}


def test_a_refused_booking_tells_why_and_gives_its_time_back(practice: Practice) -> None:
    body = practice.another()
    if practice.integration.pms == "sikka":
        practice.sandbox.control.knobs(failures=1.0)
    else:
        # Our copy does not know yet that this patient is no more.
        gone = Patient.objects.get(pk=body["patient"]).external_id
        practice.sandbox.control.change(practice.office, "patient", "delete", gone)
    before = set(practice.truth())
    writeback = practice.asked("appointments", body)
    practice.pass_time(SOON)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"]) == ("failed", "failed")
    assert seen["failure_code"] in {"refused", "pms_failed"}
    assert seen["error_message"] not in {"", "The PMS gave no reason."}
    assert set(practice.truth()) == before
    assert not SlotHold.objects.exists()


def test_what_the_pms_remarks_of_a_booking_reaches_whoever_asked(practice: Practice) -> None:
    make.webhook(practice.integration.organization)
    match practice.integration.pms:
        case "cliniko":
            booked(practice)
            body = practice.another(patient=1, allow_overlap=True)
            remark = "It overlaps another appointment of the practitioner."
        case "nookal":
            body = practice.another()
            start = datetime.fromisoformat(body["starts_at"])
            lasts = datetime.fromisoformat(body["ends_at"]) - start
            body["ends_at"] = (start + 2 * lasts).isoformat()
            ends, not_at = (f"{start + each * lasts:%H:%M}" for each in (1, 2))
            remark = f"It ends at {ends}, not at {not_at}: its type sets its length."
        case pms:
            pytest.skip(f"{pms}: it remarks nothing of what it took")
    writeback = practice.asked("appointments", body, "remarked")
    seen = practice.see(writeback)
    assert (seen["status"], seen["remark"]) == ("completed", remark)
    assert seen["events"][-1]["note"] == remark
    (told,) = (
        message.data for message in Message.objects.all() if message.data["writeback"] == seen["id"]
    )
    assert told["remark"] == remark


def test_of_twenty_callers_for_one_time_one_is_booked(practice: Practice) -> None:
    organization = practice.integration.organization
    people = [make.member(organization, Role.STAFF) for _ in range(CALLERS)]
    bodies = [practice.another(patient=number) for number in range(CALLERS)]
    before = set(practice.truth())

    def call(number: int) -> Any:
        client = APIClient()
        client.force_authenticate(people[number])
        return client.post(
            f"{practice.path}/appointments",
            bodies[number],
            headers={"Idempotency-Key": f"caller {number}"},
        )

    answers = at_once(CALLERS, call)
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * (CALLERS - 1)
    refused = [answer.json()["error"] for answer in answers if answer.status_code == 409]
    assert {error["code"] for error in refused} == {"slot_taken"}
    assert all(error["details"]["alternatives"] for error in refused)
    practice.pass_time(SOON)
    assert Writeback.objects.get().status == "completed"
    assert len(set(practice.truth()) - before) == 1
    assert practice.calls().count(BOOKS[practice.integration.pms]) == 1


# --- What a booking needs of each PMS ------------------------------------------------------------


def test_a_type_says_how_long_where_nobody_says_when_it_ends(practice: Practice) -> None:
    body = practice.another()
    kind = AppointmentType.objects.get(pk=body["appointment_type"])
    if not kind.minutes:
        pytest.skip(f"{practice.integration.pms}: it tells no usual lengths")
    del body["ends_at"]
    writeback = practice.asked("appointments", body)
    practice.pass_time(SOON)
    writeback.refresh_from_db()
    told = truth_of(practice, writeback.created_external_id)
    assert told["ends_at"] - told["starts_at"] == timedelta(minutes=kind.minutes)


def test_no_chair_is_asked_for_where_the_pms_has_none(practice: Practice) -> None:
    body = practice.another()
    body.pop("operatory", None)
    answer = practice.post("appointments", body)
    if has_operatories(system_of(practice.integration)):
        assert answer.status_code == 400
        assert list(answer.json()["error"]["details"]) == ["operatory"]
        assert not Writeback.objects.exists()
    else:
        assert answer.status_code == 202
        assert SlotHold.objects.count() == 0
        assert Writeback.objects.get().command["operatory"] is None


def test_a_type_has_to_be_named_where_the_pms_books_nothing_without(
    practice: Practice,
) -> None:
    body = practice.another()
    kind = AppointmentType.objects.get(pk=body.pop("appointment_type"))
    if not practice.integration.manifest.books_by_type:
        assert practice.post("appointments", body).status_code == 202
        return
    answer = practice.post("appointments", body)
    assert answer.status_code == 400
    (said,) = answer.json()["error"]["details"]["appointment_type"]
    assert said == (
        "Name one of the clinic's appointment types: its PMS books nothing without, and the "
        "clinic's profile has no usual one."
    )
    assert not Writeback.objects.exists()
    assert practice.calls() == []

    choose_words(practice)
    profile = profile_of(practice.integration)
    profile.appointment_type = kind.external_id
    profile.full_clean()
    profile.save()
    writeback = practice.asked("appointments", body)
    practice.pass_time(SOON)
    writeback.refresh_from_db()
    assert writeback.status == "completed"
    assert visit_of(writeback).appointment_type == kind
