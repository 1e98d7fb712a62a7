"""The fault run in its short form; `make chaos` makes long ones."""

from __future__ import annotations

from functools import partial

import pytest
from rich.console import Console

from tests.chaos.run import Options, Run
from tests.chaos.summary import show

pytestmark = pytest.mark.chaos


def test_every_accepted_request_of_a_short_fault_run_ends_once_or_fails_for_a_true_reason() -> None:
    console = Console(soft_wrap=True)
    options = Options(count=50, seed=6, minutes=1, settle_minutes=5, hurried=True)
    report = Run(options, partial(console.print, markup=False, highlight=False))()
    show(report, console)
    assert report.clean
    assert set(report.kills) == {"worker", "pool", "beat", "web", "valkey", "postgresql"}
