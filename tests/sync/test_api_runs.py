"""The runs of the sync over REST: listed, followed, cancelled, and accepted when held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.keys import save
from accounts.models import ApiKey
from audit.models import Entry
from clinics import access
from clinics.models import Patient, Role, User
from integrations.http.errors import NoAnswer
from integrations.queries import Resource
from sync.models import Sighting, SyncRun
from sync.states import Status, Trigger
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in

RUNS = "/api/v1/sync/runs"
PATIENTS = Resource.PATIENTS


@pytest.fixture
def client(desk: Desk) -> APIClient:
    return logged_in(make.member(desk.integration.organization, Role.CLINIC_ADMIN))


def fill(desk: Desk, patients: int) -> None:
    for number in range(1, patients + 1):
        desk.pms.put(PATIENTS, toy.patient(number))


def lose(desk: Desk, patients: int) -> None:
    """Let so many of the first patients vanish from the PMS."""
    for number in range(1, patients + 1):
        desk.pms.delete(PATIENTS, f"p{number:05}")


def code(answer: Any, status: int = 409) -> str:
    assert answer.status_code == status, answer.content
    return answer.json()["error"]["code"]


def ids(client: APIClient, **asked: str) -> list[str]:
    answer = client.get(RUNS, asked)
    assert answer.status_code == 200, answer.content
    return [run["id"] for run in answer.json()["results"]]


def test_runs_are_listed_newest_first_page_by_page_and_narrowed(
    client: APIClient, desk: Desk
) -> None:
    first = desk.sync()
    desk.later(hours=1)
    second = desk.sync(trigger=Trigger.SCHEDULE)
    desk.later(hours=1)
    third = desk.ask()
    sibling = make.integration(make.clinic(desk.integration.organization))
    desk.later(hours=1)
    fourth = Desk(sibling, desk.pms, desk.clock).ask(trigger=Trigger.NIGHT)
    Desk(make.integration(make.clinic()), desk.pms, desk.clock).ask()  # another organization's
    newest_first = [str(run.pk) for run in (fourth, third, second, first)]
    assert ids(client) == newest_first
    assert ids(client, clinic=str(desk.clinic.pk)) == newest_first[1:]
    assert ids(client, status="completed") == newest_first[2:]
    assert ids(client, trigger="schedule") == [str(second.pk)]
    assert ids(client, trigger="night", status="completed") == []
    page = client.get(RUNS, {"page_size": "3"}).json()
    rest = client.get(page["next"]).json()
    assert [run["id"] for run in page["results"] + rest["results"]] == newest_first


@pytest.mark.parametrize("asked", [{"status": "done"}, {"trigger": ""}, {"clinic": "1"}])
def test_a_filter_that_no_run_can_meet_is_400(client: APIClient, asked: dict[str, str]) -> None:
    assert client.get(RUNS, asked).status_code == 400


def test_a_run_tells_how_far_it_has_come_and_what_a_full_one_would_cost(
    client: APIClient, desk: Desk
) -> None:
    fill(desk, 25)
    desk.sync()
    desk.later(hours=4)

    def stopped(feed: Any, position: str) -> None:
        if position == "10":
            raise NoAnswer("The PMS answered 500.")

    desk.pms.before = stopped
    run = desk.sync(is_full=True)
    told = client.get(f"{RUNS}/{run.pk}").json()
    assert (told["status"], told["waiting_for"]) == ("waiting", "no_answer")
    assert told["counts"]["pages"] == 3
    assert told["progress"] == {
        "steps": [
            {"resource": name, "kind": "full"}
            for name in ("locations", "practitioners", "patients", "appointments")
        ],
        "done": 2,
        "current": {"resource": "patients", "kind": "full"},
        "pages": 1,
        "records": 10,
        "total": 25,
        "calls": 0,  # a toy has no budget
        "full_sync_pages": 1 + 1 + 3 + 1,
    }
    desk.pms.before = lambda feed, position: None
    desk.later(minutes=1)
    desk.work(run)
    told = client.get(f"{RUNS}/{run.pk}").json()
    assert (told["status"], told["progress"]["done"], told["progress"]["current"]) == (
        "completed",
        4,
        None,
    )


def test_a_run_is_cancelled_once_and_what_it_stored_stays(client: APIClient, desk: Desk) -> None:
    fill(desk, 25)

    def stopped(feed: Any, position: str) -> None:
        if position == "10":
            raise NoAnswer("The PMS answered 500.")

    desk.pms.before = stopped
    run = desk.sync()
    answer = client.post(f"{RUNS}/{run.pk}/cancel")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["due_at"]) == ("cancelled", None)
    assert code(client.post(f"{RUNS}/{run.pk}/cancel")) == "sync_ended"
    desk.later(hours=1)
    assert desk.work(run).status == Status.CANCELLED
    assert (Patient.objects.count(), Sighting.objects.count()) == (10, 0)


@pytest.fixture
def held(desk: Desk) -> SyncRun:
    """A run that did not find 6 of 25 patients, which is too many to be believed."""
    fill(desk, 25)
    desk.sync()
    desk.later(days=1)
    lose(desk, 6)
    run = desk.sync(is_full=True)
    assert run.status == Status.HELD
    assert not Patient.objects.exclude(removed_at=None).exists()
    return run


def test_what_a_person_accepts_as_gone_is_removed_by_a_new_full_sync(
    client: APIClient, desk: Desk, held: SyncRun
) -> None:
    answer = client.post(f"{RUNS}/{held.pk}/accept")
    assert answer.status_code == 202, answer.content
    made = SyncRun.objects.get(pk=answer.json()["id"])
    assert answer["Location"].endswith(f"{RUNS}/{made.pk}")
    assert (made.is_full, made.may_remove, made.requested_by) == (True, True, User.objects.get())
    assert (made.status, made.is_urgent) == (Status.QUEUED, False)
    run = desk.work(made)
    assert (run.status, run.checkpoint.removed) == (Status.COMPLETED, 6)
    assert Patient.objects.exclude(removed_at=None).count() == 6
    entry = Entry.objects.filter(record_type="sync", record_ids=[str(made.pk)]).earliest("pk")
    assert entry.user_id == made.requested_by_id


def test_nothing_is_accepted_twice(client: APIClient, desk: Desk, held: SyncRun) -> None:
    first = client.post(f"{RUNS}/{held.pk}/accept").json()["id"]
    again = client.post(f"{RUNS}/{held.pk}/accept")
    assert code(again) == "sync_running"
    assert again.json()["error"]["details"]["run"] == first
    desk.work(SyncRun.objects.get(pk=first))
    assert code(client.post(f"{RUNS}/{held.pk}/accept")) == "not_newest"


def test_what_nobody_has_looked_at_is_not_accepted(
    client: APIClient, desk: Desk, held: SyncRun
) -> None:
    desk.later(days=1)
    lose_more = [f"p{number:05}" for number in range(7, 20)]
    for external_id in lose_more:
        desk.pms.delete(PATIENTS, external_id)
    newer = desk.sync(is_full=True)
    assert newer.status == Status.HELD
    assert code(client.post(f"{RUNS}/{held.pk}/accept")) == "not_newest"
    assert client.post(f"{RUNS}/{newer.pk}/accept").status_code == 202


def test_only_a_held_run_is_accepted(client: APIClient, desk: Desk) -> None:
    run = desk.sync()
    assert code(client.post(f"{RUNS}/{run.pk}/accept")) == "not_held"
    assert SyncRun.objects.count() == 1


def test_a_newer_run_of_other_lists_leaves_it_to_be_accepted(
    client: APIClient, desk: Desk, held: SyncRun
) -> None:
    desk.later(hours=1)
    other = desk.sync(is_full=True, only=[Resource.LOCATIONS])
    assert other.status == Status.COMPLETED
    assert client.post(f"{RUNS}/{held.pk}/accept").status_code == 202


def test_staff_may_not_accept(desk: Desk, held: SyncRun) -> None:
    staff = logged_in(make.member(desk.integration.organization, Role.STAFF))
    assert code(staff.post(f"{RUNS}/{held.pk}/accept"), 403) == "permission_denied"
    assert SyncRun.objects.count() == 2


def test_another_tenants_run_is_404(client: APIClient, desk: Desk) -> None:
    foreign = Desk(make.integration(make.clinic()), desk.pms, desk.clock).ask()
    assert client.get(f"{RUNS}/{foreign.pk}").status_code == 404
    for what in ("cancel", "accept"):
        assert client.post(f"{RUNS}/{foreign.pk}/{what}").status_code == 404
    foreign.refresh_from_db()
    assert foreign.status == Status.QUEUED


def test_no_key_may_accept_whatever_its_scopes(desk: Desk, held: SyncRun) -> None:
    key = ApiKey(
        organization=desk.integration.organization,
        name="A program",
        scopes=["admin", "sync"],
        expires_at=desk.clock.now + timedelta(days=1),
    )
    issued = save(key, access.NOBODY, desk.clock.now)
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.text}")
    assert code(program.post(f"{RUNS}/{held.pk}/accept"), 403) == "not_for_keys"
    assert SyncRun.objects.count() == 2
