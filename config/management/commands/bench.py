"""`manage.py bench`: what Frontdesk's most frequent steps cost on this machine."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import startup
from config.bench import audit, budget, dispatch
from config.bench.rig import measure, throw_away_servers
from config.embedded import EmbeddedError


class Command(BaseCommand):
    help = (
        "Measure budget decisions a second, beside a single counter statement and the library "
        "`limits` on Valkey; writes a second with and without their entry in the audit; or how "
        "long a tick of the dispatcher takes in a large table. Runs on servers of its own, which "
        "it deletes."
    )
    # Some checks ask the database, which this command does not use.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["budget", "audit", "dispatch"])
        parser.add_argument(
            "--seconds", type=float, default=3.0, help="for each figure (%(default)s)"
        )
        parser.add_argument("--processes", type=int, default=4, help="(%(default)s)")
        parser.add_argument(
            "--rows", type=int, default=1_000_000, help="in the dispatcher's table (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        seconds, rows = options["seconds"], options["rows"]
        # There is one dispatcher.
        processes = 1 if options["what"] == "dispatch" else options["processes"]
        if processes < 1 or seconds <= 0:
            raise CommandError("--processes and --seconds must be more than 0")
        if rows < dispatch.ROWS_OF_CLINIC:
            raise CommandError(f"--rows must be at least {dispatch.ROWS_OF_CLINIC}")
        self.stdout.write(
            f"{processes} processes, {seconds:g} s for each figure, {os.cpu_count()} CPUs; "
            "PostgreSQL with fsync, Valkey with fsync once a second"
        )
        if options["what"] == "budget" and find_spec("limits") is None:
            self.stdout.write("`limits` is not installed: measured without it")
        self.stdout.flush()
        figures: dict[str, Callable[[], Iterator[str]]] = {
            "budget": lambda: budget_figures(processes, seconds),
            "audit": lambda: audit_figures(processes, seconds),
            "dispatch": lambda: dispatch_figures(seconds, rows),
        }
        try:
            with throw_away_servers():
                lines = list(figures[options["what"]]())
        except (EmbeddedError, startup.StartupError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped", returncode=130) from None
        self.stdout.write("\n".join(lines))


def budget_figures(processes: int, seconds: float) -> Iterator[str]:
    """Decisions of one practice, and of many."""
    rates = {keys: measure(budget.hammer, processes, seconds, keys) for keys in budget.KEYS}
    return budget.table(rates)


def audit_figures(processes: int, seconds: float) -> Iterator[str]:
    """Writes with and without."""
    return audit.table(measure(audit.hammer, processes, seconds))


def dispatch_figures(seconds: float, rows: int) -> Iterator[str]:
    """Ticks over this many writebacks."""
    return dispatch.table(measure(dispatch.hammer, 1, seconds, rows))
