"""`manage.py bench`: what Frontdesk's most frequent steps cost on this machine."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config import startup
from config.bench import audit, budget, dispatch, metrics, sync
from config.bench.rig import measure, throw_away_servers
from config.embedded import EmbeddedError


class Command(BaseCommand):
    help = (
        "Measure budget decisions a second, beside a single counter statement and the library "
        "`limits` on Valkey; writes a second with and without their entry in the audit; how "
        "long a tick of the dispatcher takes in a large table; how fast a clinic's patients are "
        "loaded from a PMS; or how fast a clinic's numbers are answered. Runs on servers of its "
        "own, which it deletes."
    )
    # Some checks ask the database, which this command does not use.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["budget", "audit", "dispatch", "sync", "metrics"])
        parser.add_argument(
            "--seconds", type=float, default=3.0, help="for each figure (%(default)s)"
        )
        parser.add_argument("--processes", type=int, default=4, help="(%(default)s)")
        parser.add_argument(
            "--rows", type=int, default=1_000_000, help="writebacks, or appointments (%(default)s)"
        )
        parser.add_argument(
            "--patients", type=int, default=100_000, help="that are loaded (%(default)s)"
        )
        parser.add_argument(
            "--repeats", type=int, default=3, help="loads of each kind (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        seconds, rows = options["seconds"], options["rows"]
        # There is one dispatcher, and one sync of a clinic.
        alone = options["what"] in {"dispatch", "sync", "metrics"}
        processes = 1 if alone else options["processes"]
        if processes < 1 or seconds <= 0:
            raise CommandError("--processes and --seconds must be more than 0")
        if rows < dispatch.ROWS_OF_CLINIC:
            raise CommandError(f"--rows must be at least {dispatch.ROWS_OF_CLINIC}")
        if options["patients"] < 1 or options["repeats"] < 1:
            raise CommandError("--patients and --repeats must be at least 1")
        extent = f"{processes} processes, {seconds:g} s for each figure"
        if options["what"] == "sync":
            extent = f"{options['patients']:,} patients, loads of each kind: {options['repeats']}"
        self.stdout.write(
            f"{extent}, {os.cpu_count()} CPUs; "
            "PostgreSQL with fsync, Valkey with fsync once a second"
        )
        if options["what"] == "budget" and find_spec("limits") is None:
            self.stdout.write("`limits` is not installed: measured without it")
        self.stdout.flush()
        figures: dict[str, Callable[[], Iterator[str]]] = {
            "budget": lambda: budget_figures(processes, seconds),
            "audit": lambda: audit_figures(processes, seconds),
            "dispatch": lambda: dispatch_figures(seconds, rows),
            "metrics": lambda: metrics.table(metrics.figures(rows, seconds)),
            "sync": lambda: sync.table(sync.figures(options["patients"], options["repeats"])),
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
