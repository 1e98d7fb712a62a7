"""Many want the same half hour, of a PMS that would take them all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework.test import APIClient

from clinics.models import Role
from tests import make
from tests.flows.practices import Practice
from tests.integrations.threads import at_once
from writebacks.models import SlotHold, Writeback

CALLERS = 20


def callers_at_once(practice: Practice, *, new_patients: bool = False) -> list[Any]:
    """Let twenty people ask for one time at one moment, each with a connection and key of theirs;
    return the answers."""
    organization = practice.integration.organization
    people = [make.member(organization, Role.STAFF) for _ in range(CALLERS)]
    bodies = [practice.booking(patient=number) for number in range(CALLERS)]
    if new_patients:
        for number, body in enumerate(bodies):
            del body["patient"]
            body["new_patient"] = {"first_name": "Ada", "last_name": f"Invented {number}"}
    path = f"/api/v1/clinics/{practice.integration.clinic_id}/appointments"

    def call(number: int) -> Any:
        client = APIClient()
        client.force_authenticate(people[number])
        return client.post(path, bodies[number], headers={"Idempotency-Key": f"caller {number}"})

    return at_once(CALLERS, call)


def refused(answers: list[Any]) -> list[dict[str, Any]]:
    """Return what was said to all but the one who got it."""
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * (CALLERS - 1)
    errors = [each.json()["error"] for each in answers if each.status_code == 409]
    assert {error["code"] for error in errors} == {"slot_taken"}
    return [error["details"] for error in errors]


def test_of_twenty_callers_for_one_slot_one_gets_it_and_the_others_hear_of_free_ones(
    practice: Practice,
) -> None:
    answers = callers_at_once(practice)
    taken = practice.booking()
    start, end = (datetime.fromisoformat(taken[name]) for name in ("starts_at", "ends_at"))
    for details in refused(answers):
        assert details["alternatives"]
        for other in details["alternatives"]:
            begins, ends = (datetime.fromisoformat(other[n]) for n in ("starts_at", "ends_at"))
            assert ends <= start or begins >= end
            assert other["practitioner"] == taken["practitioner"]
    writeback = Writeback.objects.get()
    assert SlotHold.objects.get().writeback == writeback

    practice.pass_time(30)
    assert practice.see(writeback)["status"] == "completed"
    (made,) = practice.in_pms()
    assert (made["date"][:10], made["time"]) == ("2030-03-06", "09:00")
    assert not SlotHold.objects.exists()
    assert practice.calls().count("POST /appointment") == 1

    late = practice.client.post(
        f"/api/v1/clinics/{practice.integration.clinic_id}/appointments",
        practice.booking(patient=5),
        headers={"Idempotency-Key": "late"},
    )
    assert late.json()["error"]["code"] == "slot_taken", "our copy has it now, without a hold"


def test_that_pms_would_have_taken_them_all(practice: Practice) -> None:
    for number in range(3):
        body = practice.booking(patient=number) | {"allow_overlap": True}
        answer = practice.client.post(
            f"/api/v1/clinics/{practice.integration.clinic_id}/appointments",
            body,
            headers={"Idempotency-Key": f"overlap {number}"},
        )
        assert answer.status_code == 202
    practice.pass_time(30)
    assert len({(made["date"], made["time"]) for made in practice.in_pms()}) == 1
    assert len(practice.in_pms()) == 3


def test_of_twenty_new_patients_for_one_slot_one_is_registered(practice: Practice) -> None:
    refused(callers_at_once(practice, new_patients=True))
    kept = sorted(Writeback.objects.values_list("operation", flat=True))
    assert kept == ["book", "create_patient"]
    practice.pass_time(120)
    assert set(Writeback.objects.values_list("status", flat=True)) == {"completed"}
    (made,) = practice.in_pms()
    booking = Writeback.objects.get(operation="book")
    assert made["patient_id"] == booking.patient.external_id
    assert practice.calls().count("POST /patient") == 1
