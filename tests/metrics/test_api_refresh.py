"""Having a clinic's numbers made newer: one run however many ask, and what is told without one."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.keys import save
from accounts.models import ApiKey
from clinics import access
from clinics.models import Clinic, Role
from integrations.http.errors import BudgetExhausted, NoAnswer, NotAuthorized
from integrations.models import Breaker, Integration, IntegrationStatus
from integrations.queries import Feed, Resource
from metrics import refreshing
from metrics.recounting import recount
from sync.models import Cursor, SyncRun
from sync.requesting import cancel
from sync.states import Mode, Status, Trigger
from tests import make
from tests.conftest import START
from tests.sync import conftest as syncs
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in

pms, connect, desk = syncs.pms, syncs.connect, syncs.desk


@pytest.fixture
def client(desk: Desk) -> APIClient:
    return logged_in(make.member(desk.clinic.organization, Role.STAFF))


@pytest.fixture
def read(desk: Desk) -> Desk:
    """A clinic whose one booking was read and counted an hour ago."""
    desk.pms.put(Resource.PATIENTS, toy.patient(1))
    desk.pms.put(Resource.APPOINTMENTS, toy.appointment(1))
    assert desk.sync().status == Status.COMPLETED
    recount(desk.clinic, START)
    desk.later(hours=1)
    return desk


def address(clinic: Clinic, query: str = "") -> str:
    return f"/api/v1/clinics/{clinic.pk}/metrics/refresh{query}"


def accepted(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    return told


def error(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()["error"]
    return found


def failing(desk: Desk, what: Exception) -> None:
    def fail(feed: Feed, position: str) -> None:
        raise what

    desk.pms.before = fail


def answering(desk: Desk) -> None:
    desk.pms.before = lambda feed, position: None


def test_the_clinics_appointments_are_read_with_calls_kept_for_people(
    client: APIClient, read: Desk
) -> None:
    answer = client.post(address(read.clinic))
    told = accepted(answer)
    run = SyncRun.objects.get(pk=told["runId"])
    assert told == {
        "clinicId": str(read.clinic.pk),
        "runId": str(run.pk),
        "runStatus": "queued",
        "statusUrl": f"http://testserver/api/v1/sync/runs/{run.pk}",
        "isNew": True,
        "lastUpdated": "2030-03-05T15:00:00+00:00",
        "dataAgeSeconds": 3600,
        "status": "live",
        "staleAt": "2030-03-05T19:30:00+00:00",
    }
    assert answer["Location"] == told["statusUrl"]
    assert (run.mode, run.only, run.is_urgent) == (Mode.INCREMENTAL, ["appointments"], True)
    assert (run.trigger, run.is_full) == (Trigger.PERSON, False)
    assert run.requested_by is not None
    read.pms.asked.clear()
    assert read.work(run).status == Status.COMPLETED
    assert {feed.resource for feed, _ in read.pms.asked} == {Resource.APPOINTMENTS}
    assert client.get(told["statusUrl"]).json()["status"] == "completed"


def test_what_it_brings_is_in_the_numbers(client: APIClient, read: Desk) -> None:
    numbers = f"/api/v1/clinics/{read.clinic.pk}/metrics?period=month"
    before = client.get(numbers).json()
    read.pms.put(Resource.APPOINTMENTS, toy.appointment(2), read.clock.now)
    run = SyncRun.objects.get(pk=accepted(client.post(address(read.clinic)))["runId"])
    read.work(run)
    recount(read.clinic, read.clock.now)
    after = client.get(numbers).json()
    assert (before["dataAgeSeconds"], after["dataAgeSeconds"]) == (3600, 0)
    assert after["metrics"]["totalBookings"] == before["metrics"]["totalBookings"] + 1


def test_who_asks_while_a_run_is_open_gets_that_one(client: APIClient, read: Desk) -> None:
    first = accepted(client.post(address(read.clinic)))
    again = accepted(client.post(address(read.clinic)))
    assert (again["runId"], again["isNew"]) == (first["runId"], False)
    assert SyncRun.objects.filter(status=Status.QUEUED).count() == 1
    # Another person of the same clinic as well.
    other = logged_in(make.member(read.clinic.organization))
    assert accepted(other.post(address(read.clinic)))["runId"] == first["runId"]


def test_right_after_one_has_ended_the_next_is_refused(client: APIClient, read: Desk) -> None:
    run = SyncRun.objects.get(pk=accepted(client.post(address(read.clinic)))["runId"])
    read.work(run)
    read.later(seconds=4)
    answer = client.post(address(read.clinic))
    assert error(answer, 429)["code"] == "refreshed_just_now"
    assert answer["Retry-After"] == "11"
    read.later(seconds=10.5)
    assert client.post(address(read.clinic))["Retry-After"] == "1"
    read.later(seconds=0.5)
    assert accepted(client.post(address(read.clinic)))["isNew"] is True


def test_a_run_of_another_list_or_a_withdrawn_one_is_no_reason_to_refuse(
    client: APIClient, read: Desk
) -> None:
    read.sync(only=(Resource.PATIENTS,))
    told = accepted(client.post(address(read.clinic)))
    assert told["isNew"] is True
    assert cancel(SyncRun.objects.get(pk=told["runId"]), read.clock.now)
    assert accepted(client.post(address(read.clinic)))["isNew"] is True


def test_where_an_open_run_reads_other_lists_the_appointments_follow_it(
    client: APIClient, read: Desk
) -> None:
    run = read.ask(only=(Resource.PATIENTS,))
    told = accepted(client.post(address(read.clinic)))
    assert (told["runId"], told["isNew"]) == (str(run.pk), False)
    cursor = Cursor.objects.get(integration=read.integration, resource=Resource.APPOINTMENTS)
    assert cursor.wanted_at == read.clock.now


def test_a_background_run_that_waits_for_calls_goes_on_with_those_kept_for_people(
    client: APIClient, read: Desk
) -> None:
    later = read.clock.now + timedelta(minutes=30)
    failing(read, BudgetExhausted("No calls are left.", retry_at=later))
    run = read.sync(trigger=Trigger.SCHEDULE)
    assert (run.status, run.is_urgent, run.due_at) == (Status.WAITING, False, later)
    read.later(minutes=1)
    told = accepted(client.post(address(read.clinic)))
    assert (told["runId"], told["isNew"], told["status"]) == (str(run.pk), False, "live")
    run.refresh_from_db()
    assert (run.is_urgent, run.due_at) == (True, read.clock.now)


def test_a_full_run_does_not_get_the_calls_kept_for_people(client: APIClient, read: Desk) -> None:
    failing(read, BudgetExhausted("No calls are left.", retry_at=START + timedelta(hours=9)))
    run = read.sync(trigger=Trigger.NIGHT, is_full=True)
    read.later(minutes=1)
    assert accepted(client.post(address(read.clinic)))["runId"] == str(run.pk)
    run.refresh_from_db()
    assert (run.is_urgent, run.due_at) == (False, read.clock.now)


def test_a_run_that_was_just_held_up_is_not_made_due_by_each_click(
    client: APIClient, read: Desk
) -> None:
    later = read.clock.now + timedelta(minutes=30)
    failing(read, BudgetExhausted("No calls are left.", retry_at=later))
    run = read.sync()
    read.later(seconds=14)
    told = accepted(client.post(address(read.clinic)))
    assert (told["runId"], told["runStatus"]) == (str(run.pk), "waiting")
    run.refresh_from_db()
    assert run.due_at == later


def test_what_takes_many_pages_takes_the_calls_of_the_background(
    client: APIClient, desk: Desk
) -> None:
    first = SyncRun.objects.get(pk=accepted(client.post(address(desk.clinic)))["runId"])
    assert (first.is_urgent, first.only) == (False, [])
    assert desk.work(first).is_full
    desk.later(days=4)
    run = SyncRun.objects.get(pk=accepted(client.post(address(desk.clinic)))["runId"])
    assert (run.is_urgent, run.only) == (False, ["appointments"])


# --- The PMS is away -----------------------------------------------------------------------------


def test_while_the_pms_is_away_the_last_numbers_are_told_in_the_error(
    client: APIClient, read: Desk
) -> None:
    Integration.objects.update(pms="cliniko")
    retry_at = read.clock.now + timedelta(seconds=42)
    Breaker.objects.create(
        integration=read.integration, opened_at=read.clock.now, retry_at=retry_at, failures=5
    )
    answer = client.post(address(read.clinic, "?period=month&metrics=bookings"))
    numbers = client.get(f"/api/v1/clinics/{read.clinic.pk}/metrics?period=month&metrics=bookings")
    told = numbers.json()
    found = error(answer, 503)
    assert answer["Retry-After"] == "42"
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "code": "CLINIKO_API_UNAVAILABLE",
        "message": "Unable to fetch the latest data from Cliniko.",
        "details": "The PMS failed several times and is left alone for a while.",
        "fallback_data": {
            "last_updated": "2030-03-05T15:00:00+00:00",
            "data_age_minutes": 60,
            "period": {"name": "month", "startDate": "2030-03-01", "endDate": "2030-03-31"},
            "metrics": told["metrics"],
        },
    }
    assert found["fallback_data"]["metrics"]["totalBookings"] == 1
    assert told["problem"] == {each: found[each] for each in ("code", "message", "details")}
    assert SyncRun.objects.count() == 1


def test_a_refresh_that_fails_is_told_with_the_numbers_and_tried_again_later(
    client: APIClient, read: Desk
) -> None:
    run = SyncRun.objects.get(pk=accepted(client.post(address(read.clinic)))["runId"])
    failing(read, NoAnswer("The PMS did not answer."))
    assert read.work(run).status == Status.WAITING
    numbers = client.get(f"/api/v1/clinics/{read.clinic.pk}/metrics").json()
    assert (numbers["status"], numbers["problem"]["code"]) == ("away", "TOY_API_UNAVAILABLE")
    waits_until = run.due_at
    # Just tried: it is left alone.
    read.later(seconds=10)
    answer = client.post(address(read.clinic))
    assert error(answer, 503)["details"] == "The PMS did not answer."
    assert answer["Retry-After"] == "50"
    run.refresh_from_db()
    assert run.due_at == waits_until
    # A minute later somebody who asks has it tried again, by the same run.
    read.later(seconds=50)
    waiting = SyncRun.objects.filter(pk=run.pk)
    waiting.update(due_at=read.clock.now + timedelta(minutes=30))
    answer = client.post(address(read.clinic))
    assert error(answer, 503)["code"] == "TOY_API_UNAVAILABLE"
    assert answer["Retry-After"] == "15"
    assert waiting.get().due_at == read.clock.now
    answering(read)
    assert read.work(run).status == Status.COMPLETED
    read.later(seconds=15)
    assert accepted(client.post(address(read.clinic)))["status"] == "live"


def test_after_a_run_that_failed_for_good_a_new_one_tries_the_pms_again(
    client: APIClient, read: Desk
) -> None:
    failing(read, NotAuthorized("The PMS rejects our credential."))
    assert read.sync().status == Status.FAILED
    read.later(seconds=59)
    assert client.post(address(read.clinic))["Retry-After"] == "1"
    assert SyncRun.objects.filter(status=Status.QUEUED).count() == 0
    read.later(seconds=1)
    for _ in range(2):
        found = error(client.post(address(read.clinic)), 503)
        assert found["details"] == "The PMS rejects our credential."
    run = SyncRun.objects.get(status=Status.QUEUED)
    answering(read)
    assert read.work(run).status == Status.COMPLETED
    assert client.get(f"/api/v1/clinics/{read.clinic.pk}/metrics").json()["status"] == "live"


def test_a_rejected_credential_is_not_tried_by_those_who_watch(
    client: APIClient, read: Desk
) -> None:
    Integration.objects.update(status=IntegrationStatus.ERROR)
    answer = client.post(address(read.clinic))
    assert error(answer, 503)["details"] == "The PMS rejects our credential."
    assert answer["Retry-After"] == "600"
    assert SyncRun.objects.count() == 1


def test_where_nothing_was_ever_read_there_is_nothing_to_fall_back_on(
    client: APIClient, desk: Desk
) -> None:
    failing(desk, NoAnswer("The PMS did not answer."))
    desk.sync()
    assert error(client.post(address(desk.clinic)), 503)["fallback_data"] == {
        "last_updated": None,
        "data_age_minutes": None,
        "period": {"name": "week", "startDate": "2030-03-04", "endDate": "2030-03-10"},
        "metrics": None,
    }


# --- Who may, and what is refused ----------------------------------------------------------------


def test_a_program_that_may_sync_but_not_look_is_told_no_numbers(read: Desk) -> None:
    key = ApiKey(
        organization=read.clinic.organization,
        name="A program",
        scopes=["sync"],
        expires_at=START + timedelta(days=1),
    )
    program = APIClient()
    text = save(key, access.NOBODY, START).text
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    Integration.objects.update(status=IntegrationStatus.ERROR)
    fallback = error(program.post(address(read.clinic)), 503)["fallback_data"]
    assert (fallback["period"], fallback["metrics"]) == (None, None)
    assert fallback["data_age_minutes"] == 60
    Integration.objects.update(status=IntegrationStatus.ACTIVE)
    told = accepted(program.post(address(read.clinic)))
    assert SyncRun.objects.get(pk=told["runId"]).requested_by_key == key


def test_who_may_only_look_spends_no_calls(read: Desk) -> None:
    client = logged_in(make.member(read.clinic.organization, Role.READ_ONLY))
    assert client.post(address(read.clinic)).status_code == 403
    assert SyncRun.objects.count() == 1


def test_another_organizations_clinic_is_unknown(client: APIClient, desk: Desk) -> None:
    theirs = make.integration(make.clinic())
    assert client.post(address(theirs.clinic)).status_code == 404
    assert not SyncRun.objects.filter(integration=theirs).exists()


def test_a_clinic_without_a_pms_cannot_be_refreshed(client: APIClient, desk: Desk) -> None:
    alone = make.clinic(desk.clinic.organization)
    assert error(client.post(address(alone)), 409)["code"] == "clinic_not_connected"


def test_a_question_that_means_nothing_makes_no_run(client: APIClient, read: Desk) -> None:
    assert error(client.post(address(read.clinic, "?period=year")), 400)["code"] == "invalid"
    assert SyncRun.objects.count() == 1


def test_of_ten_who_ask_at_once_one_makes_a_run_and_all_get_it(read: Desk) -> None:
    found: list[refreshing.Refresh] = []
    failures: list[BaseException] = []
    together = threading.Barrier(10)

    def ask() -> None:
        together.wait()
        try:
            found.append(refreshing.refresh(read.clinic, {}, read.clock.now))
        except BaseException as raised:
            failures.append(raised)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    assert [each.is_new for each in found].count(True) == 1
    assert len({each.run.pk for each in found}) == 1
    assert len(found) == 10
