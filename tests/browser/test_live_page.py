"""The live page in a real browser: it moves with the day, and says so when it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.utils import timezone

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient, Role
from config.celery import app as celery_app
from integrations.sandbox import RunningSandbox, running
from metrics.recounting import recount
from metrics.tasks import dispatch as dispatch_metrics
from sync.tasks import dispatch as dispatch_syncs
from tests import make
from tests.browser.looking import Window
from tests.conftest import START, Clock
from tests.flows.practices import Practice, open_practice
from tests.metrics.conftest import web as web
from writebacks.tasks import dispatch as dispatch_writebacks

pytestmark = pytest.mark.django_db(transaction=True)

Behind = Callable[..., Any]


class Pms:
    """A simulated PMS that can be stopped, and started again where it was."""

    def __init__(self, state: Path) -> None:
        self.state, self.stack, self.port = state, ExitStack(), 0

    def start(self) -> RunningSandbox:
        sandbox = self.stack.enter_context(
            running(seed=7, delay="1-1", state=self.state, port=self.port)
        )
        self.port = urlsplit(sandbox.address).port or 0
        return sandbox

    def stop(self) -> None:
        self.stack.close()


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A Tuesday morning that goes on by itself; the browser lives in another year."""
    with time_machine.travel(START, tick=True) as traveller:
        yield Clock(traveller)


@pytest.fixture
def pms(tmp_path: Path, clock: Clock) -> Iterator[Pms]:
    found = Pms(tmp_path / "sandbox.db")
    yield found
    found.stop()


@pytest.fixture
def practice(transactional_db: None, pms: Pms, clock: Clock) -> Iterator[Practice]:
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    found = open_practice("sikka", pms.start(), clock)
    recount(found.integration.clinic, clock.now)
    yield found
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def counted(clinic: Clinic) -> Clinic:
    """A clinic with a booking of today and one of last month."""
    visit(clinic)
    visit(clinic, days=-40)
    recount(clinic, timezone.now())
    return clinic


def visit(clinic: Clinic, days: int = 0) -> None:
    at = timezone.now().astimezone(clinic.zone).replace(hour=12, minute=0) + timedelta(days)
    make.record(
        Appointment,
        clinic,
        patient=make.record(Patient, clinic),
        starts_at=at,
        ends_at=at + timedelta(minutes=30),
        status=AppointmentStatus.BOOKED,
    )


def visit_and_recount(clinic: Clinic) -> None:
    visit(clinic)
    recount(clinic, timezone.now())


def tick() -> None:
    """What beat has done every few seconds."""
    for dispatch in (dispatch_writebacks, dispatch_syncs, dispatch_metrics):
        dispatch()


def number(window: Window, name: str = "totalBookings") -> int:
    return int(window.part(name))


def book_today(window: Window, practice: Practice) -> None:
    """Ask over REST for a visit this evening, as another program of the clinic would."""
    start = datetime(2030, 3, 5, 17, 0, tzinfo=practice.integration.clinic.zone)
    body = practice.booking() | {
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=30)).isoformat(),
    }
    practice.post("appointments", body)


def test_the_page_moves_with_a_booking_says_when_the_pms_is_away_and_comes_back(
    practice: Practice, pms: Pms, look: Callable[..., Window], behind: Behind, clock: Clock
) -> None:
    clinic = practice.integration.clinic
    person = behind(lambda: make.member(clinic.organization, Role.STAFF, is_staff=True))
    window = look(person)
    window.open(clinic)
    window.follows_by("socket")
    assert window.part("word") == "Live"
    booked = number(window)
    today = re.compile(r"Tuesday 5 March: (\d+) booking")

    def drawn() -> int:
        words = window.page.locator("[data-part=trends] g.fm-today title").text_content() or ""
        (found,) = today.findall(words)
        return int(found)

    drawn_before = drawn()

    # A confirmed writeback.
    behind(book_today, window, practice)
    assert number(window) == booked, "nothing is counted before the PMS has confirmed it"
    clock.advance(31)
    behind(tick)
    window.shows("totalBookings", str(booked + 1))
    window.shows("news", f"Bookings: {booked + 1}, before {booked}")
    assert "fm-changed" in (window.page.locator("[data-card=totalBookings]").get_attribute("class"))
    window.until(lambda: drawn() == drawn_before + 1, "the chart has it too")

    # Nobody looks at the PMS for hours.
    pms.stop()
    clock.advance(5 * 3600)
    behind(tick)
    window.shows("word", "Stale")
    window.shows("age", "5 h ago")
    assert "what changed there since may be missing" in window.part("sentence")

    # A refresh finds that it is away.
    window.page.get_by_role("button", name="Refresh now").click()
    window.shows("word", "PMS away")
    window.expected = ("503", "/metrics/refresh")
    window.until(lambda: window.part("outcome") not in ("", "Asking …"), "the button's outcome")
    window.page.get_by_role("button", name="Refresh now").click()
    window.shows("outcome", "Unable to fetch the latest data from")
    window.shows("outcome", "The numbers here are of 5 h ago.")
    assert number(window) == booked + 1, "the last numbers stay"

    # It is back.
    pms.start()
    clock.advance(900)
    behind(tick)
    window.shows("word", "Live")
    window.until(lambda: "h ago" not in window.part("age"), "it was read just now")
    assert number(window) == booked + 1


def test_without_javascript_the_page_has_the_same_numbers_and_a_button_that_works(
    counted: Clinic, look: Callable[..., Window], behind: Behind
) -> None:
    person = behind(lambda: make.member(counted.organization, Role.STAFF, is_staff=True))
    window = look(person, java_script_enabled=False)
    window.open(counted)
    assert window.part("totalBookings") == "1"
    assert window.page.get_by_role("img", name="Bookings by day").count() == 1
    assert window.page.get_by_role("img", name="Bookings by weekday and hour").count() == 1
    assert window.page.locator("noscript p").is_visible()
    window.page.get_by_text("The same as a table").first.click()
    assert window.page.get_by_role("cell", name="1", exact=True).first.is_visible()
    window.page.get_by_role("link", name="This month").click()
    assert window.page.get_by_role("link", name="This month").get_attribute("aria-current")
    window.page.get_by_role("button", name="Refresh now").click()
    assert window.page.get_by_text("This clinic is not connected to a PMS.").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_without_scrolling_sideways(
    counted: Clinic, look: Callable[..., Window], behind: Behind, scheme: str
) -> None:
    person = behind(lambda: make.member(counted.organization, Role.READ_ONLY, is_staff=True))
    window = look(person, viewport={"width": 375, "height": 700}, color_scheme=scheme)
    for period in ("week", "month"):
        window.open(counted, f"?period={period}")
        window.follows_by("socket")
        for each in window.page.locator("details").all():
            each.locator("summary").click()
        assert not window.is_too_wide()
        # Letters of a drawing that shrinks stay legible.
        label = window.page.locator("[data-part=peaks] .fm-axis").first.bounding_box()
        assert label is not None
        assert label["height"] > 9


def test_an_open_table_and_the_keyboards_place_outlast_an_update(
    counted: Clinic, look: Callable[..., Window], behind: Behind
) -> None:
    person = behind(lambda: make.member(counted.organization, Role.READ_ONLY, is_staff=True))
    window = look(person)
    window.open(counted)
    window.follows_by("socket")
    summary = window.page.locator("[data-details=trends] summary")
    summary.focus()
    summary.press("Enter")
    behind(visit_and_recount, counted)
    window.until(
        lambda: "2 bookings" in window.page.locator("[data-part=trends]").inner_html(),
        "the chart is drawn anew",
    )
    assert window.page.locator("[data-details=trends]").get_attribute("open") is not None
    assert window.page.evaluate("document.activeElement.parentElement.dataset.details") == "trends"


def test_where_no_socket_gets_through_the_page_follows_by_other_ways(
    counted: Clinic, look: Callable[..., Window], behind: Behind
) -> None:
    person = behind(lambda: make.member(counted.organization, Role.READ_ONLY, is_staff=True))
    window = look(person)
    window.page.route_web_socket("**/ws/**", lambda socket: socket.close(code=1011))
    window.open(counted)
    window.follows_by("stream")
    behind(visit_and_recount, counted)
    window.shows("totalBookings", "2")

    window.expected = ("/metrics/stream",)
    window.page.route("**/metrics/stream*", lambda route: route.abort())
    window.page.reload()
    window.follows_by("poll")
    behind(visit_and_recount, counted)
    window.shows("totalBookings", "3")


def test_a_page_that_reaches_nobody_says_so_and_goes_on_when_it_does_again(
    counted: Clinic, look: Callable[..., Window], behind: Behind
) -> None:
    person = behind(lambda: make.member(counted.organization, Role.READ_ONLY, is_staff=True))
    window = look(person)
    lines: list[Any] = []
    cut = False

    def through(socket: Any) -> None:
        if cut:
            socket.close(code=1011)
            return
        socket.connect_to_server()
        lines.append(socket)

    window.page.route_web_socket("**/ws/**", through)
    window.open(counted)
    window.follows_by("socket")
    cut, window.expected = True, ("/api/v1/", "ERR_FAILED")
    window.page.route("**/api/v1/**", lambda route: route.abort())
    lines[0].close(code=1011)
    window.shows("word", "Offline")
    assert "does not reach Frontdesk" in window.part("sentence")
    behind(visit_and_recount, counted)
    assert window.part("totalBookings") == "1"
    cut = False
    window.page.unroute("**/api/v1/**")
    window.page.evaluate("window.dispatchEvent(new Event('online'))")
    window.shows("totalBookings", "2")
    window.until(lambda: window.part("word") != "Offline", "it is not offline any more")


def test_who_is_logged_out_is_told_so(
    counted: Clinic, look: Callable[..., Window], behind: Behind
) -> None:
    person = behind(lambda: make.member(counted.organization, Role.READ_ONLY, is_staff=True))
    window = look(person)
    window.open(counted)
    window.follows_by("socket")
    window.page.context.clear_cookies()
    window.page.evaluate("window.dispatchEvent(new Event('online'))")
    window.shows("sentence", "You are logged out: load the page again.")
    assert window.part("word") == "Offline"
