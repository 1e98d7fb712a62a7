"""Having a clinic's numbers made newer: one run however many ask, and what is told without one."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.db import connection
from rest_framework.test import APIClient

from accounts.keys import save
from accounts.models import ApiKey
from clinics import access
from clinics.models import Role
from integrations.http.errors import BudgetExhausted
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from metrics import refreshing
from metrics.recounting import recount
from sync.models import Cursor, SyncRun
from sync.requesting import cancel
from sync.states import Mode, Status, Trigger
from tests import make
from tests.conftest import START
from tests.metrics import refreshes
from tests.metrics.refreshes import accepted, address, error, failing
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in

pms, connect, desk = refreshes.pms, refreshes.connect, refreshes.desk
client, read = refreshes.client, refreshes.read


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
