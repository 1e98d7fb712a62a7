"""`manage.py sync`: read a clinic's records from its PMS now, and look after runs."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone
from rich.console import Console

from clinics import finding
from integrations.models import Integration
from integrations.queries import Resource
from sync import by_hand, report, requesting, steering
from sync.models import SyncRun
from sync.progress import display
from sync.requesting import Wanted, covers
from sync.states import DEPRECATED, Mode, Status
from tenancy import scope

logger = logging.getLogger(__name__)

_INTERRUPTED = 130  # what shells make of Ctrl-C
#: Where nobody watches a terminal, lines are this long, so that `grep` finds them whole.
_WIDE = 200
#: Runs that --list shows.
LISTED: Final = 20
#: Statuses that a script should hear of.
NOT_WELL: Final = (Status.FAILED, Status.HELD, Status.CANCELLED)


class Command(BaseCommand):
    help = (
        "Read clinics' records from their PMSs now, whatever their schedule: what changed since "
        "the last time, or everything. Uses the calls that background work may use. Ctrl-C stops "
        "it at a page; what is stored stays, and the next one goes on from there. Exit code 1 "
        "when a run failed or needs a look."
    )
    #: Lets time pass; tests let theirs.
    pause = staticmethod(time.sleep)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "clinics", nargs="*", metavar="CLINIC", help="a name, or the start of an id"
        )
        parser.add_argument("--all", action="store_true", help="every clinic that is connected")
        parser.add_argument("--full", action="store_true", help="all of each list")
        parser.add_argument(
            "--mode", choices=Mode.values, default=Mode.INCREMENTAL, help="what is read"
        )
        parser.add_argument(
            "--only", choices=list(Resource), action="append", default=[], help="only this list"
        )
        parser.add_argument(
            "--accept-vanished",
            action="store_true",
            help="a full run, and what its lists do not have any more is believed to be gone",
        )
        parser.add_argument(
            "--wait", action="store_true", help="wait where it has to, until it has ended"
        )
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--list", action="store_true", help=f"the newest {LISTED} runs")
        other.add_argument(
            "--release", metavar="RUN", help="take a stuck run from its worker and make it due now"
        )
        other.add_argument("--cancel", metavar="RUN", help="end a run; what it has read stays")

    def handle(self, *args: Any, **options: Any) -> None:
        with scope.acting("manage.py sync"), scope.everywhere():
            if options["list"]:
                self._list(options)
            elif options["release"]:
                self._release(options["release"])
            elif options["cancel"]:
                self._cancel(options["cancel"])
            else:
                self._sync(options)

    # --- Syncing ---

    def _sync(self, options: dict[str, Any]) -> None:
        chosen = self._chosen(options)
        mode = Mode(options["mode"])
        if instead := DEPRECATED.get(mode):
            self.stderr.write(f"--mode {mode} is an older word: use {instead}.")
        wanted = Wanted(
            mode=mode,
            is_full=options["full"] or options["accept_vanished"],
            may_remove=options["accept_vanished"],
            only=tuple(Resource(each) for each in dict.fromkeys(options["only"])),
            is_forced=True,
        )
        not_well = 0
        for integration in chosen:
            with scope.organizations(integration.organization_id):
                run = self._one(integration, wanted, waits=options["wait"])
            not_well += run.status in NOT_WELL
        if not_well:
            raise CommandError(f"{not_well} of {len(chosen)} did not end well; see above.")

    def _one(self, integration: Integration, wanted: Wanted, *, waits: bool) -> SyncRun:
        """Carry out a run of one clinic, after the open one where that reads less."""
        while True:
            run, is_new = by_hand.begin(integration, wanted, timezone.now())
            name = f"{integration.clinic}, {integration.manifest.title}"
            self.stdout.write(f"{name}: {_beginning(run, is_new)}")
            try:
                with display(self.stdout.write) as shown:
                    run = by_hand.go_on(
                        run, shown, waits=waits, clock=timezone.now, pause=self.pause
                    )
            except KeyboardInterrupt:
                raise CommandError(
                    f"Stopped. What was read is kept, and run {report.short(run)} is due: a worker "
                    f"goes on with it, or `manage.py sync {integration.clinic_id}` does.",
                    returncode=_INTERRUPTED,
                ) from None
            except OperationalError as error:
                raise CommandError(
                    "The database ended the connection; the run may be another's by now. "
                    "See `manage.py sync --list`."
                ) from error
            except Exception as error:
                # Its text may hold a patient's data: the log leaves that out, a terminal does not.
                logger.exception("sync %s by hand", run.pk)
                raise CommandError(
                    f"An error of Frontdesk itself ({type(error).__name__}); the log says more."
                ) from None
            self.stdout.write(report.ended(run, timezone.now()))
            if run.is_open and not waits:
                self.stdout.write("Workers go on with it when it is due.")
            if run.is_open or is_new or covers(run, wanted):
                return run

    def _chosen(self, options: dict[str, Any]) -> list[Integration]:
        """Return the integrations to be synced. Raises CommandError with what to do next."""
        known = Integration.objects.select_related("clinic").order_by("clinic__name", "pk")
        if options["all"] and options["clinics"]:
            raise CommandError("Name clinics or use --all, not both.")
        if not options["all"] and not options["clinics"]:
            found = list(known[:11])
            if len(found) == 1:
                return found
            names = ", ".join(str(each.clinic) for each in found) or "none yet: manage.py connect"
            raise CommandError(f"Say which clinic, or --all. Connected are: {names}.")
        if options["all"]:
            return list(known)
        chosen = {}
        for text in options["clinics"]:
            try:
                clinic = finding.clinic_called(text)
            except finding.NotFound as error:
                raise CommandError(str(error)) from None
            linked = known.filter(clinic=clinic).first()
            if linked is None:
                raise CommandError(f"{clinic} is not connected to a PMS yet: manage.py connect.")
            chosen[linked.pk] = linked
        return list(chosen.values())

    # --- Looking after runs ---

    def _list(self, options: dict[str, Any]) -> None:
        runs = SyncRun.objects.select_related("clinic", "checkpoint").order_by("-created_at")
        if options["clinics"]:
            runs = runs.filter(integration__in=[each.pk for each in self._chosen(options)])
        found = list(runs[:LISTED])
        if not found:
            self.stdout.write("There are none.")
            return
        terminal = Console()
        console = Console(width=terminal.width if terminal.is_terminal else _WIDE)
        with console.capture() as text:
            console.print(report.table(found, timezone.now()))
        lines = text.get().splitlines()
        self.stdout.write("\n".join(line.rstrip() for line in lines))

    def _release(self, text: str) -> None:
        run = _run(text)
        with scope.organizations(run.organization_id):
            freed = steering.release(run, timezone.now())
        if not freed:
            raise CommandError(f"It has ended: {run.get_status_display().lower()}.")
        self.stdout.write("It is due now, and whoever held it has lost it.")

    def _cancel(self, text: str) -> None:
        run = _run(text)
        with scope.organizations(run.organization_id):
            ended = requesting.cancel(run, timezone.now())
        if not ended:
            raise CommandError(f"It has ended: {run.get_status_display().lower()}.")
        self.stdout.write("It is cancelled; what it has read is kept.")


def _beginning(run: SyncRun, is_new: bool) -> str:
    first = not run.integration.cursors.exists()
    what = "everything" if run.is_full or first else run.get_mode_display().lower()
    if is_new:
        return f"reading {what} (run {report.short(run)})."
    return f"run {report.short(run)} is under way already ({what}); going on with it."


def _run(text: str) -> SyncRun:
    try:
        runs = SyncRun.objects.select_related("clinic", "integration")
        return finding.one_by_id(runs, text, listed_by="sync --list")
    except finding.NotFound as error:
        raise CommandError(str(error)) from None
