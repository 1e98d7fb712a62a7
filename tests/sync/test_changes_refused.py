"""A PMS that tells us its lists and not what changed in them, as a plan of Sikka may have it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinics.models import Appointment, Patient, Role
from integrations.http.errors import ChangesNotTold
from integrations.queries import Feed
from sync.models import SyncRun
from sync.standing import standings
from sync.states import Mode, Status
from tests.sync import toy
from tests.sync.conftest import Desk
from tests.sync.test_admin import page, person, text
from tests.sync.test_running import APPOINTMENTS, PATIENTS, fill


@pytest.fixture
def refusing(desk: Desk) -> Desk:
    """A clinic that was read whole, whose PMS refuses to tell changes."""

    def refuse(feed: Feed, position: str) -> None:
        if feed.changed_since is not None:
            raise ChangesNotTold("It answered 401: not in the plan.")

    fill(desk)
    desk.pms.put(APPOINTMENTS, toy.appointment(1))
    desk.sync()
    desk.pms.before = refuse
    desk.later(hours=4)
    desk.pms.put(PATIENTS, toy.patient(3, first_name="Eva"), desk.clock.now)
    desk.pms.put(APPOINTMENTS, toy.appointment(2), desk.clock.now)
    return desk


def kinds(run: SyncRun) -> list[tuple[str, str]]:
    return [(step["resource"], step["kind"]) for step in run.checkpoint.steps]


def refusals(desk: Desk) -> int:
    return sum(feed.changed_since is not None for feed, _ in desk.pms.asked)


def test_whole_patients_and_the_days_around_today_are_read_instead(refusing: Desk) -> None:
    run = refusing.sync()
    assert (run.status, run.error_message) == (Status.COMPLETED, "")
    assert kinds(run) == [("patients", "full"), ("appointments", "window")]
    assert Patient.objects.get(external_id="p00003").first_name == "Eva"
    assert Appointment.objects.filter(external_id="a00002").exists()
    assert refusals(refusing) == 2


def test_what_was_refused_is_asked_again_after_a_week_and_no_sooner(refusing: Desk) -> None:
    refusing.sync()
    for _ in range(6):
        refusing.later(days=1)
        refusing.sync(is_full=True)
        assert refusing.sync().status == Status.COMPLETED
    assert refusals(refusing) == 2
    refusing.later(days=1)
    refusing.pms.before = lambda feed, position: None
    run = refusing.sync()
    assert kinds(run) == [("patients", "changes"), ("appointments", "changes")]
    assert not refusing.integration.cursors.exclude(changes_refused_at=None).exists()


def test_the_status_says_that_changes_are_not_told(refusing: Desk) -> None:
    refusing.sync()
    told = standings([refusing.integration], refusing.clock.now, ())[0].lists
    assert {each.resource: each.changes_refused_at for each in told} == {
        "locations": None,
        "practitioners": None,
        "patients": refusing.clock.now,
        "appointments": refusing.clock.now,
    }


def test_what_is_read_of_appointments_is_not_taken_for_all_of_them(refusing: Desk) -> None:
    before = refusing.integration.cursors.get(resource=APPOINTMENTS).read_until
    refusing.sync()
    cursor = refusing.integration.cursors.get(resource=APPOINTMENTS)
    assert (cursor.read_until, cursor.looked_at) == (before, refusing.clock.now)


def test_a_look_at_today_and_tomorrow_stays_one(refusing: Desk) -> None:
    run = refusing.sync(mode=Mode.UPCOMING)
    today = refusing.clock.now.date()
    assert [(step["kind"], step["first"], step["last"]) for step in run.checkpoint.steps] == [
        ("window", today.isoformat(), (today + timedelta(days=1)).isoformat())
    ]
    assert run.status == Status.COMPLETED


def test_a_list_that_is_refused_itself_still_ends_the_run(refusing: Desk) -> None:
    def refuse(feed: Feed, position: str) -> None:
        raise ChangesNotTold("It answered 401.")

    refusing.pms.before = refuse
    run = refusing.sync()
    assert (run.status, run.waiting_for) == (Status.FAILED, "changes_not_told")


def test_the_integrations_page_says_so_at_the_lists_that_it_is_true_of(refusing: Desk) -> None:
    staff = person(refusing.integration, Role.STAFF)
    word = "The PMS refuses to tell what changed"
    assert word not in text(staff, page(refusing.integration))
    refusing.sync()
    assert text(staff, page(refusing.integration)).count(word) == 2
