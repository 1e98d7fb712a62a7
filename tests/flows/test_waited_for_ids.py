"""A booking that waits for its new patient's id waits no longer than it must."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from integrations.adapters.sikka import Sikka
from tests.flows.practices import Practice
from writebacks import polling
from writebacks.models import Writeback
from writebacks.tasks import dispatch


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


#: So many that the PMS's list is asked for all at once, which tells no ids.
HOURS = (9, 10, 11)


def bookings(practice: Practice) -> list[tuple[Writeback, Writeback]]:
    """Ask for new patients, each with a first visit; return both writebacks of each."""
    made = []
    for hour in HOURS:
        body = practice.booking(hour=hour)
        del body["patient"]
        answer = practice.client.post(
            f"/api/v1/clinics/{practice.integration.clinic_id}/appointments",
            {**body, "new_patient": {"first_name": "Rehearsal", "last_name": f"Hour {hour}"}},
            headers={"Idempotency-Key": f"new patient {hour}"},
        )
        assert answer.status_code == 202, answer.content
        visit = Writeback.objects.get(pk=answer.json()["id"])
        assert visit.after
        made.append((visit.after, visit))
    return made


def test_a_worker_that_dies_before_it_reads_a_new_patients_id_holds_the_booking_up_for_a_minute(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bookings(practice)

    def killed(*arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(polling, "identify_now", killed)
        with pytest.raises(Killed):
            practice.pass_time(35)
    for patient, visit in made:
        assert practice.see(patient)["status"] == "completed"
        assert practice.see(visit)["waiting_for"] == "earlier_write"
    practice.pass_time(130)
    assert {practice.see(visit)["status"] for _, visit in made} == {"completed"}
    assert len(practice.in_pms()) == len(HOURS)


def test_an_id_that_the_pms_does_not_tell_is_asked_for_ever_less_often(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[timedelta] = []
    begun = practice.clock.now

    def untold(*arguments: object) -> dict[str, str]:
        asked.append(practice.clock.now - begun)
        return {}

    made = bookings(practice)
    monkeypatch.setattr(Sikka, "created_ids", untold)
    for _ in range(300):
        practice.clock.advance(60)
        dispatch()
    assert {practice.see(visit)["waiting_for"] for _, visit in made} == {"earlier_write"}
    assert len(asked) == 10
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=2)
