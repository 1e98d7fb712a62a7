"""`manage.py writebacks` as an operator at a terminal meets it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.http import errors
from integrations.models import Integration
from tenancy import scope
from tests import make
from tests.conftest import START, Clock
from writebacks import handing_on, polling
from writebacks.models import Writeback
from writebacks.states import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What workers are given to do, by the name of the task."""
    given: list[str] = []
    monkeypatch.setattr(handing_on, "_enqueue", lambda task, *of: given.append(task.__name__))
    return given


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("writebacks", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("writebacks", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert caught.value.returncode == 1
    return str(caught.value)


def listed(*arguments: str) -> set[str]:
    """The ids that a list shows, in full."""
    return {row["id"] for row in json.loads(run("list", "--json", *arguments))}


def ids(*writebacks: Writeback) -> set[str]:
    return {str(each.pk) for each in writebacks}


def failed(integration: Integration, **fields: Any) -> Writeback:
    ended = {"status": "failed", "failure_code": "refused", "due_at": None}
    return make.writeback(integration, **ended | {"completed_at": timezone.now()} | fields)


def test_the_list_is_a_table_that_says_why_each_one_waits(
    integration: Integration, clock: Clock
) -> None:
    offline = make.writeback(
        integration,
        waiting_for="agent_offline",
        created_at=START - timedelta(minutes=3),
        due_at=START + timedelta(seconds=20),
    )
    late = make.writeback(
        integration, created_at=START - timedelta(hours=2), due_at=START - timedelta(minutes=4)
    )
    name = integration.clinic.name
    lines = [re.split(r"\s{2,}", line) for line in run("list").strip().splitlines()]
    assert lines == [
        ["id", "clinic", "operation", "status", "why it waits", "age", "due"],
        [
            str(offline.pk)[:8],
            name,
            "Book appointment",
            "queued",
            "agent offline",
            "3 min",
            "in 20 s",
        ],
        [str(late.pk)[:8], name, "Book appointment", "queued", "–", "2 h", "4 min ago"],
    ]


def test_the_list_is_narrowed_by_what_is_asked(integration: Integration, clock: Clock) -> None:
    other = make.integration(make.clinic())
    fresh = make.writeback(integration, due_at=START + timedelta(minutes=1))
    old = make.writeback(
        other, operation="cancel", created_at=START - timedelta(days=2), due_at=START
    )
    late = make.writeback(integration, due_at=START - timedelta(minutes=2))
    waiting = make.writeback(other, after=old, waiting_for="earlier_write", due_at=None)
    parked = make.writeback(other, status="unconfirmed", waiting_for="person", due_at=None)
    ended = failed(integration)
    assert listed() == ids(fresh, old, late, waiting, parked, ended)
    assert listed("--stuck") == ids(late, parked)
    assert listed("--clinic", integration.clinic.name.upper()) == ids(fresh, late, ended)
    assert listed("--clinic", str(other.clinic_id)) == ids(old, waiting, parked)
    assert listed("--clinic", str(other.clinic_id)[:13]) == ids(old, waiting, parked)
    assert listed("--operation", "cancel") == ids(old)
    assert listed("--status", "failed", "--status", "unconfirmed") == ids(parked, ended)
    assert listed("--since", "1d") == ids(fresh, late, waiting, parked, ended)
    assert listed("--since", "2030-03-03T15:00") == ids(fresh, old, late, waiting, parked, ended)
    assert listed("--since", "2030-03-03T15:01") == ids(fresh, late, waiting, parked, ended)
    assert listed("--stuck", "--clinic", integration.clinic.name) == ids(late)
    assert run("list", "--status", "submitting") == "There are none.\n"


def test_a_long_list_says_that_there_are_more(integration: Integration) -> None:
    for _ in range(3):
        make.writeback(integration)
    assert "These are the newest 2; --limit shows more." in run("list", "--limit", "2")
    assert len(listed("--limit", "2")) == 2
    assert "newest" not in run("list", "--limit", "3")


def test_no_word_of_a_patient_leaves_by_the_command_line(integration: Integration) -> None:
    writeback = failed(integration, error_message="Ada Invented is unknown.")
    with scope.organizations(integration.organization_id):
        make.writeback(integration, after=writeback).advance(
            Event.CANCELLED, timezone.now(), note="Ada Invented called."
        )
    said = [run("list"), run("list", "--json")]
    for each in Writeback.objects.all():
        said += [run("show", str(each.pk)), run("show", str(each.pk), "--json")]
    assert "The PMS refused it." in "".join(said)
    for words in ("Ada", "Invented", "Check-up", "Mara"):
        assert words not in "".join(said)


def test_a_story_is_told_in_words_with_its_timeline(integration: Integration, clock: Clock) -> None:
    desk = make.member(integration.organization)
    first = make.writeback(integration, requested_by=desk, created_at=START)
    second = make.writeback(integration, after=first, waiting_for="earlier_write", due_at=None)
    first.advance(Event.CLAIMED, START, attempts=1)
    first.advance(
        Event.ACCEPTED,
        START + timedelta(seconds=2),
        calls=1,
        external_id="275495",
        due_at=START + timedelta(seconds=32),
    )
    told = run("show", str(first.pk)[:8])
    assert told.startswith(
        f"Book appointment {first.pk}\n"
        "pending: The PMS has it and is at work; we ask at 10:00:32 what became of it.\n"
    )
    facts = dict(re.findall(r"^  (\S[^\n]*?)\s{2,}(\S.*)$", told.split("Timeline")[0], re.M))
    assert facts == {
        "clinic": f"{integration.clinic.name} ({integration.clinic_id})",
        "PMS": f"Sikka ONE API v4 {integration.account}",
        "asked by": f"user {desk.pk}",
        "its id in the PMS": "275495",
        "attempts": "1",
        "checks": "0",
        "calls": "1",
        "waited for by": str(second.pk),
    }
    timeline = told.split("Timeline (America/New_York)\n")[1].splitlines()
    assert [re.split(r"\s{2,}", line.strip()) for line in timeline] == [
        ["2030-03-05 10:00:00", "submitting", "being sent"],
        ["2030-03-05 10:00:02", "+2 s", "pending", "accepted by the PMS, 1 call"],
    ]
    story = json.loads(run("show", str(second.pk), "--json"))
    assert (story["after"], story["events"]) == (str(first.pk), [])


def test_an_id_that_is_none_or_several_is_refused_with_what_to_do(
    integration: Integration,
) -> None:
    twins = [
        make.writeback(integration, pk=UUID(f"abcdef01-0000-4000-8000-00000000000{number}"))
        for number in (1, 2)
    ]
    message = refusal("show", "abcdef")
    assert message.startswith("'abcdef' begins several ids: ")
    assert all(str(each.pk) in message for each in twins)
    assert refusal("show", "0000ffff") == (
        "There is no writeback whose id begins with '0000ffff'; `manage.py writebacks list` shows "
        "those that there are."
    )
    assert "no writeback" in refusal("retry", "Robert'); --")
    assert "There is no clinic 'Nowhere'. There are: " in refusal("list", "--clinic", "Nowhere")
    assert refusal("reconcile") == "Say which: by their IDs, with --clinic, or with --all."
    assert "Say which" in refusal("reconcile", "abcdef", "--all")
    for wrong in (["--since", "yesterday"], ["--limit", "0"], ["--status", "lost"]):
        with pytest.raises(CommandError):
            call_command("writebacks", "list", *wrong)


def test_failed_ones_are_asked_for_again_as_nobody_and_the_story_says_how(
    integration: Integration,
    handed_on: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    first, second = failed(integration), failed(integration)
    with django_capture_on_commit_callbacks(execute=True):
        told = run("retry", str(first.pk)[:12], str(second.pk))
    for writeback in (first, second):
        new = Writeback.objects.get(retry_of=writeback)
        assert f"{str(writeback.pk)[:8]}  asked for again as {new.pk}\n" in told
        assert (new.status, new.requested_by, new.requested_by_key) == ("queued", None, None)
        (event,) = new.events.all()
        assert (event.person, event.note) == (
            None,
            "Asked for again with manage.py writebacks retry.",
        )
    assert handed_on == ["submit", "submit"]
    assert "by the command line" in run("show", str(new.pk))


def test_what_cannot_be_asked_for_again_holds_up_no_other_and_ends_with_1(
    integration: Integration, handed_on: list[str]
) -> None:
    queued, ended = make.writeback(integration), failed(integration)
    assert refusal("retry", str(queued.pk), str(ended.pk)).startswith(
        "1 could not be asked for again;"
    )
    assert Writeback.objects.get(retry_of=ended)
    refusal("retry", str(ended.pk))
    assert Writeback.objects.count() == 3


def test_a_pms_that_cannot_be_asked_makes_the_command_fail_and_say_why(
    integration: Integration, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise errors.CircuitOpen("It is left alone.", retry_at=START + timedelta(minutes=4))

    monkeypatch.setattr(polling, "open_session", away)
    rows = [
        make.writeback(integration, status="pending", external_id="1", submitted_at=START),
        make.writeback(make.integration(make.clinic()), status="unconfirmed"),
    ]
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 could not be asked about") as caught:
        call_command("writebacks", "reconcile", "--all", stdout=out)
    assert caught.value.returncode == 1
    assert out.getvalue().count("left alone for a while") == 2
    for row in rows:
        row.refresh_from_db()
        assert row.due_at == START + timedelta(minutes=4)


def test_stopping_it_says_that_nothing_is_lost(
    integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(polling, "open_session", stopped)
    make.writeback(integration, status="pending", external_id="1")
    with pytest.raises(CommandError, match="Stopped") as caught:
        run("reconcile", "--all")
    assert caught.value.returncode == 130
