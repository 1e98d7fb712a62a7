"""Reading the simulated Cliniko over real HTTP: lists, changes, and single questions."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    PatientRecord,
    PractitionerRecord,
    Removed,
)
from integrations.http.errors import NotAuthorized
from integrations.queries import PatientQuery, Resource
from integrations.sandbox import RunningSandbox
from tests.integrations.adapters.cliniko_practice import OFFICE, Practice, fresh

# --- Reading -------------------------------------------------------------------------------------


def test_a_key_tells_whose_account_it_is(practice: Practice) -> None:
    account = practice.cliniko.verify()
    assert account.name == "Harbour Street Physiotherapy"
    assert account.id == "1416204758020300000"
    assert practice.calls == 1


def test_a_revoked_key_is_rejected(practice: Practice) -> None:
    cliniko = practice.cliniko
    practice.sandbox.control.expire_keys(OFFICE)
    with pytest.raises(NotAuthorized):
        cliniko.verify()


def test_a_full_pass_tells_what_is_true_with_a_call_for_each_page(practice: Practice) -> None:
    practice.read(Resource.PATIENTS)
    # Each page after the first begins with the last record of the one before, not told again.
    assert practice.calls == 7
    practice.read(Resource.APPOINTMENTS)
    assert practice.calls == 9
    assert practice.told() == practice.truth
    assert practice.unreadable == []


def test_sites_stand_in_their_zones_and_inactive_practitioners_are_told(
    practice: Practice,
) -> None:
    sites = practice.read(Resource.LOCATIONS)
    assert all(isinstance(site, LocationRecord) for site in sites.values())
    assert {site.timezone for site in sites.values()} == {"Australia/Sydney", "Australia/Adelaide"}
    people = practice.read(Resource.PRACTITIONERS)
    assert all(isinstance(each, PractitionerRecord) for each in people.values())
    assert [each.last_name for each in people.values() if not each.is_active] == ["Ashby"]
    types = practice.read(Resource.APPOINTMENT_TYPES)
    assert [kind.name for kind in types.values() if not kind.is_active] == ["Hydrotherapy"]
    assert practice.calls == 4


def test_a_quiet_reading_of_changes_is_one_call_a_list_and_tells_nothing(
    practice: Practice,
) -> None:
    since = practice.now - timedelta(minutes=5)
    assert practice.read(Resource.PATIENTS, changed_since=since) == {}
    assert practice.read(Resource.APPOINTMENTS, changed_since=since) == {}
    assert practice.calls == 2


def test_whatever_people_do_in_cliniko_is_told_by_a_reading_of_changes(practice: Practice) -> None:
    practice.read(Resource.PATIENTS)
    practice.read(Resource.APPOINTMENTS)
    since = practice.now
    booked = [
        id for id, each in practice.truth["appointments"].items() if each["status"] == "booked"
    ]
    people = list(practice.truth["patients"])
    practice.sandbox.control.advance(60)
    for action, id in zip(
        ("cancel", "no_show", "complete", "archive", "delete"), booked, strict=False
    ):
        practice.change("appointment", action, id)
    far = practice.now + timedelta(days=70)
    practice.change("appointment", "update", booked[6], starts_at=far.isoformat())
    new = practice.change("appointment", "create", description="First visit")
    practice.change("patient", "update", people[0], email="new@example.org", phone="0491 570 157")
    practice.change("patient", "archive", people[1])
    practice.change("patient", "merge", people[2], into=people[3])
    practice.calls = 0
    practice.read(Resource.PATIENTS, changed_since=since)
    practice.read(Resource.APPOINTMENTS, changed_since=since)
    assert practice.calls == 2
    assert practice.told() == practice.truth
    appointments = practice.copy[Resource.APPOINTMENTS]
    assert [appointments[id].status for id in booked[:3]] == ["cancelled", "noshow", "arrived"]
    assert appointments[booked[0]].cancelled_at == practice.now
    assert not {booked[3], booked[4]} & set(appointments)
    assert appointments[new].description == "First visit"
    assert practice.copy[Resource.PATIENTS][people[1]].is_active is False
    assert people[2] not in practice.copy[Resource.PATIENTS]


def test_a_full_pass_tells_cancelled_appointments_and_leaves_out_archived_ones(
    practice: Practice,
) -> None:
    cancelled, archived, *_ = practice.truth["appointments"]
    practice.change("appointment", "cancel", cancelled)
    practice.change("appointment", "archive", archived)
    told = practice.read(Resource.APPOINTMENTS)
    assert told[cancelled].status == "cancelled"
    assert archived not in told
    assert len(told) == 146


def test_a_window_tells_the_appointments_of_its_dates_at_every_site(practice: Practice) -> None:
    sites = {id: site.timezone for id, site in practice.read(Resource.LOCATIONS).items()}
    start, end = date(2026, 3, 3), date(2026, 3, 9)
    told = practice.read(Resource.APPOINTMENTS, first=start, last=end, timezones=sites)
    wanted = {
        id
        for id, each in practice.truth["appointments"].items()
        if start
        <= datetime.fromisoformat(each["starts_at"])
        .astimezone(ZoneInfo(sites[each["location_id"]]))
        .date()
        <= end
    }
    assert wanted
    assert set(told) == wanted


ACTIONS = st.one_of(
    st.tuples(
        st.just("patient"),
        st.sampled_from(["create", "update", "archive", "unarchive", "merge"]),
        st.integers(0, 649),
    ),
    st.tuples(
        st.just("appointment"),
        st.sampled_from(["create", "update", "cancel", "no_show", "complete", "archive", "delete"]),
        st.integers(0, 146),
    ),
)
#: Steps of a history: something happens, and after that our copy is brought up to date or not.
HISTORIES = st.lists(st.tuples(st.lists(ACTIONS, max_size=4), st.booleans()), max_size=5)


def do(practice: Practice, action: tuple[str, str, int]) -> None:
    kind, what, number = action
    records = practice.truth[f"{kind}s"]
    ids = sorted(records)
    id = ids[number % len(ids)]
    values: dict[str, Any] = {}
    if what == "create":
        id = ""
    elif what == "update" and kind == "patient":
        values = {"last_name": f"Changed {number}", "phone": f"0491 570 {number:03d}"}
    elif what == "update":
        starts_at = practice.now + timedelta(days=number % 90, hours=1)
        values = {"starts_at": starts_at.isoformat(), "minutes": 15 + number}
    elif what == "merge":
        values = {"into": ids[(number + 1) % len(ids)]}
    practice.change(kind, what, id, **values)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(HISTORIES, HISTORIES)
def test_after_any_history_readings_of_changes_alone_tell_what_is_true(
    cliniko_sandbox: RunningSandbox,
    history: list[tuple[list[tuple[str, str, int]], bool]],
    meanwhile: list[tuple[list[tuple[str, str, int]], bool]],
) -> None:
    """The changes of `meanwhile` are made between the pages of the full pass."""
    practice = fresh(cliniko_sandbox)
    advance = cliniko_sandbox.control.advance
    since = practice.now
    waiting = iter(meanwhile)

    def between() -> None:
        advance(7)
        for action in next(waiting, ([], False))[0]:
            do(practice, action)

    practice.read(Resource.PATIENTS, between)
    practice.read(Resource.APPOINTMENTS, between)
    for actions, reads in [*history, ([], True)]:
        advance(60)
        for action in actions:
            do(practice, action)
        if reads:
            started = practice.now
            for resource in (Resource.PATIENTS, Resource.APPOINTMENTS):
                practice.read(resource, changed_since=since - timedelta(minutes=5))
            since = started
    assert practice.told() == practice.truth
    assert practice.unreadable == []


def test_one_record_is_read_by_its_id_cancelled_archived_or_gone(practice: Practice) -> None:
    cancelled, archived, *_ = practice.truth["appointments"]
    practice.change("appointment", "cancel", cancelled)
    practice.change("appointment", "archive", archived)
    inactive, merged, into, *_ = practice.truth["patients"]
    practice.change("patient", "archive", inactive)
    practice.change("patient", "merge", merged, into=into)
    cliniko = practice.cliniko
    practice.calls = 0
    record = cliniko.lookup(Resource.APPOINTMENTS, cancelled)
    assert isinstance(record, AppointmentRecord)
    assert record.status == "cancelled"
    assert cliniko.lookup(Resource.APPOINTMENTS, archived) == Removed(external_id=archived)
    patient = cliniko.lookup(Resource.PATIENTS, inactive)
    assert isinstance(patient, PatientRecord)
    assert patient.is_active is False
    removed = Removed(external_id=merged, merged_into=into)
    assert cliniko.lookup(Resource.PATIENTS, merged) == removed
    assert cliniko.lookup(Resource.PATIENTS, "1") == Removed(external_id="1")
    assert practice.calls == 5


def test_somebody_is_found_by_email_and_by_name_with_birth_date(practice: Practice) -> None:
    id, known = next(
        (id, each)
        for id, each in practice.truth["patients"].items()
        if each["email"] and each["birth_date"]
    )
    cliniko = practice.cliniko
    by_email = cliniko.search_patients(PatientQuery(email=known["email"]))
    assert id in [record.external_id for record in by_email]
    by_name = cliniko.search_patients(
        PatientQuery(
            first_name=known["first_name"],
            last_name=known["last_name"],
            birth_date=date.fromisoformat(known["birth_date"]),
        )
    )
    assert id in [record.external_id for record in by_name]
    assert cliniko.search_patients(PatientQuery(email="nobody@example.org")) == []
