"""The bench: measures every contender on servers of its own, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clinics.services import Stored
from config.bench import sync
from tests.config.conftest import PROJECT

CONTENDERS = [
    "one raw counter statement",
    "budget, 1 limit",
    "budget, 1 limit, in a scope",
    "budget, 3 limits",
    "budget, 3 limits, 1 shared by all",
    "limits on Valkey, 1 limit",
    "limits on Valkey, 3 limits",
]


def bench(var: Path, what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_URL")}
    return subprocess.run(
        [sys.executable, "manage.py", "bench", what, *arguments],
        cwd=PROJECT,
        env={**environment, "FRONTDESK_VAR": str(var)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_contender_counts_beside_the_floor(var: Path) -> None:
    run = bench(var, "budget", "--seconds", "0.3", "--processes", "2")
    assert (run.returncode, run.stderr) == (0, "")
    rows = {line[:36].strip(): line[36:].split() for line in run.stdout.splitlines()[2:]}
    assert list(rows) == CONTENDERS
    assert [rows[CONTENDERS[0]][column] for column in (1, 3)] == ["1.00", "1.00"]
    assert all(float(figure.replace(",", "")) > 0 for row in rows.values() for figure in row)
    assert not (var / "bench").exists()


def test_a_write_is_measured_with_and_without_its_entry(var: Path) -> None:
    run = bench(var, "audit", "--seconds", "0.2", "--processes", "2")
    assert (run.returncode, run.stderr) == (0, "")
    head, *lines = run.stdout.splitlines()[1:]
    assert head.split() == ["writes", "a", "second", "bare", "audited", "times"]
    rows = {
        line[:36].strip(): [float(part.replace(",", "")) for part in line[36:].split()]
        for line in lines
    }
    assert list(rows) == ["a new patient", "a patient's new telephone"]
    for bare, audited, times in rows.values():
        assert times == pytest.approx(bare / audited, abs=0.02)
    assert not (var / "bench").exists()


def test_a_tick_of_the_dispatcher_is_measured_beside_its_floors(var: Path) -> None:
    run = bench(var, "dispatch", "--seconds", "0.1", "--rows", "5000")
    assert (run.returncode, run.stderr) == (0, "")
    head, *lines = run.stdout.splitlines()[1:]
    assert head.split() == ["milliseconds", "p50", "p95"]
    rows = {line[:52].strip(): [float(part) for part in line[52:].split()] for line in lines}
    assert list(rows) == [
        f"{due}, {what}"
        for due in ("some are due", "all are due for a check", "all are due to be sent")
        for what in ("as many bare statements", "as many rows of the index", "a tick")
    ]
    assert all(0 < p50 <= p95 for p50, p95 in rows.values())
    assert not (var / "bench").exists()


def test_loads_are_measured_beside_their_floor(var: Path) -> None:
    run = bench(var, "sync", "--patients", "250", "--repeats", "1")
    assert (run.returncode, run.stderr) == (0, "")
    extent, head, *lines, times = run.stdout.splitlines()
    assert extent.startswith("250 patients, loads of each kind: 1, ")
    assert head.split() == ["records", "a", "second", "rate", "ratio", "peak", "MB"]
    rows = {
        line[:36].strip(): [float(part.replace(",", "")) for part in line[36:].split()]
        for line in lines
    }
    assert list(rows) == ["the floor", "a first load", "the same again, nothing changed"]
    floor, first, again = rows.values()
    assert floor[1] == 1
    for rate, ratio, megabytes in (first, again):
        assert ratio == pytest.approx(rate / floor[0], abs=0.01)
        assert 20 < megabytes < 150
    told = f"the same again, nothing changed: {again[0] / first[0]:.1f}"
    assert times.startswith(told[:-2])
    assert times.endswith(" times as fast as a first load")
    assert not (var / "bench").exists()


def test_numbers_are_asked_for_beside_the_appointments_themselves(var: Path) -> None:
    run = bench(var, "metrics", "--rows", "5000", "--seconds", "1")
    assert (run.returncode, run.stderr) == (0, "")
    made, rate, head, *rows = run.stdout.splitlines()[1:8]
    assert made == "5,000 appointments over 200 clinics"
    assert re.fullmatch(r"added up anew: [\d,]+ appointments a second", rate)
    assert head.split() == ["milliseconds", "p50", "p95", "p99"]
    figures = {row[:44].strip(): [float(part) for part in row[44:].split()] for row in rows}
    assert list(figures) == [
        "a month from the rollups, no HTTP",
        "a month from the appointments, no HTTP",
        "GET metrics, 50 a second",
        "the live page, 5 a second",
    ]
    assert all(0 < p50 <= p95 <= p99 for p50, p95, p99 in figures.values())
    asked, pages, most, times = run.stdout.splitlines()[8:]
    assert asked == "GET metrics: 50 asked, 0 failed"
    assert pages == "live page: 5 asked, 0 failed"
    assert int(re.fullmatch(r"GET metrics at most: (\d+) a second", most)[1]) > 0
    assert re.fullmatch(r"rollups: [\d.]+ times as fast as the appointments", times)
    assert not (var / "bench").exists()


@pytest.mark.parametrize(
    ("name", "stored", "present"),
    [
        (sync.FIRST, Stored(created=9, unreadable=1), 9),
        (sync.FIRST, Stored(created=10), 9),
        (sync.FIRST, Stored(created=9, updated=1), 10),
        (sync.AGAIN, Stored(unchanged=9, updated=1), 10),
        (sync.AGAIN, Stored(created=10), 10),
    ],
)
def test_a_load_that_did_something_else_is_no_figure(
    name: str, stored: Stored, present: int
) -> None:
    with pytest.raises(RuntimeError, match=f"of 10 patients, {present} in the table"):
        sync.check(name, stored, 10, present)


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        (sync.FLOOR, Stored(created=10)),
        (sync.FIRST, Stored(created=10)),
        (sync.AGAIN, Stored(unchanged=10)),
    ],
)
def test_a_load_that_did_what_it_is_named_for_is_one(name: str, stored: Stored) -> None:
    sync.check(name, stored, 10, 10)


@pytest.mark.parametrize("option", ["--patients", "--repeats"])
def test_no_patient_and_no_repeat_is_too_few(var: Path, option: str) -> None:
    run = bench(var, "sync", option, "0")
    assert run.returncode == 1
    assert "--patients and --repeats must be at least 1" in run.stderr
    assert not (var / "bench").exists()


def test_no_process_is_too_few(var: Path) -> None:
    run = bench(var, "budget", "--processes", "0")
    assert run.returncode == 1
    assert "--processes and --seconds must be more than 0" in run.stderr
    assert not (var / "bench").exists()
