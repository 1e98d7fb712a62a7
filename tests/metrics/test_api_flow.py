"""Numbers made newer from each simulated PMS over real HTTP, also while it is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from metrics.recounting import recount
from sync import running
from sync.models import SyncRun
from sync.states import Status
from tests import make
from tests.sync import conftest as syncs
from tests.sync.conftest import logged_in
from tests.sync.practices import PMSS, Practice

sandbox, open_practice = syncs.sandbox, syncs.open_practice


@pytest.mark.parametrize("pms", PMSS)
def test_a_refresh_brings_a_booking_and_says_so_when_the_pms_is_away(
    pms: str, open_practice: Callable[[str], Practice]
) -> None:
    practice = open_practice(pms)
    clinic, clock = practice.integration.clinic, practice.clock
    client = logged_in(make.member(clinic.organization))
    numbers = f"/api/v1/clinics/{clinic.pk}/metrics"

    def refresh(status: int) -> Any:
        answer = client.post(f"{numbers}/refresh")
        assert answer.status_code == status, answer.content
        return answer

    def carry_out(answer: Any) -> SyncRun:
        run = SyncRun.objects.get(pk=answer.json()["runId"])
        running.carry_on(run.pk, practice.now, shift=None)
        recount(clinic, clock.now)
        run.refresh_from_db()
        return run

    assert practice.sync().status == Status.COMPLETED
    recount(clinic, clock.now)
    before = client.get(numbers).json()["metrics"]["totalBookings"]
    clock.advance(60)
    practice.change(("appointment", "create"), 0)  # tomorrow
    run = carry_out(refresh(202))
    assert run.status == Status.COMPLETED
    calls = practice.integration.calls.filter(correlation=f"sync {run.pk}")
    assert set(calls.values_list("priority", flat=True)) == {"high"}
    told = client.get(numbers).json()
    assert (told["metrics"]["totalBookings"], told["status"]) == (before + 1, "live")

    clock.advance(60)
    practice.sandbox.control.knobs(errors=1.0)
    assert carry_out(refresh(202)).status == Status.WAITING
    clock.advance(30)
    error = refresh(503).json()["error"]
    assert error["code"] == f"{pms.upper()}_API_UNAVAILABLE"
    assert error["fallback_data"]["data_age_minutes"] == 1
    assert error["fallback_data"]["metrics"] == told["metrics"]
    away = client.get(numbers).json()
    assert (away["status"], away["problem"]["code"]) == ("away", error["code"])
    assert away["metrics"] == told["metrics"]

    practice.sandbox.control.knobs(errors=0.0)
    clock.advance(timedelta(minutes=10).total_seconds())
    refresh(503)  # what is known is that it is away; it is tried again
    running.carry_on(SyncRun.objects.get(status=Status.WAITING).pk, practice.now, shift=None)
    clock.advance(15)
    assert refresh(202).json()["status"] == "live"
