"""`manage.py metrics`: make clinics' numbers anew, or print them."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from clinics import finding
from clinics.models import Clinic
from metrics import figures, freshness, preferences
from metrics.calendar import Name, Period, WrongPeriod, between, named
from metrics.definitions import DEFINITIONS, GROUPS
from metrics.models import Standing
from metrics.recounting import recount
from tenancy import scope

_INTERRUPTED: Final = 130  # what shells make of Ctrl-C
#: Where nobody watches a terminal, lines are this long, so that `grep` finds them whole.
_WIDE: Final = 200
#: Hours of the week that are printed, the busiest first.
_HOURS: Final = 5
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Command(BaseCommand):
    help = (
        "`rebuild` adds a clinic's appointments up anew, to the numbers that were kept all along; "
        "safe beside running workers, and to be stopped with Ctrl-C: each clinic is done whole or "
        "not at all. `show` prints a clinic's numbers. Neither asks any PMS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parsers = parser.add_subparsers(dest="what", required=True)
        rebuild = parsers.add_parser("rebuild", help="add everything up anew")
        rebuild.add_argument(
            "clinics", nargs="*", metavar="CLINIC", help="a name, or the start of an id"
        )
        rebuild.add_argument("--all", action="store_true", help="every clinic")
        show = parsers.add_parser("show", help="print a clinic's numbers")
        show.add_argument("clinic", metavar="CLINIC", help="a name, or the start of an id")
        show.add_argument(
            "--period", choices=[each.value for each in Name], help="with today in it; week if none"
        )
        for name in ("from", "to"):
            show.add_argument(
                f"--{name}", type=_date, metavar="DATE", help="instead of a period: YYYY-MM-DD"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        with scope.acting("manage.py metrics"), scope.everywhere():
            if options["what"] == "rebuild":
                self._rebuild(options["clinics"], every=options["all"])
            else:
                self._show(options)

    # --- Rebuilding ---

    def _rebuild(self, texts: list[str], *, every: bool) -> None:
        if every == bool(texts):
            raise CommandError("Name clinics, or use --all; not both.")
        chosen = list(Clinic.objects.all()) if every else [_clinic(text) for text in texts]
        chosen = list({each.pk: each for each in chosen}.values())
        failed: list[str] = []
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task("Clinics", total=len(chosen))
            try:
                for clinic in chosen:
                    progress.update(task, description=clinic.name)
                    failed += self._one(clinic)
                    progress.advance(task)
            except KeyboardInterrupt:
                raise CommandError(
                    "Stopped. The clinics named above are done; the one that was under way has "
                    "the numbers that it had.",
                    returncode=_INTERRUPTED,
                ) from None
        if failed:
            raise CommandError(
                f"{len(failed)} of {len(chosen)} could not be counted; they keep the numbers that "
                f"they had: {', '.join(failed)}."
            )

    def _one(self, clinic: Clinic) -> list[str]:
        """Rebuild one; returns its name where that failed."""
        with scope.organizations(clinic.organization_id):
            before = _version(clinic)
            try:
                standing = recount(clinic, timezone.now(), anew=True)
            except DatabaseError as error:
                # Its text may hold values.
                self.stderr.write(f"{clinic}: the database refused it ({type(error).__name__}).")
                return [clinic.name]
        same = before is not None and standing.version == before
        self.stdout.write(
            f"{clinic}: version {standing.version}, "
            f"{'nothing is different' if same else 'told to who watches'}."
        )
        return []

    # --- Showing ---

    def _show(self, options: dict[str, Any]) -> None:
        clinic, now = _clinic(options["clinic"]), timezone.now()
        with scope.organizations(clinic.organization_id):
            today = now.astimezone(clinic.zone).date()
            period = _period(options, today, preferences.of(clinic).week_starts_on)
            if _version(clinic) is None:
                raise CommandError(
                    f"{clinic} was not added up yet: a worker does that in a moment, or "
                    f"`manage.py metrics rebuild {clinic.pk}` now."
                )
            told = figures.of(clinic, period, today)
            current = freshness.of(clinic, now)
        terminal = Console()
        console = Console(width=terminal.width if terminal.is_terminal else _WIDE)
        with console.capture() as text:
            console.print(f"{clinic}, {period.first} to {period.last} ({clinic.timezone})")
            console.print(_age(current, now, clinic))
            console.print(_table(told))
        self.stdout.write("\n".join(line.rstrip() for line in text.get().splitlines()))


def _table(told: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    for each in DEFINITIONS:
        if each.name not in GROUPS["trends"]:
            value = told[each.name]
            unit = " %" if "percent" in each.sentence else ""
            shown = "not enough data" if value is None else f"{value:,}{unit}"
            table.add_row(each.label, shown)
    for day in told["bookingTrends"]:
        table.add_row(day["date"], f"{day['bookings']:,} ({day['missed']:,} missed)")
    for hour in told["peakHours"][:_HOURS]:
        table.add_row(
            f"{_WEEKDAYS[hour['dayOfWeek']]} {hour['hour']:02}:00", f"{hour['bookings']:,}"
        )
    return table


def _age(current: freshness.Freshness, now: datetime, clinic: Clinic) -> str:
    if current.last_updated is None:
        return "Nothing was read from a PMS yet."
    local = current.last_updated.astimezone(clinic.zone)
    return f"{current.state.value}; last read from the PMS {local:%Y-%m-%d %H:%M}"


def _period(options: dict[str, Any], today: date, week_starts_on: int) -> Period:
    first, last = options["from"], options["to"]
    if (first is None) != (last is None):
        raise CommandError("--from and --to belong together.")
    if first is None:
        return named(Name(options["period"] or Name.WEEK), today, week_starts_on)
    if options["period"]:
        raise CommandError("Say --period, or --from and --to; not both.")
    try:
        return between(first, last)
    except WrongPeriod as error:
        words = str(error).replace("endDate", "--to").replace("startDate", "--from")
        raise CommandError(words) from None


def _version(clinic: Clinic) -> int | None:
    """Return the version of its numbers; None before they were first added up."""
    found = Standing.objects.filter(clinic=clinic).exclude(rebuilt_at=None)
    return found.values_list("version", flat=True).first()


def _clinic(text: str) -> Clinic:
    try:
        return finding.clinic_called(text)
    except finding.NotFound as error:
        raise CommandError(str(error)) from None


def _date(text: str) -> date:
    return date.fromisoformat(text)
