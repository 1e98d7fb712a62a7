"""Single questions: one record, one person, free times; each only of a PMS that can be asked."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest

from clinics.records import PatientRecord, PmsRecord, Removed
from integrations.http.errors import Refused
from integrations.quality import Rule
from integrations.queries import Ability, FreeTimes, PatientQuery, Resource
from tests.integrations.contract.practices import Practice, of_truth
from tests.integrations.contract.writes import Desk

LOOK_UPS = [
    (Resource.PATIENTS, Ability.LOOK_UP_PATIENT),
    (Resource.APPOINTMENTS, Ability.LOOK_UP_APPOINTMENT),
]


def test_who_is_let_in_is_told_in_one_call(practice: Practice) -> None:
    practice.keys.current()
    before = practice.calls
    account = practice.adapter().verify()
    assert practice.calls == before + 1
    assert account.id
    assert account.id.isprintable()


@pytest.mark.parametrize(("resource", "ability"), LOOK_UPS)
def test_a_record_looked_up_is_the_record_of_its_list(
    practice: Practice, resource: Resource, ability: Ability
) -> None:
    practice.needs(ability)
    for listed in practice.read(resource)[::50]:
        found = practice.adapter().lookup(resource, listed.external_id)
        assert isinstance(found, PmsRecord)
        assert found.payload_hash() == listed.payload_hash(), "or each read would change it"


@pytest.mark.parametrize(("resource", "ability"), LOOK_UPS)
def test_what_there_is_not_is_removed(
    practice: Practice, resource: Resource, ability: Ability
) -> None:
    practice.needs(ability)
    assert practice.adapter().lookup(resource, "99999999") == Removed(external_id="99999999")


def test_what_was_deleted_is_removed(practice: Practice) -> None:
    practice.needs(Ability.LOOK_UP_APPOINTMENT)
    visit = sorted(practice.truth["appointments"])[-1]
    practice.change("appointment", "delete", visit)
    found = practice.adapter().lookup(Resource.APPOINTMENTS, visit)
    assert found == Removed(external_id=visit)


def people(practice: Practice) -> dict[str, dict[str, Any]]:
    return of_truth(practice.truth["patients"])


def ids(found: list[PatientRecord]) -> set[str]:
    return {record.external_id for record in found}


def test_a_person_is_found_by_email(practice: Practice) -> None:
    practice.needs(Ability.SEARCH_BY_EMAIL)
    known = people(practice)
    email = next(each["email"] for each in known.values() if each["email"])
    found = practice.adapter().search_patients(PatientQuery(email=email))
    assert ids(found) == {id for id, each in known.items() if each["email"] == email}
    nobody = PatientQuery(email="nobody@example.org")
    assert practice.adapter().search_patients(nobody) == []


def test_a_person_is_found_by_name_and_birth_date(practice: Practice) -> None:
    practice.needs(Ability.SEARCH_BY_NAME)
    id, one = next((id, each) for id, each in people(practice).items() if each["birth_date"])
    query = PatientQuery(
        first_name=one["first_name"],
        last_name=one["last_name"],
        birth_date=date.fromisoformat(one["birth_date"]),
    )
    assert id in ids(practice.adapter().search_patients(query))
    another = PatientQuery(
        first_name=one["first_name"], last_name=one["last_name"], birth_date=date(1901, 1, 1)
    )
    assert practice.adapter().search_patients(another) == []


def test_a_person_is_found_by_phone(practice: Practice) -> None:
    practice.needs(Ability.SEARCH_BY_PHONE)
    known = people(practice)
    id, one = next((id, each) for id, each in known.items() if each["phone"])
    found = practice.adapter().search_patients(PatientQuery(phone=one["phone"]))
    assert id in ids(found)
    assert len(found) < 10


def test_who_asks_for_nobody_is_shown_nobody(practice: Practice) -> None:
    before, found = practice.calls, []
    with suppress(Refused):  # or it says so
        found = practice.adapter().search_patients(PatientQuery())
    assert found == []
    assert practice.calls == before


def test_a_person_found_is_the_person_of_the_list(practice: Practice) -> None:
    practice.needs(Ability.SEARCH_BY_EMAIL)
    listed = {record.external_id: record for record in practice.read(Resource.PATIENTS)}
    email = next(each.email for each in listed.values() if each.email)
    for found in practice.adapter().search_patients(PatientQuery(email=email)):
        assert found.payload_hash() == listed[found.external_id].payload_hash()


# --- Free times ----------------------------------------------------------------------------------


@pytest.fixture
def asked(practice: Practice, desk: Desk) -> FreeTimes:
    practice.skip_unless(Rule.FREE_TIMES)
    booking = desk.booking()
    today = practice.now.astimezone(desk.zone).date()
    return FreeTimes(
        practitioner_id=booking.practitioner_id,
        location_id=booking.location_id,
        appointment_type=booking.type,
        first=today,
        last=today + timedelta(days=6),
        timezone=str(desk.zone),
        minutes=30,
    )


def test_free_times_are_ahead_in_order_and_of_the_days_asked_for(
    practice: Practice, desk: Desk, asked: FreeTimes
) -> None:
    found = practice.adapter().free_times(asked, practice.now)
    assert found
    starts = [each.starts_at for each in found]
    assert starts == sorted(set(starts))
    for each in found:
        assert practice.now < each.starts_at < each.ends_at
        assert asked.first <= each.starts_at.astimezone(desk.zone).date() <= asked.last


def test_free_times_are_free(practice: Practice, asked: FreeTimes) -> None:
    busy = [
        each
        for each in of_truth(practice.truth["appointments"]).values()
        if each["practitioner_id"] == asked.practitioner_id
        and each["status"] not in {"cancelled", "noshow"}
    ]
    for free in practice.adapter().free_times(asked, practice.now) or []:
        for each in busy:
            ends_at = free.starts_at + timedelta(minutes=asked.minutes)
            assert not (free.starts_at < each["ends_at"] and each["starts_at"] < ends_at)


def test_a_free_time_that_was_booked_is_free_no_more(
    practice: Practice, desk: Desk, asked: FreeTimes
) -> None:
    before = practice.adapter().free_times(asked, practice.now)
    assert before
    first = before[0].starts_at.astimezone(desk.zone)
    desk.done(desk.booking(starts_at=first))
    practice.later(minutes=5)
    after = practice.adapter().free_times(asked, practice.now)
    assert after is not None
    assert first not in {each.starts_at for each in after}
