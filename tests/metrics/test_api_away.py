"""A refresh while the PMS is away: the last numbers, their age, and when to ask again."""

from __future__ import annotations

from datetime import timedelta

from rest_framework.test import APIClient

from integrations.http.errors import NoAnswer, NotAuthorized
from integrations.models import Breaker, Integration, IntegrationStatus
from sync.models import SyncRun
from sync.states import Status
from tests.metrics import refreshes
from tests.metrics.refreshes import accepted, address, answering, error, failing
from tests.sync.conftest import Desk

pms, connect, desk = refreshes.pms, refreshes.connect, refreshes.desk
client, read = refreshes.client, refreshes.read


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
