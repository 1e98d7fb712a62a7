"""The adapter and the simulated service over real HTTP, in every way that the service can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.records import AppointmentRecord, PatientRecord, Removed
from integrations.adapters.rest.adapter import Rest
from integrations.commands import (
    BookAppointment,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import Lookup, SentWrite, State
from integrations.http.errors import NoAnswer, NotAuthorized, Refused, Throttled
from integrations.queries import Feed, FreeTimes, PatientQuery, Resource
from tests.integrations.adapters.rest.conftest import House, read
from tests.integrations.guards import NOW

CHICAGO = ZoneInfo("America/Chicago")
STYLES = ("page", "offset", "cursor", "link")
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **{style: {"paging": {"style": style}} for style in STYLES},
    "link header": {"paging": {"style": "link", "next": "header:Link"}},
}
#: A Wednesday, at nine in Chicago.
NINE = datetime(2030, 3, 6, 9, 0, tzinfo=CHICAGO)


def zones(rest: Rest) -> dict[str, str]:
    sites = read(rest, Feed(resource=Resource.LOCATIONS))
    return {each.external_id: each.timezone for each in sites}


def listed(rest: Rest, resource: Resource, **bounds: Any) -> list[Any]:
    return read(rest, Feed(resource=resource, timezones=zones(rest), **bounds))


def in_words_of_truth(records: list[Any]) -> dict[str, Any]:
    """Our records as the sandbox tells what is true."""
    found = {}
    for each in records:
        if isinstance(each, PatientRecord):
            found[each.external_id] = {
                "first_name": each.first_name,
                "last_name": each.last_name,
                "birth_date": each.birth_date.isoformat() if each.birth_date else "",
                "email": each.email,
                "phone": each.phone,
                "is_active": each.is_active,
            }
        elif isinstance(each, AppointmentRecord):
            found[each.external_id] = {
                "patient_id": each.patient_id,
                "practitioner_id": each.practitioner_id,
                "location_id": each.location_id,
                "starts_at": each.starts_at.isoformat(),
                "ends_at": each.ends_at.isoformat(),
                "status": each.status,
                "description": each.description,
            }
        else:
            assert isinstance(each, Removed)
    return found


def booking(house: House, **changes: Any) -> BookAppointment:
    usual = BookAppointment(
        patient_id=next(iter(house.truth["patients"])),
        practitioner_id="101",
        operatory_id="",
        location_id="11",
        starts_at=NINE,
        ends_at=NINE + timedelta(minutes=30),
        description="Knee; see #7+8? Zoë",
        type="302",
    )
    return dataclasses.replace(usual, **changes)


# --- Reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("zoned", [True, False])
def test_every_list_is_as_it_is_in_truth_in_the_fewest_calls(
    house: House, style: str, zoned: bool
) -> None:
    house.control.knobs(rest_paging=style, rest_zoned=zoned)
    rest = house.rest(OPTIONS[style])
    truth = house.truth
    assert in_words_of_truth(listed(rest, Resource.PATIENTS)) == truth["patients"]
    assert in_words_of_truth(listed(rest, Resource.APPOINTMENTS)) == truth["appointments"]
    # 650 clients and 147 appointments at 100 a page, and the one site for each of the two.
    assert house.calls == 7 + 2 + 2


def test_the_next_page_may_be_told_in_a_header(house: House) -> None:
    house.control.knobs(rest_paging="link")
    patients = listed(house.rest(OPTIONS["link header"]), Resource.PATIENTS)
    assert in_words_of_truth(patients) == house.truth["patients"]


def test_two_sites_share_an_account(houses: list[House]) -> None:
    rest = houses[1].rest()
    assert zones(rest) == {"11": "America/Vancouver", "12": "America/Vancouver"}
    visits = listed(rest, Resource.APPOINTMENTS)
    assert in_words_of_truth(visits) == houses[1].truth["appointments"]


def test_what_changed_is_told_and_little_else(house: House) -> None:
    patients, visits = house.truth["patients"], house.truth["appointments"]
    since = house.control.advance(3600)
    house.control.advance(60)
    changed = list(patients)[300]
    house.control.change(house.id, "patient", "update", changed, phone="312-555-0199")
    cancelled = next(each for each, visit in visits.items() if visit["status"] == "booked")
    house.control.change(house.id, "appointment", "cancel", cancelled)
    rest = house.rest()
    (patient,) = listed(rest, Resource.PATIENTS, changed_since=since)
    assert (patient.external_id, patient.phone) == (changed, "312-555-0199")
    assert patient.changed_at == since + timedelta(seconds=60)
    (visit,) = listed(rest, Resource.APPOINTMENTS, changed_since=since)
    assert (visit.external_id, visit.status) == (cancelled, "cancelled")


def test_what_was_deleted_is_told_where_the_service_tells_it(house: House) -> None:
    gone = next(iter(house.truth["patients"]))
    since = house.control.advance(60)
    house.control.change(house.id, "patient", "delete", gone)
    rest = house.rest()
    assert listed(rest, Resource.PATIENTS, changed_since=since) == []
    assert rest.lookup(Resource.PATIENTS, gone) == Removed(external_id=gone)
    house.control.knobs(rest_tells_deletions=True)
    assert listed(rest, Resource.PATIENTS, changed_since=since) == [Removed(external_id=gone)]
    assert rest.lookup(Resource.PATIENTS, gone) == Removed(external_id=gone)


@pytest.mark.parametrize("days", [(0, 0), (-7, 30), (1, 1)])
def test_a_window_has_just_the_appointments_of_its_local_days(
    house: House, days: tuple[int, int]
) -> None:
    today = NOW.astimezone(CHICAGO).date()
    first, last = (today + timedelta(days=each) for each in days)
    found = in_words_of_truth(listed(house.rest(), Resource.APPOINTMENTS, first=first, last=last))
    expected = {
        each: visit
        for each, visit in house.truth["appointments"].items()
        if first <= datetime.fromisoformat(visit["starts_at"]).astimezone(CHICAGO).date() <= last
    }
    assert found == expected


def test_a_patient_is_found_by_what_a_caller_says(house: House) -> None:
    known, truth = next(
        (each, patient)
        for each, patient in house.truth["patients"].items()
        if patient["phone"] and patient["email"]
    )
    rest = house.rest()
    for query in (
        PatientQuery(phone="+1" + "".join(filter(str.isdigit, truth["phone"]))),
        PatientQuery(email=truth["email"].upper()),
        PatientQuery(
            last_name=truth["last_name"], birth_date=date.fromisoformat(truth["birth_date"])
        ),
    ):
        assert known in [each.external_id for each in rest.search_patients(query)]
    assert rest.search_patients(PatientQuery(phone="312-555-9999")) == []


def test_free_times_go_as_they_are_booked(house: House) -> None:
    rest = house.rest()
    asked = FreeTimes(
        practitioner_id="101",
        location_id="11",
        appointment_type="302",
        first=NINE.date() + timedelta(days=1),
        last=NINE.date() + timedelta(days=1),
        timezone="America/Chicago",
        minutes=30,
    )
    free = rest.free_times(asked, NOW)
    assert free
    assert {each.starts_at.astimezone(CHICAGO).date() for each in free} == {asked.first}
    wanted = booking(
        house,
        starts_at=free[0].starts_at.astimezone(CHICAGO),
        ends_at=free[0].ends_at.astimezone(CHICAGO),
    )
    assert rest.is_offered(wanted) is True
    assert rest.submit(rest.prepare(wanted)).state is State.COMPLETED
    assert rest.free_times(asked, NOW) == free[1:]
    assert rest.is_offered(wanted) is False


# --- Writing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoned", [True, False])
def test_what_is_asked_for_stands_in_the_service_and_is_proved(house: House, zoned: bool) -> None:
    house.control.knobs(rest_zoned=zoned)
    rest = house.rest()

    def carried_out(command: Any) -> str:
        prepared = rest.prepare(command)
        receipt = rest.submit(prepared)
        assert receipt.state is State.COMPLETED
        assert receipt.remark == ""
        write = SentWrite(prepared=prepared, sent_at=NOW, reference=receipt.reference)
        ((_, outcome),) = rest.outcomes([write], NOW)
        assert outcome.state is State.COMPLETED
        (looked_up,) = rest.find([write], NOW)
        assert looked_up == Lookup(same=(receipt.reference,), covered=True)
        house.control.advance(60)
        return receipt.created_id

    patient_id = carried_out(
        CreatePatient(
            location_id="11",
            practitioner_id="101",
            first_name="Ada",
            last_name="Invented",
            birth_date=date(1990, 5, 17),
            email="ada@example.org",
            phone="312-555-0101",
        )
    )
    carried_out(
        UpdatePatient(
            patient_id=patient_id,
            location_id="11",
            changes={"email": "", "last_name": "O'Neil", "birth_date": None},
        )
    )
    visit_id = carried_out(booking(house, patient_id=patient_id))
    later = NINE + timedelta(days=7)
    carried_out(
        RescheduleAppointment(
            appointment_id=visit_id,
            practitioner_id="102",
            operatory_id="",
            location_id="11",
            starts_at=later,
            ends_at=later + timedelta(minutes=45),
        )
    )
    carried_out(SetStatus(appointment_id=visit_id, location_id="11", word="cancelled"))
    truth = house.truth
    assert truth["patients"][patient_id] == {
        "first_name": "Ada",
        "last_name": "O'Neil",
        "birth_date": "",
        "email": "",
        "phone": "312-555-0101",
        "is_active": True,
    }
    assert truth["appointments"][visit_id] == {
        "patient_id": patient_id,
        "practitioner_id": "102",
        "location_id": "11",
        "starts_at": later.astimezone(UTC).isoformat(),
        "ends_at": (later + timedelta(minutes=45)).astimezone(UTC).isoformat(),
        "status": "cancelled",
        "description": "Knee; see #7+8? Zoë",
    }


def test_a_booking_whose_answer_is_lost_is_found_and_stands_once(house: House) -> None:
    rest = house.rest()
    prepared = rest.prepare(booking(house))
    before = set(house.truth["appointments"])
    house.control.fault("POST /appointments", "lost_answer")
    with pytest.raises(NoAnswer):
        rest.submit(prepared)
    (made,) = set(house.truth["appointments"]) - before
    write = SentWrite(prepared=prepared, sent_at=NOW)
    assert rest.find([write], NOW) == [Lookup(same=(f"book {made}",), covered=True)]


def test_a_booking_that_never_arrived_is_proved_absent(house: House) -> None:
    rest = house.rest()
    prepared = rest.prepare(booking(house))
    house.control.fault("POST /appointments", "error")
    with pytest.raises(NoAnswer):
        rest.submit(prepared)
    write = SentWrite(prepared=prepared, sent_at=NOW)
    assert rest.find([write], NOW) == [Lookup(covered=True)]


def test_a_taken_time_is_refused_where_the_practice_minds(house: House) -> None:
    house.control.knobs(reject_overlaps=True)
    rest = house.rest()
    assert rest.submit(rest.prepare(booking(house))).state is State.COMPLETED
    with pytest.raises(Refused):
        rest.submit(rest.prepare(booking(house)))


def test_a_rejected_token_and_a_spent_limit_are_told_apart(house: House) -> None:
    rest = house.rest()
    house.control.knobs(rest_rate_limit=1)
    rest.verify()
    with pytest.raises(Throttled) as caught:
        rest.verify()
    assert caught.value.retry_at == NOW + timedelta(seconds=60)
    signal = house.guard.attempts[-1].signal
    assert signal is not None
    assert (signal.calls_left, signal.resets_at) == (0, NOW + timedelta(seconds=60))
    house.control.expire_keys(house.id)
    with pytest.raises(NotAuthorized):
        rest.verify()


# --- Random histories ----------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                ("patient", "create"),
                ("patient", "update"),
                ("patient", "archive"),
                ("patient", "merge"),
                ("patient", "delete"),
                ("appointment", "create"),
                ("appointment", "update"),
                ("appointment", "cancel"),
                ("appointment", "no_show"),
                ("appointment", "delete"),
                ("", "sync"),
            ]
        ),
        st.integers(0, 10**6),
    ),
    max_size=25,
)


class Copy:
    """What somebody knows who reads the whole once, and then only what changed."""

    def __init__(self, house: House, rest: Rest) -> None:
        self.house, self.rest = house, rest
        self.known: dict[Resource, dict[str, Any]] = {}
        self.since: datetime | None = None
        self.sync()

    def sync(self) -> None:
        began = self.house.control.now
        for resource in (Resource.PATIENTS, Resource.APPOINTMENTS):
            known = self.known.setdefault(resource, {})
            since = self.since and self.since - self.rest.lists[resource].overlap
            for each in listed(self.rest, resource, changed_since=since):
                if isinstance(each, Removed):
                    known.pop(each.external_id, None)
                else:
                    known[each.external_id] = each
        self.since = began

    @property
    def truth(self) -> dict[str, Any]:
        return {
            name: in_words_of_truth(list(self.known[resource].values()))
            for name, resource in (
                ("patients", Resource.PATIENTS),
                ("appointments", Resource.APPOINTMENTS),
            )
        }


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, style=st.sampled_from(STYLES), zoned=st.booleans())
def test_changes_alone_keep_a_copy_equal_to_the_truth_where_the_service_tells_deletions(
    house: House, steps: list[tuple[tuple[str, str], int]], style: str, zoned: bool
) -> None:
    house.control.reset()
    house.control.knobs(rest_paging=style, rest_zoned=zoned, rest_tells_deletions=True)
    copy = Copy(house, house.rest(OPTIONS[style]))
    for (kind, action), number in steps:
        house.control.advance(number % 900)
        if action == "sync":
            copy.sync()
            continue
        ids = list(house.truth[f"{kind}s"])
        values: dict[str, Any] = {}
        if kind == "appointment" and action == "update":
            moved = NINE + timedelta(minutes=15 * (number % 2000))
            values = {"starts_at": moved.isoformat(), "description": "x" * (number % 50)}
        if kind == "patient" and action == "update":
            values = {"email": "", "last_name": f"Zoë {number}"}
        target = "" if action == "create" else ids[number % len(ids)]
        into = ids[(number + 1) % len(ids)] if action == "merge" else ""
        house.control.change(house.id, kind, action, target, into=into, **values)
    copy.sync()
    assert copy.truth == house.truth
