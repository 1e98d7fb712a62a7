"""The live page's button without its script: what is asked of the PMS, and what the page says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from clinics.models import Clinic, Role
from integrations.models import Breaker, Integration
from metrics import tasks
from sync.models import SyncRun
from tests.conftest import START, Clock
from tests.metrics.pages import logged_in, looked_at, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_recounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "ask", lambda clinic_id: None)


@pytest.fixture
def browser(clinic: Clinic, clock: Clock) -> Client:
    return logged_in(clinic)


def test_the_button_asks_the_pms_and_says_what_came_of_it(
    integration: Integration, browser: Client
) -> None:
    looked_at(integration)
    address = f"/admin/clinics/clinic/{integration.clinic_id}/refresh-metrics/"
    answer = browser.post(address, {"period": "month"}, follow=True)
    assert answer.redirect_chain[0][0].endswith("/metrics/?period=month")
    assert "The PMS is being asked: load this page again in a moment." in answer.content.decode()
    (run,) = SyncRun.objects.all()
    assert (run.only, run.is_urgent) == (["appointments"], True)
    assert browser.get(address).status_code == 405


def test_a_refresh_of_a_clinic_without_a_pms_says_so(clinic: Clinic, browser: Client) -> None:
    answer = browser.post(f"/admin/clinics/clinic/{clinic.pk}/refresh-metrics/", follow=True)
    assert "This clinic is not connected to a PMS." in answer.content.decode()


def test_a_refresh_while_the_pms_is_away_tells_the_age_of_the_last_numbers(
    integration: Integration, browser: Client
) -> None:
    looked_at(integration, START - timedelta(minutes=12))
    Breaker.objects.create(
        integration=integration,
        opened_at=START,
        retry_at=START + timedelta(minutes=1),
    )
    address = f"/admin/clinics/clinic/{integration.clinic_id}/refresh-metrics/"
    shown = browser.post(address, follow=True).content.decode()
    assert "Unable to fetch the latest data from" in shown
    assert "These are numbers of 12 min ago." in shown
    assert not SyncRun.objects.exists()


def test_who_may_only_look_has_no_button(clinic: Clinic, clock: Clock) -> None:
    assert "data-refresh" in page(logged_in(clinic), clinic)
    assert "data-refresh" not in page(logged_in(clinic, Role.READ_ONLY), clinic)
