"""Where a writeback stands, in one sentence: why it waits, and until when on the clinic's clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clinics import hours
from integrations.http import errors
from integrations.models import Integration
from tests import make
from tests.conftest import START, Clock
from writebacks import pace
from writebacks.wording import FAILURES, REASONS, SHORT, situation, why

pytestmark = pytest.mark.django_db
SOON = START + timedelta(minutes=5)  # 10:05 in New York
SENT = {"status": "pending", "external_id": "1", "submitted_at": START}
NIGHT = START.replace(hour=7) + timedelta(days=1)  # 2:00 in New York


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "It is about to be sent."),
        (
            {"waiting_for": "waiting_for_budget", "due_at": SOON},
            "This window's calls are used up. It is sent at 10:05:00; nothing has reached the PMS.",
        ),
        (
            {"waiting_for": "earlier_write", "due_at": None},
            "Another one has to be completed first. Nothing of it has reached the PMS.",
        ),
        ({"status": "submitting"}, "It is being sent right now."),
        (
            SENT | {"due_at": SOON},
            "The PMS has it and is at work; we ask at 10:05:00 what became of it.",
        ),
        (
            SENT | {"due_at": SOON, "waiting_for": "pms_away"},
            "The PMS has it. The PMS failed several times and is left alone for a while; we ask "
            "again at 10:05:00.",
        ),
        (
            SENT | {"due_at": SOON, "withdraw_asked_at": START},
            "The PMS has it and is asked at 10:05:00 to take it back.",
        ),
        (
            SENT | {"due_at": SOON, "withdraw_asked_at": START, "waiting_for": "not_reached"},
            "The PMS has it. The PMS could not be reached; it is asked at 10:05:00 to take it "
            "back.",
        ),
        (
            {"status": "unconfirmed", "waiting_for": "no_answer", "due_at": SOON},
            "The PMS did not answer. It may or may not stand in the PMS. We look for it at "
            "10:05:00.",
        ),
        (
            {"status": "unconfirmed", "waiting_for": "pms", "due_at": NIGHT},
            "The PMS has not finished it. It may or may not stand in the PMS. We look for it on "
            "06 Mar at 02:00:00, in the night's catch-up.",
        ),
        (
            {"status": "unconfirmed", "waiting_for": "person", "due_at": None},
            "Asking the PMS does not settle it; somebody has to look there and decide. It may or "
            "may not stand in the PMS.",
        ),
        (
            {"status": "completed", "completed_at": START, "due_at": None},
            "The PMS confirmed it at 10:00:00.",
        ),
        (
            {"status": "completed", "completed_at": START, "due_at": SOON},
            "The PMS confirmed it at 10:00:00. The id of what it created is read at 10:05:00, with "
            "those of others.",
        ),
        (
            {"status": "cancelled", "completed_at": START, "due_at": None},
            "It was withdrawn before it took effect.",
        ),
    ],
)
def test_one_sentence_says_where_it_stands_and_until_when(
    integration: Integration, fields: dict[str, Any], sentence: str
) -> None:
    assert situation(make.writeback(integration, **fields), START) == sentence


def test_the_nights_catch_up_is_the_one_that_the_hours_say(integration: Integration) -> None:
    assert hours.next_catch_up(START, integration.clinic.zone) == NIGHT


def test_a_check_that_is_put_off_to_spare_calls_says_so_by_day(
    integration: Integration, clock: Clock
) -> None:
    while pace.may_ask(integration, clock.now):
        pass
    integration.refresh_from_db()
    own_turn = make.writeback(integration, **SENT, due_at=START + timedelta(seconds=30))
    put_off = make.writeback(
        integration, **SENT | {"external_id": "2"}, due_at=pace.next_at(integration, START)
    )
    assert "made together" not in situation(own_turn, START)
    assert situation(put_off, START) == (
        "The PMS has it and is at work. By day this practice's checks are made together, to leave "
        "its calls for people; we ask at 10:15:00 what became of it."
    )
    assert "made together" not in situation(put_off, START.replace(hour=9)), "4:00 in New York"


def test_only_who_may_read_patients_data_is_told_the_pmss_own_words(
    integration: Integration,
) -> None:
    ended = {"status": "failed", "completed_at": START, "due_at": None}
    failed = make.writeback(
        integration, **ended, failure_code="refused", error_message="Ada Invented is unknown."
    )
    assert situation(failed, START) == "It failed: Ada Invented is unknown."
    assert situation(failed, START, quoting=False) == "The PMS refused it."
    unheard_of = make.writeback(integration, **ended, failure_code="new", error_message="Ada")
    assert situation(unheard_of, START, quoting=False) == "It failed."


def test_a_column_says_it_in_a_few_words(integration: Integration) -> None:
    assert why(make.writeback(integration)) == ""
    assert why(make.writeback(integration, waiting_for="agent_offline")) == "agent offline"
    assert why(make.writeback(integration, waiting_for="brand_new")) == "brand_new"
    withdrawn = SENT | {"withdraw_asked_at": START}
    assert why(make.writeback(integration, **withdrawn)) == "being withdrawn"
    unread = {"status": "completed", "completed_at": START, "due_at": SOON}
    assert why(make.writeback(integration, **unread)) == "id to be read"


def test_every_reason_that_a_call_can_fail_for_has_words() -> None:
    codes = {each.code for each in errors.PmsError.__subclasses__()}
    assert codes - set(REASONS) == set()
    assert set(SHORT) == set(REASONS)
    assert {"refused", "pms_failed", "not_delivered", "earlier_failed", "decided_failed"} == set(
        FAILURES
    )
