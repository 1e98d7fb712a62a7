"""The live page of a clinic as the server makes it: numbers, states, and what it costs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from clinics.models import AppointmentStatus, Clinic, User
from integrations.models import Breaker, Integration
from metrics import tasks
from metrics.models import Insight
from metrics.recounting import recount
from tests import make
from tests.conftest import START, Clock
from tests.metrics.pages import logged_in, looked_at, page, part, visit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_recounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "ask", lambda clinic_id: None)


@pytest.fixture
def browser(clinic: Clinic, clock: Clock) -> Client:
    return logged_in(clinic)


def test_each_number_stands_beside_that_of_the_week_before(clinic: Clinic, browser: Client) -> None:
    for days in (-7, -7, -1, 0, 0):
        visit(clinic, days)
    visit(clinic, -1, status=AppointmentStatus.NO_SHOW)
    recount(clinic, START)
    shown = page(browser, clinic)
    assert part(shown, "totalBookings") == "4"
    # The history begins within the week before: it is no week to compare with.
    assert part(shown, "totalBookings-note") == "the week before is not known"
    visit(clinic, -30)
    recount(clinic, START)
    shown = page(browser, clinic)
    assert part(shown, "totalBookings-note") == "+2 against 2 the week before"
    assert part(shown, "totalBookingsChange") == "+100\N{NARROW NO-BREAK SPACE}%"
    assert part(shown, "missedAppointments") == "1"
    assert part(shown, "dailyAverage") == "2"


def test_what_cannot_be_said_is_said_to_be_so_and_is_no_zero(
    clinic: Clinic, browser: Client
) -> None:
    recount(clinic, START)
    shown = page(browser, clinic)
    for name in ("totalBookingsChange", "dailyAverage", "missedAppointmentsPercentage"):
        assert part(shown, name) == "not enough data"
    assert shown.count("Not enough data: nothing is booked in this period.") == 2
    assert "Not enough data: nothing was worked out for this clinic yet." in shown
    assert '<svg class="fm-chart' not in shown


def test_a_clinic_that_was_never_counted_says_so(clinic: Clinic, browser: Client) -> None:
    assert "being added up for the first time" in page(browser, clinic)
    recount(clinic, START)
    assert "being added up for the first time" not in page(browser, clinic)


def test_the_charts_are_drawings_with_names_and_a_table_beside_each(
    clinic: Clinic, browser: Client
) -> None:
    visit(clinic)
    recount(clinic, START)
    shown = page(browser, clinic)
    words = "Bookings by day, 4 March to 10 March: 1 booking, most on Tuesday 5 March (1)."
    assert f'role="img" aria-label="{words}"' in shown
    assert f"<title>{words}</title>" in shown
    assert "<title>Tuesday 10:00: 1 booking</title>" in shown
    assert shown.count("<summary>The same as a table</summary>") == 2


def test_nothing_on_the_page_is_styled_or_run_in_line(clinic: Clinic, browser: Client) -> None:
    visit(clinic)
    recount(clinic, START)
    main = page(browser, clinic).partition('class="fm"')[2]
    assert main
    assert not re.search(r"""\sstyle=|\son\w+=|<style|<script""", main)


def test_the_month_is_the_clinics_own(clinic: Clinic, browser: Client) -> None:
    recount(clinic, START)
    assert part(page(browser, clinic, "?period=month"), "range").startswith(
        "Friday 1 March to Sunday 31 March 2030"
    )
    for wrong in ("", "?period=year", "?period="):
        assert part(page(browser, clinic, wrong), "range").startswith("Monday 4 March")


@pytest.mark.parametrize(
    ("minutes", "word", "ago"),
    [(3, "Live", "(3 min ago)"), (60 * 5, "Stale", "(5 h ago)"), (60 * 72, "Stale", "(3 d ago)")],
)
def test_how_old_the_numbers_are_stands_in_words(
    minutes: int, word: str, ago: str, integration: Integration, browser: Client
) -> None:
    looked_at(integration, START - timedelta(minutes=minutes))
    recount(integration.clinic, START)
    shown = page(browser, integration.clinic)
    assert (part(shown, "word"), part(shown, "age")) == (word, ago)


def test_the_last_update_is_on_the_clinics_clock(integration: Integration, browser: Client) -> None:
    looked_at(integration, datetime(2030, 3, 5, 14, 42, tzinfo=UTC))
    assert part(page(browser, integration.clinic), "updated") == "09:42"


def test_a_pms_that_is_away_and_one_that_is_not_connected_are_told_apart(
    integration: Integration, browser: Client
) -> None:
    shown = page(browser, integration.clinic)
    assert (part(shown, "word"), part(shown, "updated")) == ("Not connected", "never")
    looked_at(integration)
    Breaker.objects.create(
        integration=integration,
        opened_at=START,
        retry_at=START + timedelta(minutes=1),
    )
    shown = page(browser, integration.clinic)
    assert part(shown, "word") == "PMS away"
    assert "cannot be asked now: these are the last numbers that we have of it." in part(
        shown, "sentence"
    )


def test_the_fragment_is_the_part_that_changes_alone(clinic: Clinic, browser: Client) -> None:
    visit(clinic)
    recount(clinic, START)
    shown = page(browser, clinic, "?fragment=numbers")
    assert part(shown, "totalBookings") == "1"
    assert "<html" not in shown
    assert "data-live-metrics" not in shown


def test_the_page_tells_its_script_from_where_to_go_on(clinic: Clinic, browser: Client) -> None:
    assert 'data-version="0"' in page(browser, clinic)
    recount(clinic, START)
    assert 'data-version="1"' in page(browser, clinic)


def test_insights_stand_with_their_unit_and_what_lacks_data_says_why(
    clinic: Clinic, browser: Client
) -> None:
    figure = {"version": 1, "definition": "What it is.", "n": 7}
    Insight.objects.create(
        clinic=clinic,
        organization_id=clinic.organization_id,
        computed_at=START,
        figures={
            "bookingLeadTime": figure
            | {"label": "Booking lead time", "unit": "days", "value": 1, "enough": True,
               "note": "Counted from 7 appointments."},
            "fillRate": figure
            | {"label": "Fill rate", "unit": "percent", "value": 62.5, "enough": True,
               "note": "Counted.", "hoursUnknown": ["Ada Invented"],
               "perPractitioner": [{"name": "Mara Dentist", "value": 62.5}]},
            "noShowRisk": figure
            | {"label": "Expected no-shows", "unit": "visits", "value": 2.5, "enough": True,
               "note": "Counted.", "use": "For reminding patients.", "calibration": [
                   {"from": 0.1, "to": 0.2, "visits": 40, "predicted": 0.15, "missed": 7,
                    "seen": 0.175}]},
            "timeToConfirmation": figure
            | {"label": "Time to confirmation", "unit": "seconds", "value": None,
               "enough": False, "note": "Not enough data: it takes at least 5."},
        },
    )  # fmt: skip
    shown = page(browser, clinic)
    assert ">1 day</p>" in shown
    assert ">62.5\N{NARROW NO-BREAK SPACE}%</p>" in shown
    assert "<dt>Mara Dentist</dt><dd>62.5\N{NARROW NO-BREAK SPACE}%</dd>" in shown
    assert "<dt>Ada Invented</dt><dd>hours not known</dd>" in shown
    space = "\N{NARROW NO-BREAK SPACE}"
    assert f"<tr><td>40</td><td>15{space}%</td><td>17.5{space}%</td></tr>" in shown
    assert ">Not enough data</p>" in shown
    assert "It takes at least 5." in shown
    assert "What your PMS does not show" in shown
    assert "Worked out at 10:00, 5 Mar" in shown


def test_another_organizations_clinic_is_as_unknown_as_none(browser: Client) -> None:
    other = make.clinic()
    for method in (browser.get, browser.post):
        for way in ("metrics", "refresh-metrics"):
            answer = method(f"/admin/clinics/clinic/{other.pk}/{way}/")
            assert answer.status_code in (404, 405)
    assert browser.get(f"/admin/clinics/clinic/{other.pk}/metrics/").status_code == 404


def test_the_practices_card_and_the_clinics_page_lead_there(
    integration: Integration, browser: Client
) -> None:
    link = f'href="/admin/clinics/clinic/{integration.clinic_id}/metrics/"'
    assert link in browser.get("/admin/").content.decode()
    change = f"/admin/clinics/clinic/{integration.clinic_id}/change/"
    assert link in browser.get(change).content.decode()
    operator = Client()
    operator.force_login(make.user(is_staff=True, is_superuser=True))
    assert link not in operator.get("/admin/").content.decode()
    assert link not in operator.get(change).content.decode()


def test_the_page_takes_the_same_few_queries_however_much_there_is(
    integration: Integration, browser: Client, django_assert_num_queries: Any, staff: User
) -> None:
    clinic = integration.clinic
    looked_at(integration)
    visit(clinic)
    recount(clinic, START)
    with django_assert_num_queries(QUERIES):
        page(browser, clinic)
    for days in range(-40, 40):
        visit(clinic, days)
        visit(clinic, days, status=AppointmentStatus.NO_SHOW)
    recount(clinic, START)
    with django_assert_num_queries(QUERIES) as captured:
        page(browser, clinic)
    # Rollups only: the appointments themselves are not read.
    assert not [each for each in captured.captured_queries if "clinics_appointment" in each["sql"]]


#: The login and its roles, the scope, the clinic, the standing, the preferences, the numbers of
#: two periods, the beginning of the history, the insights and how current it all is.
QUERIES = 13
