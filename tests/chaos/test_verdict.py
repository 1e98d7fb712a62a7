"""The comparison itself: each thing that must not be is found, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.asks import Ask, Effect
from tests.chaos.load import Answer
from tests.chaos.verdict import Books, Verdict, judge

WORDS = {"description": "Fault run 00001", "time": "09:00"}
EFFECT = Effect("book", "D1", "POST", "appointments", WORDS, shows=WORDS)


def ask(**changes: Any) -> Ask:
    given = {"number": 1, "kind": "book", "key": "k1", "method": "POST", "path": "p", "body": {}}
    return Ask(**{**given, "effects": (EFFECT,), **changes})


def accepted(**changes: Any) -> Answer:
    return Answer(ask(**changes), status=202, body={"id": "w1"}, ids={"w1"}, attempts=1)


def refused(code: str, **changes: Any) -> Answer:
    return Answer(ask(**changes), status=409, body={"error": {"code": code}}, attempts=1)


def writeback(**changes: Any) -> dict[str, Any]:
    return {
        "id": "w1", "key": "k1", "office": "D1", "after": "", "operation": "book",
        "status": "completed", "external_id": "7", "created_id": "70", "method": "POST",
        "endpoint": "/appointment", "body": WORDS, "failure_code": "", "error_message": "",
        "waiting_for": "", "due_at": "", "events": [["t", "done", "completed", ""]], **changes,
    }  # fmt: skip


def write(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7, "state": "completed", "method": "POST", "api": "appointments", "target": "",
        "body": WORDS, "result": "inserted", "created_id": "70", **changes,
    }  # fmt: skip


def trace(**changes: Any) -> dict[str, Any]:
    made = {"writeback_id": 7, "kind": "appointment", "id": "70", "version": 1}
    return {**made, "before": None, "after": {**WORDS, "status": "Unconfirmed"}, **changes}


def found(
    answers: list[Answer], rows: list[dict], writes: list[dict], traces: list[dict], held: int = 0
) -> Verdict:
    told = {"writebacks": rows, "holds": held}
    books = Books.of({"offices": {"D1": {"writebacks": writes, "traces": traces}}})
    return judge(answers, told, books)


def test_a_booking_that_is_confirmed_and_stands_there_once_is_as_it_must_be() -> None:
    verdict = found([accepted()], [writeback()], [write()], [trace()])
    assert verdict.clean
    assert verdict.statuses == {"completed": 1}


@pytest.mark.parametrize(
    ("kind", "row", "writes", "traces"),
    [
        ("untrue", writeback(), [], []),
        ("untrue", writeback(), [write(state="failed")], []),
        ("untrue", writeback(), [write()], []),
        ("untrue", writeback(), [write()], [trace(after={**WORDS, "time": "10:00"})]),
        ("untrue", writeback(), [write()], [trace(kind="patient")]),
        ("unidentified", writeback(created_id=""), [write()], [trace()]),
        ("unidentified", writeback(created_id="71"), [write()], [trace()]),
        ("doubled", writeback(), [write(), write(id=8)], [trace()]),
        ("doubled", writeback(), [write()], [trace(), trace(version=2)]),
        ("orphan", writeback(external_id="", status="queued"), [write()], [trace()]),
        ("untrue", writeback(body={"time": "11:00"}), [write()], [trace()]),
        (
            "untrue",
            writeback(status="failed", failure_code="refused"),
            [write(state="failed")],
            [],
        ),
        ("untrue", writeback(status="failed", failure_code="refused"), [write()], [trace()]),
        (
            "untrue",
            writeback(status="failed", failure_code="pms_failed", error_message="Locked"),
            [write(state="failed", result="Full")],
            [],
        ),
        ("untrue", writeback(status="failed", failure_code="pms_failed", external_id=""), [], []),
        ("untrue", writeback(status="failed", failure_code="bored", external_id=""), [], []),
        ("untrue", writeback(status="cancelled"), [write()], [trace()]),
        (
            "still open",
            writeback(status="pending", waiting_for="pms"),
            [write(state="pending")],
            [],
        ),
    ],
)
def test_what_the_books_contradict_is_found(
    kind: str, row: dict, writes: list[dict], traces: list[dict]
) -> None:
    verdict = found([accepted()], [row], writes, traces)
    assert verdict.faults[kind] >= 1
    assert not verdict.clean


@pytest.mark.parametrize(
    ("row", "writes"),
    [
        (
            writeback(status="failed", failure_code="pms_failed", error_message="It says: Full"),
            [write(state="failed", result="Full")],
        ),
        (writeback(status="failed", failure_code="not_delivered", external_id=""), []),
        (writeback(status="cancelled", external_id=""), []),
        (writeback(status="cancelled"), [write(state="withdrawn")]),
    ],
)
def test_what_failed_for_a_true_reason_and_is_not_there_is_as_it_must_be(
    row: dict, writes: list[dict]
) -> None:
    assert found([accepted()], [row], writes, []).clean


def test_an_accepted_ask_without_a_writeback_is_lost() -> None:
    assert found([accepted()], [], [], []).faults == {"lost": 1}


def test_an_ask_that_nobody_answered_is_found() -> None:
    assert found([Answer(ask(), attempts=3)], [], [], []).faults == {"unanswered": 1}


def test_a_key_that_was_answered_with_two_writebacks_is_found() -> None:
    answer = accepted()
    answer.ids.add("w2")
    verdict = found([answer], [writeback()], [write()], [trace()])
    assert verdict.faults == {"two writebacks": 1}


def test_a_refusal_must_have_a_reason_that_the_ask_gives_and_leave_nothing_behind() -> None:
    taken = frozenset({"slot_taken"})
    assert found([refused("slot_taken", may_be_refused=taken)], [], [], []).clean
    assert found([refused("not_found", may_be_refused=taken)], [], [], []).faults == {"refused": 1}
    verdict = found(
        [refused("slot_taken", may_be_refused=taken)], [writeback()], [write()], [trace()]
    )
    assert verdict.faults == {"refused but kept": 1, "refused but written": 1}


def test_two_confirmed_visits_in_one_slot_are_a_double_booking() -> None:
    other = Effect("book", "D1", "POST", "appointments", {"description": "2"})
    second = accepted(number=2, key="k2", slot="s", effects=(other,))
    second.ids = {"w2"}
    verdict = found(
        [accepted(slot="s"), second],
        [
            writeback(),
            writeback(
                id="w2", key="k2", external_id="8", created_id="71", body={"description": "2"}
            ),
        ],
        [write(), write(id=8, created_id="71", body={"description": "2"})],
        [trace(), trace(writeback_id=8, id="71", after={"description": "2"})],
    )
    assert verdict.faults == {"double booking": 1}


def test_a_new_patients_booking_must_be_for_the_patient_that_was_made() -> None:
    person = Effect("create_patient", "D1", "POST", "patients", {"lastname": "A"}, kind="patient")
    first = writeback(
        id="w0", key="", operation="create_patient", external_id="6", created_id="30",
        body={"lastname": "A"},
    )  # fmt: skip
    made = write(id=6, api="patients", created_id="30", body={"lastname": "A"})
    begun = trace(writeback_id=6, kind="patient", id="30", after={"lastname": "A"})
    answer = accepted(effects=(person, EFFECT))

    def verdict(patient: str) -> Verdict:
        body = {**WORDS, "patient_id": patient}
        rows = [first, writeback(after="w0", body=body)]
        return found([answer], rows, [made, write(body=body)], [begun, trace()])

    assert verdict("30").clean
    assert verdict("31").faults == {"untrue": 1}


def test_one_that_waits_for_a_person_is_told_apart_and_a_kept_slot_of_an_ended_one_is_found() -> (
    None
):
    row = writeback(status="unconfirmed", external_id="", waiting_for="person")
    verdict = found([accepted()], [row], [], [], held=1)
    assert verdict.clean
    assert len(verdict.to_decide) == 1
    ended = found([accepted()], [writeback()], [write()], [trace()], held=1)
    assert ended.faults == {"held": 1}
