"""`manage.py rotate_keys`: bring every value under the first key, make a key, retire one."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from encryption import keychecks, keyfile, rotation
from encryption.keys import INDEX, keyring, new_entry, without
from encryption.models import KeyCheck
from encryption.rotation import Rotated
from tenancy import scope

_INTERRUPTED = 130  # what shells make of Ctrl-C


class Command(BaseCommand):
    help = (
        "Re-encrypt every value under the first key, while everything goes on running. Safe to "
        "break off and to run again. With --new, make a key first; with --retire, remove an old "
        "one that nothing needs any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--new",
            action="store_true",
            help="make a new key, put it first in the key file, and re-encrypt; "
            "with keys in the environment: print what to set",
        )
        what.add_argument(
            "--retire",
            metavar="ID",
            help="remove this key from the key file, once no value needs it; else tell how many do",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with scope.acting("rotate_keys"), scope.all_tenants():
                if options["retire"]:
                    self._retire(options["retire"])
                elif not options["new"] or self._make():
                    self._rotate()
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. Every value can be read, by the old keys or the new one; "
                "`manage.py rotate_keys` goes on.",
                returncode=_INTERRUPTED,
            ) from None
        except (ImproperlyConfigured, OSError) as error:
            raise CommandError(str(error)) from error

    def _make(self) -> bool:
        """Put a new key first; returns whether it is there already."""
        ring = keyring()
        key_id = _new_id({*ring.keys.by_id, *KeyCheck.objects.values_list("key_id", flat=True)})
        entry = new_entry(key_id)
        if ring.path is None:
            self.stdout.write(
                "The keys are in the environment, so put this entry into ENCRYPTION_KEYS: behind "
                "the other keys, and restart every process; then before them, and restart again; "
                f"then run `manage.py rotate_keys`.\n{entry}"
            )
            return False
        keyfile.change(ring.path, lambda text: f"{entry}\n{text}")
        ring.look()
        keychecks.note_down(ring)
        self.stdout.write(f"The new key {key_id} is first in {ring.path}: make a backup of it.")
        rotation.wait_until_learnt()
        return True

    def _rotate(self) -> None:
        key_id, _ = keyring().encrypting()
        total = done = self._pass()
        # Until a pass finds nothing to do: somebody may have written with an old key meanwhile.
        while done.changed or done.overtaken:
            done = self._pass()
            total += Rotated(changed=done.changed, overtaken=done.overtaken)
        if done.unreadable:
            raise CommandError(
                f"{done.unreadable} rows could not be read and stay as they were; "
                "the log names them."
            )
        self.stdout.write(
            f"{total.changed} of {total.seen} rows were re-encrypted: all are under {key_id} now."
        )
        old = [each for each in keyring().keys.by_id if each != key_id]
        for each in old:
            self.stdout.write(f"`manage.py rotate_keys --retire {each}` removes that key.")

    def _pass(self) -> Rotated:
        """Go through all rows once."""
        total = Rotated()
        with _hasty(), self._bar() as bar:
            for rows in rotation.querysets():
                task = bar.add_task(rows.model._meta.db_table, total=rows.count())
                total += rotation.rotate(
                    rows,
                    lambda count, task=task: bar.advance(task, count),  # type: ignore[misc]
                )
        return total

    def _bar(self) -> Progress:
        """Return a progress bar; one that is silent where nobody watches a terminal."""
        console = Console(stderr=True)
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def _retire(self, key_id: str) -> None:
        ring = keyring()
        in_use = KeyCheck.objects.filter(retired_at=None).exclude(key_id=INDEX)
        known = {*ring.keys.by_id, *in_use.values_list("key_id", flat=True)}
        if key_id not in known:
            raise CommandError(f"There is no key {key_id!r}; there are: {', '.join(sorted(known))}")
        if key_id == ring.keys.first:
            raise CommandError(f"{key_id!r} is the first key, which encrypts: put another first.")
        rotation.wait_until_learnt()
        try:
            rotation.retire(key_id)
        except rotation.StillUsed as error:
            raise CommandError(
                f"The key {key_id!r} stays: {error}. `manage.py rotate_keys` re-encrypts them."
            ) from error
        except OperationalError as error:
            raise CommandError(
                f"The key {key_id!r} stays: somebody has been writing for too long to be sure "
                "that nobody uses it. Try again."
            ) from error
        if ring.path is None:
            self.stdout.write(f"No value needs {key_id} any more: remove it from ENCRYPTION_KEYS.")
            return
        keyfile.change(ring.path, lambda text: without(text, key_id))
        ring.look()
        self.stdout.write(f"The key {key_id} is retired and no longer in {ring.path}.")


def _new_id(taken: set[str]) -> str:
    """Return today's date, or the date and a number, as the id of a key."""
    today = f"{timezone.now():%Y-%m-%d}"
    numbers = (f"{today}-{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (today, *numbers) if each not in taken)


@contextmanager
def _hasty() -> Iterator[None]:
    """Do not wait for the disk at each row: one that a crash undoes is done again.

    A key is retired by a commit that does wait, and with it for all before it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")
