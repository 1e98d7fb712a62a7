"""`manage.py writebacks`: list them, tell their story, repeat failed ones, ask the PMS now."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clinics.finding import NotFound, clinic_called, one_by_id
from clinics.models import Clinic
from integrations.models import Integration
from tenancy import scope
from writebacks import report, steering
from writebacks.finding import stuck
from writebacks.looking import ASKABLE, ask_now
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.services import Asker
from writebacks.states import Status
from writebacks.wording import situation

_INTERRUPTED = 130  # what shells make of Ctrl-C
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
#: Where nobody watches a terminal, lines are this long, so that `grep` finds them whole.
_WIDE = 200
#: Without what they ask for, which is read only to be asked for again.
_KNOWN: QuerySet[Writeback] = Writeback.objects.select_related("clinic", "integration").defer(
    "command", "request_body", "error_message"
)


def since(text: str) -> datetime:
    """Read --since: 30m, 2h or 3d ago, or a moment in ISO 8601, in UTC where it names no zone."""
    if ago := re.fullmatch(r"(\d{1,5})([mhd])", text):
        return timezone.now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        hint = "write it as 30m, 2h, 3d, 2030-03-05 or 2030-03-05T14:00"
        raise ArgumentTypeError(f"{text!r} is no time: {hint}") from None
    return moment if moment.tzinfo else timezone.make_aware(moment)


def a_few(text: str) -> int:
    """Read --limit."""
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise ArgumentTypeError("a number from 1 to 10000")
    return int(text)


class Command(BaseCommand):
    help = (
        "Look after writebacks. An ID is a writeback's id or enough of its start to be the only "
        "one. Shows ids, states and times; what was asked for stands in the admin."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(
            dest="what", required=True, metavar="list | show | retry | reconcile"
        )
        text = "list writebacks, newest first"
        listing = commands.add_parser("list", help=text, description=text)
        clinic_help = "of this clinic: the start of its id, or its name"
        listing.add_argument("--clinic", help=clinic_help)
        listing.add_argument("--status", choices=Status.values, action="append")
        listing.add_argument("--operation", choices=Operation.values, action="append")
        listing.add_argument(
            "--stuck",
            action="store_true",
            help="those that need a person, or are overdue for more than a minute",
        )
        listing.add_argument(
            "--since", type=since, metavar="TIME", help="asked for since: 2h, 3d, 2030-03-05"
        )
        listing.add_argument(
            "--limit", type=a_few, default=50, metavar="N", help="at most so many (50)"
        )
        text = "tell a writeback's story"
        showing = commands.add_parser("show", help=text, description=text)
        showing.add_argument("ids", metavar="ID", nargs=1)
        for each in (listing, showing):
            each.add_argument("--json", action="store_true", help="print JSON")
        text = "ask again for failed writebacks, each as a new one; prints the new ids"
        code = " Exit code 1 when one could not be asked for again."
        retrying = commands.add_parser("retry", help=text, description=text + "." + code)
        retrying.add_argument("ids", metavar="ID", nargs="+")
        text = "ask the PMS now what became of pending and unconfirmed writebacks"
        code = ", at the cost of calls of the practice's budget. Exit code 1 when it could not be "
        asking = commands.add_parser(
            "reconcile", help=text, description=text + code + "asked about one."
        )
        asking.add_argument("ids", metavar="ID", nargs="*", default=[])
        asking.add_argument("--clinic", help=clinic_help)
        asking.add_argument("--all", action="store_true", help="of all clinics")

    def handle(self, *args: Any, **options: Any) -> None:
        # The tables of writebacks, clinics and integrations can be looked over; what reads a
        # patient or asks a PMS does so in its tenant's scope.
        with scope.acting(f"manage.py writebacks {options['what']}"), scope.everywhere():
            getattr(self, f"_{options['what']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        """Print those that the options name."""
        now = timezone.now()
        found = _KNOWN
        if options["clinic"]:
            found = found.filter(clinic=_clinic(options["clinic"]))
        if options["status"]:
            found = found.filter(status__in=options["status"])
        if options["operation"]:
            found = found.filter(operation__in=options["operation"])
        if options["stuck"]:
            found = found.filter(stuck(now))
        if options["since"]:
            found = found.filter(created_at__gte=options["since"])
        found = found.order_by("-created_at")
        limit = options["limit"]
        shown = found[: limit + 1]
        rows = [*shown][:limit]
        if options["json"]:
            self.stdout.write(json.dumps([report.as_json(each) for each in rows], indent=2))
            return
        if not rows:
            self.stdout.write("There are none.")
            return
        self._print(report.table(rows, now))
        if len(shown) > limit:
            self.stdout.write(f"These are the newest {limit}; --limit shows more.")

    def _show(self, options: dict[str, Any]) -> None:
        """Print one's story."""
        writeback = _writeback(options["ids"][0])
        if options["json"]:
            self.stdout.write(json.dumps(report.story_as_json(writeback), indent=2))
        else:
            self.stdout.write("\n".join(report.story(writeback, timezone.now())))

    def _retry(self, options: dict[str, Any]) -> None:
        """Ask for failed ones again, and print the id of each new one."""
        asker = Asker(note="Asked for again with manage.py writebacks retry.")
        refused = 0
        for writeback in [_writeback(text) for text in dict.fromkeys(options["ids"])]:
            with scope.organizations(writeback.organization_id):
                try:
                    new, _ = steering.retry(writeback, asker, timezone.now())
                except steering.REFUSALS as error:
                    refused += 1
                    self.stderr.write(f"{report.short(writeback)}  {error}")
                else:
                    self.stdout.write(f"{report.short(writeback)}  asked for again as {new.pk}")
        if refused:
            raise CommandError(
                f"{refused} could not be asked for again; "
                "`manage.py writebacks show ID` tells how one stands."
            )

    def _reconcile(self, options: dict[str, Any]) -> None:
        """Ask the PMS about each that is open, and print what became of it."""
        ways = sum(bool(options[name]) for name in ("ids", "clinic", "all"))
        if ways != 1:
            raise CommandError("Say which: by their IDs, with --clinic, or with --all.")
        if options["ids"]:
            chosen = [_writeback(text) for text in dict.fromkeys(options["ids"])]
        else:
            open_ones = _KNOWN.filter(status__in=ASKABLE)
            if options["clinic"]:
                open_ones = open_ones.filter(clinic=_clinic(options["clinic"]))
            chosen = list(open_ones.order_by("integration_id", "created_at"))
        if not chosen:
            self.stdout.write("Nothing is pending or unconfirmed.")
            return
        unasked = self._ask(chosen)
        if unasked:
            raise CommandError(
                f"{unasked} could not be asked about; the lines above say why. Frontdesk asks "
                "again by itself when they are due."
            )

    def _ask(self, chosen: list[Writeback]) -> int:
        """Ask practice by practice; return of how many the PMS could not tell."""
        by_integration: dict[UUID, list[Writeback]] = defaultdict(list)
        for each in chosen:
            by_integration[each.integration_id].append(each)
        unasked = 0
        try:
            with self._bar(len(chosen)) as bar:
                task = bar.add_task("asking", total=len(chosen))
                for integration_id, mine in by_integration.items():
                    with scope.tenant_of(Integration, integration_id):
                        ask_now(integration_id, [each.pk for each in mine], timezone.now)
                    bar.advance(task, len(mine))
                    unasked += self._tell(mine)
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. What was not asked about is, when it is due.", returncode=_INTERRUPTED
            ) from None
        return unasked

    def _tell(self, before: list[Writeback]) -> int:
        """Print what became of these; return of how many the PMS could not tell."""
        now = timezone.now()
        after = _KNOWN.in_bulk([each.pk for each in before])
        unasked = 0
        for earlier in before:
            each = after[earlier.pk]
            if earlier.status not in ASKABLE:
                said = f"{earlier.status}, so the PMS was not asked"
            else:
                unasked += each.ask_failures > earlier.ask_failures
                moved = earlier.status != each.status
                said = f"{earlier.status} → {each.status}" if moved else each.status
            told = situation(each, now, quoting=False)
            self.stdout.write(f"{report.short(each)}  {each.clinic.name}: {said}. {told}")
        return unasked

    def _bar(self, total: int) -> Progress:
        """Return a progress bar; a silent one for a single writeback, or where nobody watches."""
        console = Console(stderr=True)
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            disable=total == 1 or not console.is_terminal,
        )

    def _print(self, what: RenderableType) -> None:
        """Write a table as wide as the terminal, if it is one."""
        terminal = Console()
        console = Console(width=terminal.width if terminal.is_terminal else _WIDE)
        with console.capture() as text:
            console.print(what)
        lines = text.get().splitlines()
        self.stdout.write("\n".join(line.rstrip() for line in lines))


def _writeback(text: str) -> Writeback:
    """Return the one whose id begins so. Raises CommandError with what to do next."""
    try:
        return one_by_id(_KNOWN.order_by("-created_at"), text, listed_by="writebacks list")
    except NotFound as error:
        raise CommandError(str(error)) from None


def _clinic(text: str) -> Clinic:
    """Return the clinic of this name, or whose id begins so. Raises CommandError likewise."""
    try:
        return clinic_called(text)
    except NotFound as error:
        raise CommandError(str(error)) from None
