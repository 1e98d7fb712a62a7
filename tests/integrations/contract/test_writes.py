"""Writes: done once, shown by the lists, and found again when their answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.commands import Command
from integrations.contract import SentWrite, State
from integrations.http.errors import PmsError
from integrations.quality import Rule
from integrations.queries import Resource
from tests.integrations.contract.practices import Practice
from tests.integrations.contract.writes import Desk


def test_what_was_booked_is_in_the_lists(practice: Practice, desk: Desk) -> None:
    practice.skip_unless(Rule.BOOKS)
    before, asked = set(desk.appointments()), desk.booking()
    _, id = desk.done(asked)
    assert set(desk.appointments()) - before == {id}, "one more, and its id is known"

    day = asked.starts_at.date()
    (record,) = [
        each
        for each in practice.read(Resource.APPOINTMENTS, first=day, last=day)
        if each.external_id == id
    ]
    assert (record.starts_at, record.ends_at) == (asked.starts_at, asked.ends_at)
    told = (record.patient_id, record.practitioner_id, record.location_id, record.operatory_id)
    assert told == (
        asked.patient_id,
        asked.practitioner_id,
        asked.location_id,
        asked.operatory_id,
    )
    assert (record.status, record.appointment_type_id) == ("booked", asked.type)
    assert asked.description in record.description


def test_what_was_booked_can_be_moved_and_cancelled(practice: Practice, desk: Desk) -> None:
    practice.skip_unless(Rule.BOOKS)
    _, id = desk.done(desk.booking())
    moved = desk.reschedule(id, days=3)
    desk.done(moved)
    truth = desk.appointments()[id]
    assert (truth["starts_at"], truth["ends_at"]) == (moved.starts_at, moved.ends_at)
    assert truth["status"] == "booked"

    desk.done(desk.cancel(id))
    assert desk.appointments()[id]["status"] == "cancelled"
    assert desk.appointments()[id]["starts_at"] == moved.starts_at


def test_a_patient_is_created_and_changed(practice: Practice, desk: Desk) -> None:
    practice.skip_unless(Rule.PATIENTS)
    before, asked = set(desk.patients()), desk.patient()
    _, id = desk.done(asked)
    assert set(desk.patients()) - before == {id}
    truth = desk.patients()[id]
    assert (truth["first_name"], truth["last_name"]) == (asked.first_name, asked.last_name)
    assert (truth["birth_date"], truth["email"]) == ("1984-12-10", asked.email)
    assert asked.phone[-9:] in "".join(filter(str.isdigit, truth["phone"]))

    desk.done(desk.rename(id, "Renamed"))
    assert desk.patients()[id] == truth | {"last_name": "Renamed"}


def test_a_write_prepared_twice_is_the_same_and_sends_nothing(
    practice: Practice, desk: Desk
) -> None:
    asked = desk.booking()
    before = practice.calls
    assert practice.adapter().prepare(asked) == practice.adapter().prepare(asked)
    assert practice.sandbox.control.calls()[before:] == [], "nothing was asked for it"


def test_no_address_of_a_write_holds_anything_of_a_patient(practice: Practice, desk: Desk) -> None:
    commands: list[Command] = [
        desk.booking(),
        desk.patient(),
        desk.rename("7", "Renamed"),
        desk.reschedule("7", 1),
    ]
    for command in commands:
        endpoint = practice.adapter().prepare(command).endpoint
        for word in ("Zo", "Newcomer", "Renamed", "1984", "example", "555", "Follow"):
            assert word not in endpoint


# --- Writes whose answer was lost ----------------------------------------------------------------


def lose(practice: Practice, command: Command, fault: str) -> SentWrite:
    """Send something and hear nothing."""
    prepared = practice.adapter().prepare(command)
    sent = SentWrite(prepared=prepared, sent_at=practice.now)
    practice.sandbox.control.fault(f"{prepared.method} {prepared.endpoint}", fault)
    with pytest.raises(PmsError) as caught:
        practice.adapter().submit(prepared)
    assert caught.value.may_have_happened
    practice.later(minutes=5)
    return sent


def commands(practice: Practice, desk: Desk) -> list[Command]:
    """Of each kind that the PMS takes, one to be lost."""
    _, id = desk.done(desk.booking(days=2))
    found: list[Command] = [desk.booking(), desk.reschedule(id, days=4), desk.cancel(id)]
    if "create_patient" in practice.manifest.operations:
        found.append(desk.patient())
    if "update_patient" in practice.manifest.operations:
        found.append(desk.rename(desk.model.patient_id, "Renamed"))
    return found


@pytest.mark.parametrize("fault", ["lost_answer", "garbage"])
def test_a_write_that_was_carried_out_unheard_is_found_once(
    practice: Practice, desk: Desk, fault: str
) -> None:
    practice.skip_unless(Rule.FINDS_LOST_WRITES)
    for command in commands(practice, desk):
        sent = lose(practice, command, fault)
        (found,) = practice.adapter().find([sent], practice.now)
        assert len(found.same) == 1, type(command).__name__
        adopted = replace(sent, reference=found.same[0])
        assert desk.follow(adopted).state is State.COMPLETED, type(command).__name__


def test_a_write_that_never_arrived_is_proved_absent(practice: Practice, desk: Desk) -> None:
    practice.skip_unless(Rule.FINDS_LOST_WRITES)
    before = desk.appointments(), desk.patients()
    for command in [desk.booking(), desk.patient()]:
        sent = lose(practice, command, "dropped_request")
        (found,) = practice.adapter().find([sent], practice.now)
        assert (found.same, found.similar, found.covered) == ((), (), True), type(command).__name__
    assert (desk.appointments(), desk.patients()) == before


def test_several_lost_writes_are_told_apart(practice: Practice, desk: Desk) -> None:
    practice.skip_unless(Rule.FINDS_LOST_WRITES)
    first = lose(practice, desk.booking(days=0), "lost_answer")
    never = lose(practice, desk.booking(days=1), "dropped_request")
    second = lose(practice, desk.booking(days=5), "lost_answer")
    found = practice.adapter().find([first, never, second], practice.now)
    assert [len(each.same) for each in found] == [1, 0, 1]
    assert found[0].same != found[2].same


def test_a_twin_that_somebody_else_booked_is_not_taken_for_two(
    practice: Practice, desk: Desk
) -> None:
    practice.skip_unless(Rule.FINDS_LOST_WRITES)
    desk.done(desk.booking())
    practice.later(hours=1)
    sent = lose(practice, desk.booking(days=4), "dropped_request")
    (found,) = practice.adapter().find([sent], practice.now)
    assert found.same == (), "an hour-old booking of the same patient is another one"


def test_references_of_writes_are_all_different(practice: Practice, desk: Desk) -> None:
    sent, id = desk.done(desk.booking())
    moved, _ = desk.done(desk.reschedule(id, days=3))
    practice.later(minutes=1)
    again, _ = desk.done(desk.reschedule(id, days=6))
    cancelled, _ = desk.done(desk.cancel(id))
    references = [each.reference for each in (sent, moved, again, cancelled)]
    assert len(set(references)) == 4
    assert all(references)


def test_outcomes_of_many_writes_are_told_together_and_of_no_others(
    practice: Practice, desk: Desk
) -> None:
    asked = [desk.ask(desk.booking(days=day))[0] for day in (0, 1, 4)]
    practice.later(minutes=5)
    told = dict(practice.adapter().outcomes(asked, practice.now))
    assert set(told) == {each.reference for each in asked}
    assert {outcome.state for outcome in told.values()} == {State.COMPLETED}
    ids = dict(practice.adapter().created_ids(asked, practice.now))
    assert set(ids) <= set(told)
    assert len(set(ids.values())) == len(ids)
    assert set(ids.values()) <= set(desk.appointments())


def test_a_write_that_nobody_knows_is_not_said_to_be_done(practice: Practice, desk: Desk) -> None:
    sent, _ = desk.ask(desk.booking())
    other = str.maketrans("0123456789", "1234567890")
    unknown = replace(sent, reference=sent.reference.translate(other))
    practice.later(minutes=5)
    told = dict(practice.adapter().outcomes([unknown], practice.now + timedelta(minutes=5)))
    assert all(outcome.state is not State.COMPLETED for outcome in told.values())
