"""Sealing and verifying as they are run: by command, by several at once, and killed in between."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from threading import Event as Flag
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from audit import chain, entries, verify
from audit.models import Action, Entry, Pending, Seal
from tenancy.scope import everywhere
from tests.audit.conftest import by_hand, findings, write
from tests.integrations.threads import at_once

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, int, str]:
    """Run the command; return what it printed, its exit code and its last words."""
    out = StringIO()
    try:
        call_command("audit", *arguments, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode, str(error)
    return out.getvalue(), 0, ""


def test_the_command_seals_verifies_and_fails_on_any_finding() -> None:
    (entry_id,) = write()
    assert run("verify") == ("there is no seal yet\nnothing was altered\n", 0, "")
    assert run("seal") == ("entries sealed: 1\n", 0, "")
    with everywhere():
        kept = verify.last_seal()
    assert run("verify") == (f"last seal {kept}\nnothing was altered\n", 0, "")
    assert run("verify", "--expect", str(kept))[1] == 0
    by_hand("DELETE FROM audit_entries WHERE id = %s", entry_id)
    missing = f"Entry {entry_id} is missing; seal 1 holds it.\nlast seal {kept}\n"
    assert run("verify") == (missing, 1, "1 finding")


@pytest.mark.parametrize("text", ["", "3", "3:", "3:abcd", "x:" + "0" * 64, "3:" + "g" * 64])
def test_a_note_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="NUMBER:HASH"):
        call_command("audit", "verify", "--expect", text)


@pytest.mark.django_db(transaction=True)
def test_sealers_at_once_seal_each_entry_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 7)
    ids = write(100)
    done = at_once(6, lambda _: sum(chain.seal(timezone.now()) for _ in range(20)))
    assert sum(done) == 100
    assert sorted(pk for each in Seal.objects.all() for pk in each.entry_ids) == ids
    assert findings() == []


@pytest.mark.django_db(transaction=True)
def test_writers_and_sealers_at_once_leave_a_whole_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 3)

    def work(number: int) -> None:
        for _ in range(20):
            if number % 2:
                chain.seal(timezone.now())
            else:
                entries.write(Action.VIEW, "patient")

    at_once(6, work)
    chain.seal(timezone.now())
    assert Entry.objects.count() == 60
    assert findings() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at", ["audit.chain.digests", "audit.chain.seal_hash"])
def test_a_sealer_that_dies_in_the_middle_loses_nothing(at: str) -> None:
    ids = write(3)
    with patch(at, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        chain.seal(timezone.now())
    assert (Seal.objects.count(), Pending.objects.count()) == (0, 3)
    assert chain.seal(timezone.now()) == 3
    assert Seal.objects.get().entry_ids == ids


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_late_is_in_a_later_seal() -> None:
    late, sealed = at_once(2, _late_and_sealer(write))
    assert late < sealed
    assert chain.seal(timezone.now()) == 1
    assert [each.entry_ids for each in Seal.objects.all()] == [[sealed], [late]]
    assert findings() == []


def _late_and_sealer(write: Callable[..., list[int]]) -> Callable[[int], int]:
    """One thread writes first and commits last; the other writes and seals in between."""
    written, done = Flag(), Flag()

    def work(number: int) -> Any:
        if number == 0:
            with transaction.atomic():
                (entry_id,) = write()
                written.set()
                assert done.wait(10)
            return entry_id
        assert written.wait(10)
        (entry_id,) = write()
        assert chain.seal(timezone.now()) == 1
        done.set()
        return entry_id

    return work
