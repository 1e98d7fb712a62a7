"""How current each clinic's copy is, as REST tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from clinics.models import Clinic
from clinics.records import Unreadable
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from sync.states import Status
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in

STATUS = "/api/v1/sync/status"


@pytest.fixture
def client(desk: Desk) -> APIClient:
    return logged_in(make.member(desk.integration.organization))


def of_pms(desk: Desk, pms: str = "toy") -> str:
    return f"/api/v1/{pms}/status/{desk.integration.organization_id}"


def only(client: APIClient, path: str = STATUS) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    (clinic,) = answer.json()["results"]
    return clinic


def test_a_clinic_that_was_never_read_is_due_now(client: APIClient, desk: Desk) -> None:
    told = only(client)
    assert (told["clinic"], told["pms"]) == (str(desk.clinic.pk), "toy")
    assert (told["last_run"], told["last_successful_run"], told["held"]) == (None, None, None)
    assert told["next_due_at"] == "2030-03-05T15:00:00Z"
    assert {each["age_seconds"] for each in told["lists"]} == {None}
    assert told["counts"] == {"patients": 0, "appointments": 0}


def test_a_clinic_that_was_read_says_how_old_each_list_is_and_when_it_is_next(
    client: APIClient, desk: Desk
) -> None:
    for number in range(1, 13):
        desk.pms.put(Resource.PATIENTS, toy.patient(number))
    desk.pms.put(Resource.APPOINTMENTS, toy.appointment(1))
    desk.pms.records[Resource.PATIENTS]["bad"] = Unreadable("has an impossible date", "bad")
    desk.pms.changed[Resource.PATIENTS, "bad"] = desk.clock.now
    run = desk.sync()
    desk.later(hours=1)
    told = only(client, of_pms(desk))
    assert told["last_run"]["id"] == told["last_successful_run"]["id"] == str(run.pk)
    assert told["running"] is None
    assert told["counts"] == {"patients": 12, "appointments": 1}
    assert told["set_aside"] == 1
    patients = next(each for each in told["lists"] if each["resource"] == "patients")
    assert patients == {
        "resource": "patients",
        "read_until": "2030-03-05T15:00:00Z",
        "age_seconds": 3600,
        "looked_at": "2030-03-05T15:00:00Z",
        "full_at": "2030-03-05T15:00:00Z",
        "full_pages": 2,
        "changes_refused_at": None,
    }
    assert told["scheduled_jobs"] == [
        {"name": "patients", "every_minutes": 240, "next_at": "2030-03-05T19:00:00Z"},
        {"name": "appointments", "every_minutes": 240, "next_at": "2030-03-05T19:00:00Z"},
        {"name": "full", "every_minutes": None, "next_at": "2030-03-06T07:00:00Z"},  # 2 AM there
    ]
    assert told["next_due_at"] == "2030-03-05T19:00:00Z"


def test_an_integration_s_own_interval_is_told(client: APIClient, desk: Desk) -> None:
    desk.sync()
    Integration.objects.update(sync_minutes=45)
    assert only(client)["next_due_at"] == "2030-03-05T15:45:00Z"


def test_what_is_overdue_is_due_now(client: APIClient, desk: Desk) -> None:
    desk.sync()
    desk.later(hours=9)
    assert only(client)["next_due_at"] == "2030-03-06T00:00:00Z"


def test_where_nothing_is_made_by_itself_nothing_is_due(
    client: APIClient, desk: Desk, settings: Any
) -> None:
    desk.sync()
    Integration.objects.update(status=IntegrationStatus.ERROR)
    told = only(client)
    assert (told["status"], told["next_due_at"]) == ("error", None)
    Integration.objects.update(status=IntegrationStatus.ACTIVE)
    assert only(client)["next_due_at"] is not None
    settings.ENABLE_SYNC_SCHEDULER = False
    assert only(client)["next_due_at"] is None
    assert client.get(STATUS).json()["scheduler_enabled"] is False


def test_a_run_that_is_under_way_stands_beside_the_last_that_ended_well(
    client: APIClient, desk: Desk
) -> None:
    well = desk.sync()
    desk.later(hours=4)
    under_way = desk.ask()
    told = only(client)
    assert told["running"]["id"] == told["last_run"]["id"] == str(under_way.pk)
    assert told["last_successful_run"]["id"] == str(well.pk)


def test_what_is_held_is_told_until_a_full_sync_finds_all_well(
    client: APIClient, desk: Desk
) -> None:
    for number in range(1, 26):
        desk.pms.put(Resource.PATIENTS, toy.patient(number))
    desk.sync()
    desk.later(days=1)
    lost = desk.pms.records[Resource.PATIENTS]
    desk.pms.records[Resource.PATIENTS] = dict(list(lost.items())[6:])
    held = desk.sync(is_full=True)
    assert held.status == Status.HELD
    desk.later(hours=4)
    desk.sync()
    assert only(client)["held"]["id"] == str(held.pk)
    assert only(client)["held"]["counts"]["vanished"] == 6
    desk.pms.records[Resource.PATIENTS] = lost
    desk.later(days=1)
    desk.sync(is_full=True)
    assert only(client)["held"] is None


def test_logs_are_the_newest_50_runs_and_only_for_who_asks(client: APIClient, desk: Desk) -> None:
    runs = []
    for _ in range(52):
        runs.append(desk.sync())
        desk.later(hours=1)
    assert "logs" not in client.get(of_pms(desk)).json()
    logs = client.get(f"{of_pms(desk)}?include_logs=true").json()["logs"]
    assert [log["id"] for log in logs] == [str(run.pk) for run in reversed(runs[2:])]
    assert logs[0]["counts"]["pages"] == 2


def test_each_status_shows_its_own_clinics_alone(
    client: APIClient, desk: Desk, connect: Callable[[Clinic], Desk]
) -> None:
    sibling = connect(make.clinic(desk.integration.organization))
    of_sikka = make.integration(make.clinic(desk.integration.organization))
    foreign = connect(make.clinic())

    def shown(path: str) -> set[str]:
        return {each["clinic"] for each in client.get(path).json()["results"]}

    toys = {str(desk.clinic.pk), str(sibling.clinic.pk)}
    assert shown(of_pms(desk)) == toys
    assert shown(of_pms(desk, "sikka")) == {str(of_sikka.clinic_id)}
    assert shown(of_pms(desk, "rest")) == set()
    assert shown(STATUS) == toys | {str(of_sikka.clinic_id)}
    assert client.get(of_pms(foreign)).status_code == 404
    assert client.get(of_pms(desk, "invented")).json()["error"]["code"] == "unknown_pms"


def test_clinics_come_page_by_page_at_the_same_number_of_queries_however_many(
    client: APIClient, desk: Desk, connect: Callable[[Clinic], Desk]
) -> None:
    desk.sync()

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as counted:
            assert client.get(STATUS).status_code == 200
        return len(counted)

    before = queries()
    for _ in range(4):
        connect(make.clinic(desk.integration.organization)).sync()
    assert queries() == before
    page = client.get(STATUS, {"page_size": "3"}).json()
    rest = client.get(page["next"]).json()
    assert (len(page["results"]), len(rest["results"]), rest["next"]) == (3, 2, None)


def test_an_operator_sees_how_things_stand_and_no_counts_of_patients(desk: Desk) -> None:
    desk.pms.put(Resource.PATIENTS, toy.patient(1))
    desk.sync()
    told = only(logged_in(make.user(is_superuser=True)))
    assert told["last_run"]["status"] == "completed"
    assert told["counts"] is None


def test_how_old_it_is_goes_on_with_the_clock(client: APIClient, desk: Desk) -> None:
    desk.sync()
    desk.later(minutes=5)
    first = only(client)["lists"][0]["age_seconds"]
    desk.clock.advance(timedelta(minutes=5).total_seconds())
    assert (first, only(client)["lists"][0]["age_seconds"]) == (300, 600)
