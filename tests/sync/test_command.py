"""`manage.py sync` as an operator at a terminal meets it."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from rich.console import Console

from clinics.models import Patient
from integrations.contract import Priority
from integrations.http import budget
from integrations.http.errors import BudgetExhausted, NotAuthorized
from integrations.queries import Page, Resource
from sync import claiming, running, steering
from sync.management.commands.sync import Command
from sync.models import Checkpoint, SyncRun
from sync.progress import Bars
from sync.requesting import Wanted, covers
from sync.states import Mode, Status
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk

PATIENTS = Resource.PATIENTS


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(seconds: float) -> None:
        raise AssertionError("the command waited")

    monkeypatch.setattr(Command, "pause", staticmethod(never))


def sync(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sync", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def stopped(*arguments: str, code: int = 1) -> tuple[str, str]:
    """What a command printed, and what it ended with."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("sync", *arguments, stdout=out, stderr=out)
    assert caught.value.returncode == code
    return out.getvalue(), str(caught.value)


def fill(desk: Desk, patients: int) -> None:
    for number in range(1, patients + 1):
        desk.pms.put(PATIENTS, toy.patient(number))


def raising(desk: Desk, error: BaseException, at: str) -> None:
    """Let the page at a position of the patients' list fail once."""

    def before(feed: Any, position: str) -> None:
        if (feed.resource, position) == (PATIENTS, at):
            desk.pms.before = lambda feed, position: None
            raise error

    desk.pms.before = before


# --- Running ---


def test_a_run_by_hand_reads_all_of_it_and_tells_each_list_in_a_line(desk: Desk) -> None:
    fill(desk, 25)
    said = sync(desk.clinic.name)
    run = SyncRun.objects.get()
    assert said.splitlines() == [
        f"{desk.clinic}, Toy: reading everything (run {str(run.pk)[:8]}).",
        "  All locations: 1 of 1 records, 1 page; 150 calls left",
        "  All practitioners: 1 of 1 records, 1 page; 150 calls left",
        "  All patients: 25 of 25 records, 3 pages; 150 calls left",
        "  All appointments: 0 of 0 records, 1 page; 150 calls left",
        f"{desk.clinic}: completed in 0 s, 27 records on 6 pages for 0 calls: 27 new.",
    ]
    assert (run.trigger, run.status, run.requested_by) == ("person", Status.COMPLETED, None)
    assert Patient.objects.count() == 25


def test_a_run_by_hand_wins_over_the_cool_down(desk: Desk) -> None:
    desk.sync()
    sync()
    assert SyncRun.objects.filter(status=Status.COMPLETED).count() == 2


@pytest.mark.parametrize(
    ("arguments", "mode", "full", "removes", "only"),
    [
        (("--full",), "incremental", True, False, []),
        (("--only", "patients"), "incremental", False, False, ["patients"]),
        (("--mode", "comprehensive"), "comprehensive", True, False, []),
        (("--accept-vanished",), "incremental", True, True, []),
        (("--mode", "patients-only"), "patients-only", False, False, []),
    ],
)
def test_options_say_what_is_read(
    desk: Desk, arguments: tuple[str, ...], mode: str, full: bool, removes: bool, only: list[str]
) -> None:
    desk.sync()
    desk.later(hours=1)
    said = sync(*arguments)
    run = SyncRun.objects.first()
    assert run is not None
    assert (run.mode, run.is_full, run.may_remove, run.only) == (mode, full, removes, only)
    assert ("is an older word: use incremental." in said) == (mode == "patients-only")


def test_all_clinics_are_synced_one_after_the_other_and_a_failure_stops_no_other(
    desk: Desk, connect: Callable[..., Desk]
) -> None:
    other = connect(make.clinic())
    raising(desk, NotAuthorized("Toy answered 401."), at="")
    said, ending = stopped("--all")
    assert f"{desk.clinic}: failed. Toy answered 401." in said
    assert f"{other.clinic}: completed in 0 s" in said
    assert ending == "1 of 2 did not end well; see above."


def test_without_a_clinic_it_says_which_there_are(desk: Desk, connect: Callable[..., Desk]) -> None:
    other = connect(make.clinic())
    _, ending = stopped()
    names = ", ".join(sorted([desk.clinic.name, other.clinic.name]))
    assert ending == f"Say which clinic, or --all. Connected are: {names}."
    _, ending = stopped("Nowhere")
    assert ending.startswith("There is no clinic 'Nowhere'. There are: ")
    lonely = make.clinic()
    _, ending = stopped(lonely.name)
    assert ending == f"{lonely} is not connected to a PMS yet: manage.py connect."
    assert not SyncRun.objects.exists()


def test_ctrl_c_leaves_the_run_due_and_the_next_one_goes_on_from_its_page(desk: Desk) -> None:
    fill(desk, 25)
    raising(desk, KeyboardInterrupt(), at="20")
    _, ending = stopped(desk.clinic.name, code=130)
    run = SyncRun.objects.get()
    assert ending == (
        f"Stopped. What was read is kept, and run {str(run.pk)[:8]} is due: a worker goes on with "
        f"it, or `manage.py sync {desk.clinic.pk}` does."
    )
    assert (run.status, run.due_at) == (Status.QUEUED, desk.clock.now)
    assert Patient.objects.count() == 20
    assert claiming.hand_out(desk.clock.now) == [str(run.pk)]
    desk.pms.asked.clear()
    said = sync(desk.clinic.name)
    assert f"run {str(run.pk)[:8]} is under way already" in said
    assert desk.pms.read == [("patients", "20"), ("appointments", "")]
    assert SyncRun.objects.get().status == Status.COMPLETED
    assert Patient.objects.count() == 25


def test_no_worker_is_told_of_a_run_that_is_carried_out_by_hand(desk: Desk) -> None:
    told: list[list[str]] = []
    desk.pms.before = lambda feed, position: told.append(claiming.hand_out(desk.clock.now))
    sync()
    assert told == [[]] * len(desk.pms.asked)


def test_a_spent_budget_is_told_with_its_end_and_left_to_workers(desk: Desk) -> None:
    fill(desk, 25)
    until = desk.clock.now + timedelta(minutes=40)
    raising(desk, BudgetExhausted("All calls are used.", retry_at=until), at="10")
    said = sync()
    assert said.splitlines()[-2:] == [
        f"{desk.clinic}: waiting. It waits until 10:40:00, since the calls of this window are used "
        "up; it goes on by itself. Until now: 12 records on 3 pages for 0 calls: 12 new.",
        "Workers go on with it when it is due.",
    ]
    assert SyncRun.objects.get().due_at == until


def test_with_wait_it_waits_for_the_next_window_and_ends_the_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(desk, 25)
    until = desk.clock.now + timedelta(seconds=30)
    raising(desk, BudgetExhausted("All calls are used.", retry_at=until), at="10")
    monkeypatch.setattr(Command, "pause", staticmethod(lambda each: desk.later(seconds=each)))
    said = sync("--wait")
    assert said.count("It waits until 10:00:30") == 1
    assert "completed in 30 s" in said
    assert desk.clock.now == until
    assert Patient.objects.count() == 25


def test_the_calls_left_are_the_practices_background_calls(desk: Desk) -> None:
    counter = desk.integration.practice_counter()
    for priority in [Priority.HIGH] * 3 + [Priority.LOW] * 5:
        budget.take([counter], priority, desk.clock.now)
    assert "All locations: 1 of 1 records, 1 page; 142 calls left" in sync()


def test_what_was_asked_for_follows_an_open_run_that_reads_less(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=1)
    less = desk.ask()
    said = sync("--full")
    assert [run.is_full for run in SyncRun.objects.order_by("created_at", "is_full")] == [
        True,
        False,
        True,
    ]
    assert f"run {str(less.pk)[:8]} is under way already (what changed)" in said
    assert said.count("completed in") == 2


def test_a_run_that_a_worker_has_is_followed_until_it_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is a thread with a database session of its own, which holds the lock."""
    fill(desk, 25)
    run = desk.ask()
    reading, go_on = threading.Event(), threading.Event()

    def hold(feed: Any, position: str) -> None:
        if position == "20":
            reading.set()
            assert go_on.wait(20)

    desk.pms.before = hold

    def work() -> None:
        try:
            running.carry_on(run.pk, lambda: desk.clock.now, shift=None)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert reading.wait(20)

    def pause(seconds: float) -> None:
        go_on.set()
        worker.join(20)

    monkeypatch.setattr(Command, "pause", staticmethod(pause))
    said = sync()
    assert said.count("Another process works on it; following.") == 1
    assert "completed in 0 s, 27 records on 6 pages" in said
    assert SyncRun.objects.get().claims == 1
    assert [position for _, position in desk.pms.asked].count("20") == 1


@pytest.mark.parametrize(
    ("run", "wanted", "covered"),
    [
        ({}, {}, True),
        ({}, {"is_full": True}, False),
        ({"is_full": True}, {"mode": Mode.COMPREHENSIVE}, True),
        ({"is_full": True}, {"is_full": True, "may_remove": True}, False),
        ({"only": ["patients"]}, {}, False),
        ({"only": ["patients"]}, {"only": [PATIENTS]}, True),
        ({"only": ["appointments"]}, {"only": [PATIENTS]}, False),
        ({"mode": Mode.UPCOMING}, {}, False),
        ({"mode": Mode.PATIENTS_ONLY}, {}, False),
    ],
)
def test_an_open_run_stands_for_what_it_reads(
    run: dict[str, Any], wanted: dict[str, Any], covered: bool
) -> None:
    assert covers(SyncRun(**run), Wanted(**wanted)) is covered


def test_an_error_of_our_own_shows_no_patient_and_ends_the_run(desk: Desk) -> None:
    desk.pms.put(PATIENTS, toy.patient(1))

    def bend(page: Page) -> Page:
        raise RuntimeError("Ada Invented1 broke it")

    desk.pms.bend = bend
    said, ending = stopped()
    assert ending == "An error of Frontdesk itself (RuntimeError); the log says more."
    assert "Ada" not in said
    assert SyncRun.objects.get().status == Status.FAILED


# --- Bars ---


def test_at_a_terminal_each_list_has_a_bar(desk: Desk) -> None:
    fill(desk, 25)
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=140)
    run = desk.ask()
    with Bars(console) as bars:
        running.carry_on(run.pk, lambda: desk.clock.now, shift=None, progress=bars)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue()).splitlines()[-4:]
    assert [line.split("━")[0].strip() for line in shown] == [
        "All locations",
        "All practitioners",
        "All patients",
        "All appointments",
    ]
    assert "25 of 25 records, 3 pages" in shown[2]


# --- Looking after runs ---


def test_the_list_shows_the_newest_runs(desk: Desk) -> None:
    assert sync("--list") == "There are none.\n"
    fill(desk, 25)
    first = desk.sync()
    desk.later(hours=4)
    second = desk.ask(only=[PATIENTS])
    desk.later(minutes=2)
    rows = [re.split(r"\s{2,}", line) for line in sync("--list").splitlines()]
    name = desk.clinic.name
    assert rows[1:] == [
        [str(second.pk)[:8], name, "incremental", "person", "queued", "0%", "0", "0", "–", "2 min"],
        [
            *(str(first.pk)[:8], name, "everything", "person", "completed", "100%", "27", "0"),
            *("0 s", "4 h 2 min"),
        ],
    ]


def test_a_run_is_cancelled_once(desk: Desk) -> None:
    run = desk.ask()
    assert sync("--cancel", str(run.pk)[:8]) == "It is cancelled; what it has read is kept.\n"
    assert stopped("--cancel", str(run.pk))[1] == "It has ended: cancelled."
    assert stopped("--cancel", "zz")[1] == (
        "There is no sync run whose id begins with 'zz'; `manage.py sync --list` shows those that "
        "there are."
    )


def test_a_stuck_run_is_released_and_its_holder_stores_nothing_more(desk: Desk) -> None:
    """The holder is a thread with a database session of its own, and hangs at its third page."""
    fill(desk, 25)
    run = desk.ask()
    reading, go_on = threading.Event(), threading.Event()

    def hang(feed: Any, position: str) -> None:
        if position == "20" and not reading.is_set():
            reading.set()
            assert go_on.wait(20)

    def work() -> None:
        try:
            running.carry_on(run.pk, lambda: desk.clock.now, shift=None)
        except OperationalError:
            pass  # its session was ended, unless it saw before that the run is lost
        finally:
            connection.close()

    desk.pms.before = hang
    worker = threading.Thread(target=work)
    worker.start()
    assert reading.wait(20)
    assert steering.release(run, desk.clock.now) is True
    stored = Checkpoint.objects.get(run=run).step_records
    assert stored in (10, 20)  # what was there before is kept
    go_on.set()
    worker.join(20)
    run.refresh_from_db()
    assert (run.status, run.claims, run.due_at) == (Status.QUEUED, 2, desk.clock.now)
    assert Checkpoint.objects.get(run=run).step_records == stored
    assert Patient.objects.count() == stored
    desk.work(run)
    assert run.status == Status.COMPLETED
    assert Patient.objects.count() == 25


def test_a_process_that_hangs_with_a_run_loses_its_lock_to_a_release(desk: Desk) -> None:
    run = desk.ask()
    held, let_go = threading.Event(), threading.Event()
    found: list[object] = []

    def hang() -> None:
        try:
            with claiming.lock(run.integration_id) as is_held:
                found.append(is_held)
                held.set()
                let_go.wait(20)
        finally:
            found.append(connection.is_usable())
            connection.close()

    thread = threading.Thread(target=hang)
    thread.start()
    assert held.wait(20)
    with claiming.lock(run.integration_id) as ours:
        assert ours is False
    try:
        assert sync("--release", str(run.pk)) == (
            "It is due now, and whoever held it has lost it.\n"
        )
        desk.work(run)
        assert run.status == Status.COMPLETED
    finally:
        let_go.set()
        thread.join(20)
    assert found == [True, False]


def test_what_has_ended_cannot_be_released(desk: Desk) -> None:
    run = desk.sync()
    assert stopped("--release", str(run.pk))[1] == "It has ended: completed."
    assert steering.release(run, datetime(2030, 3, 5, tzinfo=UTC)) is False
