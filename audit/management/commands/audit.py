"""`manage.py audit`: seal what waits, and prove that nothing was altered since."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from audit import chain, verify
from audit.chain import Note
from tenancy.scope import acting, everywhere


def note(text: str) -> Note:
    """Read --expect, or say how it is written."""
    try:
        return Note.parse(text)
    except ValueError:
        raise ArgumentTypeError(
            "write it as `audit verify` printed it: NUMBER:HASH, the hash as 64 hex digits"
        ) from None


class Command(BaseCommand):
    help = "Seal the audit's entries, or verify them and their seals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True, metavar="seal | verify")
        text = "seal the entries that wait for it, as beat does once a minute"
        commands.add_parser("seal", help=text, description=text)
        text = "recompute every seal; exit code 1 when a row or a seal is not as it was"
        verifying = commands.add_parser("verify", help=text, description=text)
        verifying.add_argument(
            "--expect",
            type=note,
            metavar="NUMBER:HASH",
            help="a seal that an earlier run printed and you kept elsewhere: it must still be "
            "there, which also shows an end that was cut off or a chain that was made anew",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with acting(f"manage.py audit {options['what']}"), everywhere():
            if options["what"] == "seal":
                self.stdout.write(f"entries sealed: {chain.seal(timezone.now()):,}")
            else:
                self.verify(options["expect"])

    def verify(self, expect: Note | None) -> None:
        """Print each finding as it is made, then the last seal."""
        console = Console(stderr=True)
        count = 0
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("seals", total=verify.seals())
            for finding in verify.findings(
                timezone.now(), expect=expect, checked=lambda: bar.advance(task)
            ):
                count += 1
                self.stdout.write(finding)
        last = verify.last_seal()
        self.stdout.write(f"last seal {last}" if last else "there is no seal yet")
        if count:
            raise CommandError(f"{count:,} finding{'s' if count > 1 else ''}", returncode=1)
        self.stdout.write("nothing was altered")
