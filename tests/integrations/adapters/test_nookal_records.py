"""What a row of Nookal's becomes, whatever stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    PatientRecord,
    Unreadable,
)
from integrations.adapters.nookal.mapping import record
from integrations.adapters.nookal.reading import SOURCES
from integrations.queries import Resource
from tests.integrations.adapters.nookal_practice import (
    Practice,
    appointment,
    location,
    patient,
    practising,
    read,
    utc,
)


@pytest.fixture
def practice() -> Iterator[Practice]:
    with practising() as practice:
        yield practice


# --- Locations ---


def test_a_location_has_its_own_zone(practice: Practice) -> None:
    assert read(practice, Resource.LOCATIONS, location()) == [
        LocationRecord(external_id="1", name="Invented Physio", timezone="Australia/Sydney")
    ]


@pytest.mark.parametrize("zone", ["", None, "AUS Eastern Standard Time", "../etc", 10, "Australia"])
def test_a_location_without_a_known_zone_is_kept_aside(practice: Practice, zone: Any) -> None:
    (found,) = read(practice, Resource.LOCATIONS, location(Timezone=zone))
    assert found == Unreadable("is in a time zone that is not an IANA zone", "1")


# --- Patients ---


def test_a_patient_is_read(practice: Practice) -> None:
    (found,) = read(practice, Resource.PATIENTS, patient(Work="02 5550 0001"))
    assert found == PatientRecord(
        external_id="5",
        made_at=utc(2029, 11, 1, 9, 0, 0),
        changed_at=utc(2030, 3, 1, 10, 11, 12),
        first_name="Ada",
        last_name="Invented",
        birth_date=date(1980, 1, 31),
        email="ada@example.com",
        phone="0491 570 006",
        other_phone="02 5550 0001",
        is_active=True,
    )


@pytest.mark.parametrize(
    ("phones", "expected"),
    [
        (("1", "2", "3"), ("1", "2")),
        (("", "2", "3"), ("2", "3")),
        (("1", " ", "3"), ("1", "3")),
        ((None, None, "3"), ("3", "")),
        (("", "", ""), ("", "")),
        ((491570006, [], {}), ("491570006", "")),
    ],
)
def test_the_first_two_telephones_are_kept(
    practice: Practice, phones: tuple[Any, ...], expected: tuple[str, str]
) -> None:
    mobile, home, work = phones
    (found,) = read(practice, Resource.PATIENTS, patient(Mobile=mobile, Home=home, Work=work))
    assert (found.phone, found.other_phone) == expected


@pytest.mark.parametrize(
    ("active", "deceased", "expected"),
    [
        ("1", "0", True),
        (1, 0, True),
        (True, False, True),
        (None, None, True),
        ("0", "0", False),
        (0, 0, False),
        (False, False, False),
        ("1", "1", False),
        ("1", True, False),
    ],
)
def test_who_is_archived_or_has_died_is_not_active(
    practice: Practice, active: Any, deceased: Any, expected: bool
) -> None:
    (found,) = read(practice, Resource.PATIENTS, patient(active=active, deceased=deceased))
    assert found.is_active is expected


@pytest.mark.parametrize("born", ["", None, "0000-00-00", "0000-00-00 00:00:00"])
def test_a_patient_may_have_no_date_of_birth(practice: Practice, born: Any) -> None:
    (found,) = read(practice, Resource.PATIENTS, patient(DOB=born))
    assert found.birth_date is None


@pytest.mark.parametrize("made", ["", None, "0000-00-00 00:00:00", "yesterday", "2030-02-30 1:1:1"])
def test_when_a_record_was_made_may_be_unknown(practice: Practice, made: Any) -> None:
    (found,) = read(practice, Resource.PATIENTS, patient(DateCreated=made, DateModified=made))
    assert (found.made_at, found.changed_at) == (None, None)


#: What stands in a row, and why it cannot be kept.
BAD_PATIENTS = [
    (None, Unreadable("is not a record")),
    ("5", Unreadable("is not a record")),
    ([patient()], Unreadable("is not a record")),
    ({}, Unreadable("has no usable id")),
    *(
        (patient(ID=bad), Unreadable("has no usable id"))
        for bad in (None, "", "  ", True, 1.5, [], {"ID": "5"}, "a\x00b", "\ud800", "9" * 201)
    ),
    (patient(DOB="1980-02-30"), Unreadable("has a date or time that cannot be read", "5")),
    (patient(DOB="31/01/1980"), Unreadable("has a date or time that cannot be read", "5")),
    (patient(DOB=19800131), Unreadable("has a date or time that cannot be read", "5")),
]


@pytest.mark.parametrize(("row", "expected"), BAD_PATIENTS)
def test_a_record_that_cannot_be_read_stops_no_other(
    practice: Practice, row: Any, expected: Unreadable
) -> None:
    before, found, after = read(practice, Resource.PATIENTS, patient(ID="1"), row, patient(ID="2"))
    assert found == expected
    assert (before.external_id, after.external_id) == ("1", "2")


def test_the_longest_id_is_whole(practice: Practice) -> None:
    (found,) = read(practice, Resource.PATIENTS, patient(ID="9" * 200))
    assert found.external_id == "9" * 200


def test_any_text_is_kept_but_for_what_no_database_takes(practice: Practice) -> None:
    odd = {"FirstName": "\x00A\ud800da 👩‍⚕️", "LastName": "\u202eאדה", "Email": {"0": "x"}}
    (found,) = read(practice, Resource.PATIENTS, patient(**odd))
    assert (found.first_name, found.last_name, found.email) == ("Ada 👩‍⚕️", "\u202eאדה", "")


# --- Appointments ---


def test_an_appointment_is_read_by_its_utc_times(practice: Practice) -> None:
    odd_clock = {"appointmentStartTime": "03:00:00", "TimeZone": "Mars/Base"}
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(**odd_clock, Notes="Bring x-ray"))
    assert found == AppointmentRecord(
        external_id="10",
        made_at=utc(2030, 3, 5, 15, 0, 0),
        changed_at=utc(2030, 3, 5, 15, 0, 0),
        patient_id="5",
        practitioner_id="7",
        location_id="1",
        operatory_id="",
        starts_at=utc(2030, 3, 11, 23, 0),
        ends_at=utc(2030, 3, 11, 23, 30),
        status="booked",
        pms_status="Pending",
        description="Bring x-ray",
        appointment_type_id="3",
    )


NO_UTC = {"appointmentStartDateTimeUTC": None, "appointmentEndDateTimeUTC": ""}


@pytest.mark.parametrize(
    ("zone", "zones"),
    [
        ("Australia/Sydney", {}),
        ("Australia/Sydney", {"1": "Australia/Perth"}),
        ("", {"1": "Australia/Sydney"}),
        (None, {"1": "Australia/Sydney"}),
        ("Eastern", {"1": "Australia/Sydney", "2": "Australia/Perth"}),
    ],
)
def test_without_them_it_is_read_by_the_clock_of_its_site(
    practice: Practice, zone: Any, zones: dict[str, str]
) -> None:
    row = appointment(**NO_UTC, TimeZone=zone)
    (found,) = read(practice, Resource.APPOINTMENTS, row, timezones=zones)
    assert (found.starts_at, found.ends_at) == (utc(2030, 3, 11, 23, 0), utc(2030, 3, 11, 23, 30))


@pytest.mark.parametrize("half", ["appointmentStartDateTimeUTC", "appointmentEndDateTimeUTC"])
def test_half_a_pair_of_utc_times_is_none(practice: Practice, half: str) -> None:
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(**{half: "0000-00-00 00:00:00"}))
    assert (found.starts_at, found.ends_at) == (utc(2030, 3, 11, 23, 0), utc(2030, 3, 11, 23, 30))


@pytest.mark.parametrize(
    ("day", "start", "end", "expected"),
    [
        # The clocks of Sydney go from 2:00 to 3:00 on 6 October 2030 ...
        ("2030-10-06", "01:30:00", "02:00:00", (utc(2030, 10, 5, 15, 30), 30)),
        ("2030-10-06", "02:30:00", "03:15:00", (utc(2030, 10, 5, 16, 30), 45)),
        ("2030-10-06", "03:00:00", "03:30:00", (utc(2030, 10, 5, 16, 0), 30)),
        # ... and from 3:00 back to 2:00 on 7 April.
        ("2030-04-07", "02:30:00", "03:00:00", (utc(2030, 4, 6, 15, 30), 30)),
        ("2030-04-07", "03:00:00", "03:30:00", (utc(2030, 4, 6, 17, 0), 30)),
    ],
)
def test_a_time_in_an_hour_that_is_skipped_or_comes_twice_is_kept(
    practice: Practice, day: str, start: str, end: str, expected: Any
) -> None:
    clock = {"appointmentDate": day, "appointmentStartTime": start, "appointmentEndTime": end}
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(**NO_UTC, **clock))
    starts_at, minutes = expected
    assert (found.starts_at, found.ends_at - found.starts_at) == (
        starts_at,
        timedelta(minutes=minutes),
    )


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "booked"),
        ({"status": None}, "booked"),
        ({"status": "Something new"}, "booked"),
        ({"arrived": "1"}, "arrived"),
        ({"arrived": 1}, "arrived"),
        ({"status": "Completed"}, "fulfilled"),
        ({"status": "Completed", "arrived": "1"}, "fulfilled"),
        ({"DNA": "1"}, "noshow"),
        ({"DNA": "1", "status": "Completed"}, "noshow"),
        ({"status": "DNA"}, "noshow"),
        ({"cancelled": "1"}, "cancelled"),
        ({"cancelled": True, "DNA": "1"}, "cancelled"),
        ({"cancelled": "1", "status": "Completed"}, "cancelled"),
        ({"status": "Cancelled"}, "cancelled"),
    ],
)
def test_flags_come_before_the_word(
    practice: Practice, fields: dict[str, Any], status: str
) -> None:
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(**fields))
    assert found.status == status
    assert found.pms_status == str(fields.get("status", "Pending") or "")


@pytest.mark.parametrize(
    ("told", "zone", "expected"),
    [
        ("2030-03-05 09:00:00", "Australia/Sydney", utc(2030, 3, 4, 22, 0)),
        ("2030-03-05 09:00:00", "", utc(2030, 3, 5, 9, 0)),
        ("2030-03-05", "Australia/Sydney", None),
        (None, "Australia/Sydney", None),
    ],
)
def test_when_it_was_cancelled_is_a_clock_of_the_site(
    practice: Practice, told: Any, zone: str, expected: Any
) -> None:
    row = appointment(cancelled="1", cancellationDate=told, TimeZone=zone)
    (found,) = read(practice, Resource.APPOINTMENTS, row)
    assert found.cancelled_at == expected


def test_one_that_is_not_cancelled_any_more_has_no_time_of_it(practice: Practice) -> None:
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(cancellationDate="2030-03-05 9:0"))
    assert found.cancelled_at is None


def test_nobody_is_number_nought(practice: Practice) -> None:
    none = {"patientID": "0", "practitionerID": 0, "locationID": None, "appointmentTypeID": ""}
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(**none))
    assert (found.patient_id, found.practitioner_id, found.location_id) == ("", "", "")
    assert found.appointment_type_id == ""


TIMELESS = "has a date or time that cannot be read"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({**NO_UTC, "TimeZone": ""}, "is at a location whose time zone is not known"),
        ({**NO_UTC, "appointmentDate": "2030-02-30"}, TIMELESS),
        ({**NO_UTC, "appointmentDate": None}, TIMELESS),
        ({**NO_UTC, "appointmentStartTime": "25:00:00"}, TIMELESS),
        ({**NO_UTC, "appointmentEndTime": ""}, TIMELESS),
        ({**NO_UTC, "appointmentDate": "0001-01-01", "appointmentStartTime": "00:00:00"}, TIMELESS),
        ({**NO_UTC, "appointmentEndTime": "10:00:00"}, "ends before it starts"),
        ({**NO_UTC, "appointmentEndTime": "09:00:00"}, "ends before it starts"),
        ({"appointmentEndDateTimeUTC": "2030-03-11 22:00:00"}, "ends before it starts"),
    ],
)
def test_an_appointment_at_no_time_is_kept_aside_with_its_id(
    practice: Practice, fields: dict[str, Any], reason: str
) -> None:
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(**fields))
    assert found == Unreadable(reason, "10")


def test_a_megabyte_of_notes_comes_through(practice: Practice) -> None:
    (found,) = read(practice, Resource.APPOINTMENTS, appointment(Notes="é" * 1_000_000))
    assert found.description == "é" * 1_000_000


# --- Anything at all ---

FIELDS = sorted({*patient(), *appointment(), *location(), "Duration", "status", "active"})
TEXTS = st.text() | st.sampled_from(["0", "1", "0000-00-00", "2030-02-30", "2030-03-05 15:00:00"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)
USABLE = {"ID": "5", "Timezone": "Australia/Sydney"}
ROWS = VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES).map(lambda odd: odd | USABLE)


@given(st.sampled_from(list(SOURCES)), ROWS)
def test_a_row_is_a_record_or_kept_aside_with_a_reason_whatever_it_holds(
    resource: Resource, row: Any
) -> None:
    found = record(resource, row, {"1": "Australia/Sydney"})
    if isinstance(found, Unreadable):
        assert 0 < len(found.reason) <= 60
        return
    assert found.external_id == "5"
    texts = "".join(value for value in vars_of(found) if isinstance(value, str))
    assert texts.encode().count(b"\x00") == 0
    times = [value for value in vars_of(found) if isinstance(value, datetime)]
    assert all(each.utcoffset() == timedelta(0) for each in times)
    assert len(found.payload_hash()) == 64


def vars_of(found: Any) -> list[Any]:
    return list(asdict(found).values())
