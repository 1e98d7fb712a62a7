"""An operator asks the PMS from the command line, while the workers do their own."""

from __future__ import annotations

import io

from django.core.management import call_command

from tests import make
from tests.flows.practices import Practice


def reconcile(*arguments: str) -> str:
    out = io.StringIO()
    call_command("writebacks", "reconcile", *arguments, stdout=out)
    return out.getvalue()


def test_reconcile_asks_the_pms_here_and_now(practice: Practice) -> None:
    writeback = practice.book()
    practice.clock.advance(25)
    asked = len(practice.calls())
    told = reconcile(str(writeback.pk)[:8])
    assert "pending → completed. The PMS confirmed it at 10:00:25." in told
    assert len(practice.calls()) > asked
    assert practice.see(writeback)["status"] == "completed"
    asked = len(practice.calls())
    told = reconcile(str(writeback.pk)[:8])
    assert "completed, so the PMS was not asked." in told
    assert reconcile("--all") == "Nothing is pending or unconfirmed.\n"
    assert len(practice.calls()) == asked


def test_reconcile_finds_what_was_lost_and_sends_nothing_again(
    practice: Practice,
) -> None:
    practice.sandbox.control.fault("POST /appointment", "lost_answer")
    writeback = practice.book()
    other = make.writeback(make.integration(make.clinic()), status="unconfirmed")
    told = reconcile("--clinic", practice.integration.clinic.name)
    assert "unconfirmed → pending." in told
    assert practice.see(writeback)["status"] == "pending"
    assert practice.calls().count("POST /appointment") == 1
    other.refresh_from_db()
    assert (other.status, other.look_count, other.ask_failures) == ("unconfirmed", 0, 0)


def test_a_worker_who_was_quicker_does_no_harm(practice: Practice) -> None:
    writeback = practice.book()
    practice.pass_time(35)
    before = practice.events(writeback)
    assert practice.see(writeback)["status"] == "completed"
    told = reconcile(str(writeback.pk), str(writeback.pk)[:8])
    assert told.count("completed, so the PMS was not asked.") == 2
    assert practice.events(writeback) == before
