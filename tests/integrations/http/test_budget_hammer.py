"""Eight processes hammer one practice's budget, and some are killed: never one call above.

Every granted call tells how many are left after it, and so its place among the window's 200. That
makes the check exact: no place may be given twice, and no caller refused while one was free.

The processes are forked by a nursery, a program of its own, so that each repetition gets fresh
ones, to be killed, without starting Python again.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO

import pytest
from django.conf import settings
from django.db import connection

from integrations.contract import Limit, Priority, Scope
from integrations.http.budget import Counter, take
from integrations.http.errors import BudgetExhausted
from integrations.models import BudgetWindow

HIGH, LOW = Priority.HIGH, Priority.LOW
LIMIT = Limit(Scope.INTEGRATION, calls=200, seconds=3600, reserve=50)
HOURS = [datetime(2030, 3, 5, hour, tzinfo=UTC) for hour in (14, 15, 16)]
PROCESSES = 8
REPETITIONS = 20
#: How many processes die in a repetition, and within how many of their first attempts.
VICTIMS = 3
FIRST = 70
NURSERY = f"""
import django
django.setup()
from {__name__} import nursery
nursery()
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of a process: what it asked for, what it got, and when by the machine's clock."""

    pid: int
    hour: int
    priority: Priority
    #: Calls left for this priority; None when refused.
    left: int | None
    began: int
    ended: int

    @property
    def place(self) -> int:
        """Which of the window's calls a granted one is, from 1."""
        assert self.left is not None
        return LIMIT.ceiling(self.priority) - self.left


def hammer(key: str, seed: int, output: int) -> None:
    """Spend each hour in turn until HIGH is refused; tell of every attempt as soon as it ended."""
    chance = random.Random(seed)
    counter = Counter(key, LIMIT)
    for number, hour in enumerate(HOURS):
        now, refused = hour, False
        while not refused:
            now += timedelta(seconds=3)
            priority = chance.choice([HIGH, LOW])
            began = time.monotonic_ns()
            try:
                left = str(take([counter], priority, now))
            except BudgetExhausted:
                left, refused = "-", priority is HIGH
            line = f"{os.getpid()} {number} {priority} {left} {began} {time.monotonic_ns()}\n"
            os.write(output, line.encode())


def nursery() -> None:
    """For each line "key seed" fork the processes; print their pids, their attempts, and "end"."""
    for order in sys.stdin:
        key, seed = order.split()
        gate, opener = os.pipe()
        children = []
        for number in range(PROCESSES):
            child = os.fork()
            if child == 0:
                os.close(opener)
                os.read(gate, 1)  # returns when the parent opens, by closing its end
                try:
                    hammer(key, int(seed) + number, sys.stdout.fileno())
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            children.append(child)
        os.write(sys.stdout.fileno(), (" ".join(map(str, children)) + "\n").encode())
        os.close(opener)
        os.close(gate)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        os.write(sys.stdout.fileno(), f"end {' '.join(map(str, codes))}\n".encode())


@dataclass
class Nursery:
    """The running program, as a test speaks to it."""

    orders: IO[str]
    answers: IO[str]

    def run(self, key: str, seed: int, killed_after: dict[int, int]) -> Result:
        """Let the processes hammer, and kill the n-th once so many attempts of it are known."""
        self.orders.write(f"{key} {seed}\n")
        self.orders.flush()
        pids = [int(pid) for pid in self.answers.readline().split()]
        due = {pids[number]: attempts for number, attempts in killed_after.items()}
        attempts = []
        for line in self.answers:
            if line.startswith("end"):
                return Result(attempts, [int(code) for code in line.split()[1:]])
            pid, hour, priority, left, began, ended = line.split()
            granted = None if left == "-" else int(left)
            attempt = (int(pid), int(hour), Priority(priority), granted, int(began), int(ended))
            attempts.append(Attempt(*attempt))
            due[int(pid)] = due.get(int(pid), 0) - 1
            if due[int(pid)] == 0:
                os.kill(int(pid), signal.SIGKILL)
        raise AssertionError("the nursery ended")


@dataclass
class Result:
    attempts: list[Attempt]
    codes: list[int]

    def hour(self, number: int) -> tuple[list[Attempt], list[Attempt]]:
        """The granted and the refused attempts of one window."""
        these = [attempt for attempt in self.attempts if attempt.hour == number]
        granted = [attempt for attempt in these if attempt.left is not None]
        return granted, [attempt for attempt in these if attempt.left is None]


@contextmanager
def running_nursery() -> Iterator[Nursery]:
    # The same server, but the tests' own database.
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    address = f"{server}/{connection.settings_dict['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": address,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield Nursery(process.stdin, process.stdout)
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.stdout.close()


def used(key: str) -> list[tuple[datetime, int, int]]:
    windows = BudgetWindow.objects.filter(key=key).order_by("starts_at")
    return list(windows.values_list("starts_at", "used_high", "used_low"))


def assert_nobody_was_refused_too_early(granted: list[Attempt], refused: list[Attempt]) -> None:
    """A refusal says that all places below the ceiling are taken: none is given out after it."""
    for priority in (HIGH, LOW):
        ceiling = LIMIT.ceiling(priority)
        refusals = [attempt.ended for attempt in refused if attempt.priority is priority]
        begins = [attempt.began for attempt in granted if attempt.place <= ceiling]
        assert not refusals or max(begins) < min(refusals)


@pytest.mark.django_db(transaction=True)
def test_eight_processes_over_three_windows_get_exactly_200_calls_in_each() -> None:
    with running_nursery() as nursery:
        for repetition in range(REPETITIONS):
            key = f"integration:hammer-{repetition}"
            result = nursery.run(key, 1000 * repetition, {})
            assert result.codes == [0] * PROCESSES
            rows = []
            for number, hour in enumerate(HOURS):
                granted, refused = result.hour(number)
                assert sorted(attempt.place for attempt in granted) == list(range(1, 201))
                low = [attempt.place for attempt in granted if attempt.priority is LOW]
                assert max(low) <= 150
                assert_nobody_was_refused_too_early(granted, refused)
                rows.append((hour, 200 - len(low), len(low)))
            assert used(key) == rows


@pytest.mark.django_db(transaction=True)
def test_processes_that_are_killed_at_any_moment_never_make_it_one_call_more() -> None:
    deaths = 0
    with running_nursery() as nursery:
        for repetition in range(REPETITIONS):
            chance = random.Random(repetition)
            victims = chance.sample(range(PROCESSES), VICTIMS)
            killed_after = {victim: chance.randint(1, FIRST) for victim in victims}
            key = f"integration:killed-{repetition}"
            result = nursery.run(key, 1000 * repetition, killed_after)
            unreported = 0
            rows = used(key)
            assert [hour for hour, _, _ in rows] == HOURS
            for number, (_, high, low) in enumerate(rows):
                granted, refused = result.hour(number)
                places = [attempt.place for attempt in granted]
                assert high + low == 200
                assert low <= 150
                assert len(set(places)) == len(places)
                assert set(places) <= set(range(1, 201))
                assert_nobody_was_refused_too_early(granted, refused)
                unreported += 200 - len(places)
            # Whoever dies between its spending and its telling has spent; the others live.
            killed = result.codes.count(-signal.SIGKILL)
            assert killed <= VICTIMS
            assert result.codes.count(0) == PROCESSES - killed
            assert unreported <= killed
            deaths += killed
    assert deaths > REPETITIONS
