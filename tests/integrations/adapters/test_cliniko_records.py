"""What each field of Cliniko's records becomes with us, and what is told of unusable ones."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    PatientRecord,
    PractitionerRecord,
    Removed,
    Unreadable,
)
from integrations.adapters.cliniko import mapping, phones, zones
from tests.integrations.adapters.cliniko_account import appointment, link, patient

MADE = datetime(2029, 1, 2, 3, 4, 5, tzinfo=UTC)
CHANGED = datetime(2030, 2, 3, 4, 5, 6, tzinfo=UTC)
TIMES = {"created_at": "2029-01-02T03:04:05Z", "updated_at": "2030-02-03T04:05:06Z"}


def read_patient(**changes: Any) -> Any:
    return mapping.read(patient(**changes), mapping.patient)


def read_appointment(**changes: Any) -> Any:
    return mapping.read(appointment(**changes), mapping.appointment)


# --- Sites, practitioners and types --------------------------------------------------------------


def business(**changes: Any) -> dict[str, Any]:
    item = {
        **TIMES,
        "id": "1",
        "business_name": "Harbour Street",
        "display_name": "Harbour",
        "time_zone": "Sydney",
        "time_zone_identifier": "Australia/Sydney",
        "archived_at": None,
        "deleted_at": None,
    }
    return item | changes


def read_business(**changes: Any) -> Any:
    return mapping.read(business(**changes), mapping.location)


def test_a_business_is_a_site() -> None:
    assert read_business() == LocationRecord(
        external_id="1",
        name="Harbour Street",
        timezone="Australia/Sydney",
        made_at=MADE,
        changed_at=CHANGED,
    )


def test_a_business_without_a_name_has_the_one_that_is_shown() -> None:
    assert read_business(business_name=None).name == "Harbour"


@pytest.mark.parametrize("name", ["archived_at", "deleted_at"])
def test_a_business_that_is_archived_is_removed_whatever_else_is_wrong_with_it(name: str) -> None:
    moment = {name: "2030-01-01T00:00:00Z"}
    assert read_business(**moment, time_zone_identifier="Nowhere") == Removed(external_id="1")


@pytest.mark.parametrize("label", [None, "", "Melbourne", "Nowhere"])
def test_the_identifier_of_a_zone_decides_whatever_its_label(label: str | None) -> None:
    assert read_business(time_zone=label).timezone == "Australia/Sydney"


@pytest.mark.parametrize("identifier", [None, "", " "])
@pytest.mark.parametrize(
    ("label", "zone"),
    [
        ("Melbourne", "Australia/Melbourne"),
        ("Adelaide", "Australia/Adelaide"),
        ("Wellington", "Pacific/Auckland"),
        ("Edinburgh", "Europe/London"),
        ("Dublin", "Europe/Dublin"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("Arizona", "America/Phoenix"),
    ],
)
def test_without_an_identifier_a_known_label_decides(
    identifier: str | None, label: str, zone: str
) -> None:
    assert read_business(time_zone_identifier=identifier, time_zone=label).timezone == zone


@pytest.mark.parametrize(
    ("identifier", "label", "reason"),
    [
        (None, None, "names no time zone that is known"),
        (None, "Atlantis", "names no time zone that is known"),
        (None, "melbourne", "names no time zone that is known"),
        ("Australia/Atlantis", "Sydney", "is in a time zone that is not known"),
        ("Australia", "Sydney", "is in a time zone that is not known"),
        ("../etc/passwd", "Sydney", "is in a time zone that is not known"),
        ("\x00", "Sydney", "is in a time zone that is not known"),
        ("\ud800", "Sydney", "is in a time zone that is not known"),
        ([], "Sydney", "has a time_zone_identifier that is no text"),
    ],
)
def test_a_zone_is_never_guessed(identifier: Any, label: Any, reason: str) -> None:
    told = read_business(time_zone_identifier=identifier, time_zone=label)
    assert told == Unreadable(reason, "1")


def test_every_label_leads_to_a_zone_that_there_is() -> None:
    assert set(zones.LABELS.values()) <= zones.known_zones()


@pytest.mark.parametrize(
    ("active", "is_active"),
    [(True, True), (False, False), (None, True), ("true", True), (0, False)],
)
def test_a_practitioner_is_active_or_not(active: Any, is_active: bool) -> None:
    item = {**TIMES, "id": "3", "first_name": "Greta", "last_name": None, "active": active}
    assert mapping.read(item, mapping.practitioner) == PractitionerRecord(
        external_id="3",
        first_name="Greta",
        last_name="",
        is_active=is_active,
        made_at=MADE,
        changed_at=CHANGED,
    )


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        (30, 30),
        (1440, 1440),
        *((each, None) for each in (0, -5, 1441, None, True, "30", 30.5, 10**30)),
    ],
)
def test_an_appointment_type_tells_its_length(minutes: Any, told: int | None) -> None:
    item = {**TIMES, "id": "5", "name": "Long consultation", "duration_in_minutes": minutes}
    assert mapping.read(item, mapping.appointment_type) == AppointmentTypeRecord(
        external_id="5",
        name="Long consultation",
        minutes=told,
        is_active=True,
        made_at=MADE,
        changed_at=CHANGED,
    )


def test_an_archived_type_is_not_active() -> None:
    item = {"id": "5", "name": "Hydro", "archived_at": "2030-01-01T00:00:00Z"}
    record = mapping.read(item, mapping.appointment_type)
    assert isinstance(record, AppointmentTypeRecord)
    assert record.is_active is False


# --- Patients ------------------------------------------------------------------------------------


def test_a_whole_patient() -> None:
    assert read_patient() == PatientRecord(
        external_id="82",
        first_name="Ada",
        last_name="Invented",
        birth_date=date(1984, 12, 10),
        email="ada@example.org",
        phone="0491 570 156",
        is_active=True,
        made_at=MADE,
        changed_at=CHANGED,
    )


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"id": 82}, "external_id", "82"),
        ({"id": "1416204758020300000"}, "external_id", "1416204758020300000"),
        ({"date_of_birth": None}, "birth_date", None),
        ({"date_of_birth": ""}, "birth_date", None),
        ({"email": None}, "email", ""),
        ({"first_name": None}, "first_name", ""),
        ({"first_name": 7}, "first_name", "7"),
        ({"first_name": "Zoë 😀 مريم"}, "first_name", "Zoë 😀 مريم"),
        ({"archived_at": "2030-01-01T00:00:00Z"}, "is_active", False),
        ({"created_at": None}, "made_at", None),
        ({"updated_at": "soon"}, "changed_at", None),
        ({"updated_at": "2030-02-03T15:05:06+11:00"}, "changed_at", CHANGED),
        ({"updated_at": "2030-02-03T04:05:06"}, "changed_at", CHANGED),
        ({"notes": "x" * 1_000_000}, "external_id", "82"),
        ({"merged_with_patient": None}, "external_id", "82"),
        ({"merged_with_patient": {"links": None}}, "external_id", "82"),
    ],
)
def test_a_patients_fields(changes: dict[str, Any], name: str, value: object) -> None:
    assert getattr(read_patient(**changes), name) == value


@pytest.mark.parametrize(
    ("changes", "into"),
    [
        ({"merged_at": "2030-01-01T00:00:00Z", "merged_with_patient": link("patients/9")}, "9"),
        ({"merged_with_patient": link("patients/9/")}, "9"),
        ({"merged_at": "2030-01-01T00:00:00Z"}, ""),
        ({"deleted_at": "2030-01-01T00:00:00Z"}, ""),
        ({"merged_with_patient": link("patients/9"), "date_of_birth": "1984-02-31"}, "9"),
    ],
)
def test_a_patient_who_was_merged_or_deleted_is_removed(changes: dict[str, Any], into: str) -> None:
    assert read_patient(**changes) == Removed(external_id="82", merged_into=into)


def number(kind: str | None, value: str | None, **more: Any) -> dict[str, Any]:
    return {"phone_type": kind, "number": value, **more}


@pytest.mark.parametrize(
    ("listed", "phone", "other"),
    [
        ([], "", ""),
        (None, "", ""),
        ("0491", "", ""),
        ([number("Home", "1"), number("Mobile", "2"), number("Work", "3")], "2", "1"),
        ([number("Home", "1"), number("Work", "2")], "1", "2"),
        ([number("Mobile", "1"), number("Mobile", "2")], "1", "2"),
        ([number("Mobile", "1"), number("Home", "1"), number("Work", "2")], "1", "2"),
        ([number("Fax", "1"), number("Home", "2")], "2", ""),
        ([number("Fax", "1")], "", ""),
        ([number("Mobile", None), number("Home", " "), number("Work", "3")], "3", ""),
        ([number("Mobile", None, normalized_number="61491570156")], "61491570156", ""),
        ([number(None, "1"), "2", None, 3, [], {}], "1", ""),
    ],
)
def test_mobiles_come_first_and_faxes_never(listed: Any, phone: str, other: str) -> None:
    record = read_patient(patient_phone_numbers=listed)
    assert (record.phone, record.other_phone) == (phone, other)


@pytest.mark.parametrize(
    ("held", "wanted", "is_same"),
    [
        ([number("Mobile", "0491 570 156")], [number("Mobile", "0491570156")], True),
        ([number("Home", "1"), number("Work", "2")], [number("Mobile", "2")], True),
        ([number("Home", "1")], [number("Mobile", "2")], False),
        ([], [number("Mobile", "2")], False),
        ([], [], True),
        ([number("Home", "1")], [], False),
    ],
)
def test_a_list_of_numbers_shows_what_was_asked_of_it(
    held: Any, wanted: Any, is_same: bool
) -> None:
    assert phones.same(held, wanted) is is_same


@pytest.mark.parametrize("birth", ["1984-02-31", "1984", "soon", 7, {}, "0000-00-00"])
def test_an_impossible_birth_date_is_told_without_its_value(birth: Any) -> None:
    told = read_patient(date_of_birth=birth)
    assert told == Unreadable("has a date_of_birth that cannot be read", "82")


@pytest.mark.parametrize(
    "id",
    [
        *(None, "", " ", "8 2", "-7", "1.5", 1.5, True, [], {}, "82\x00", "\ud800", "٨٢"),
        *("9" * 21, "../users/1", "x" * 1000),
    ],
)
def test_a_record_without_a_usable_id_is_told(id: Any) -> None:
    assert read_patient(id=id) == Unreadable("has no usable id")


@pytest.mark.parametrize("name", ["first_name", "last_name", "email"])
@pytest.mark.parametrize("value", [{}, ["Ada"], True])
def test_what_is_no_text_is_told_by_the_name_of_its_field(name: str, value: Any) -> None:
    assert read_patient(**{name: value}) == Unreadable(f"has a {name} that is no text", "82")


# --- Appointments --------------------------------------------------------------------------------


def test_a_whole_appointment() -> None:
    assert read_appointment() == AppointmentRecord(
        external_id="7",
        patient_id="82",
        practitioner_id="3",
        location_id="1",
        operatory_id="",
        appointment_type_id="5",
        starts_at=datetime(2030, 3, 6, 23, tzinfo=UTC),
        ends_at=datetime(2030, 3, 6, 23, 45, tzinfo=UTC),
        status="booked",
        pms_status="",
        description="Bring the referral.",
        made_at=datetime(2030, 3, 5, 14, 59, tzinfo=UTC),
        changed_at=datetime(2030, 3, 5, 15, tzinfo=UTC),
    )


CANCELLED = "2030-03-05T20:00:00Z"


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({}, "booked", ""),
        # Long ago, and nobody said what became of it.
        (
            {"starts_at": "2019-03-06T23:00:00Z", "ends_at": "2019-03-06T23:45:00Z"},
            "booked",
            "",
        ),
        ({"patient_arrived": True}, "arrived", "Arrived"),
        ({"did_not_arrive": True}, "noshow", "Did not arrive"),
        ({"did_not_arrive": True, "patient_arrived": True}, "noshow", "Did not arrive"),
        ({"did_not_arrive": None, "patient_arrived": None}, "booked", ""),
        ({"cancelled_at": CANCELLED}, "cancelled", "Cancelled"),
        (
            {"cancelled_at": CANCELLED, "cancellation_reason": 30},
            "cancelled",
            "Cancelled: sick",
        ),
        ({"cancelled_at": CANCELLED, "cancellation_reason": 31}, "cancelled", "Cancelled"),
        ({"cancelled_at": CANCELLED, "did_not_arrive": True}, "cancelled", "Cancelled"),
    ],
)
def test_a_status_is_what_cliniko_says_and_nothing_is_guessed(
    changes: dict[str, Any], status: str, word: str
) -> None:
    record = read_appointment(**changes)
    assert (record.status, record.pms_status) == (status, word)


@pytest.mark.parametrize(
    ("value", "told"),
    [(CANCELLED, datetime(2030, 3, 5, 20, tzinfo=UTC)), ("some day", None)],
)
def test_when_it_was_cancelled_is_told_where_that_can_be_read(
    value: str, told: datetime | None
) -> None:
    record = read_appointment(cancelled_at=value)
    assert (record.status, record.cancelled_at) == ("cancelled", told)


@pytest.mark.parametrize("name", ["archived_at", "deleted_at"])
def test_an_archived_appointment_is_removed_whatever_else_is_wrong_with_it(name: str) -> None:
    changes = {name: "2030-01-01T00:00:00Z", "starts_at": None, "cancelled_at": CANCELLED}
    assert read_appointment(**changes) == Removed(external_id="7")


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"patient": None}, "patient_id", ""),
        ({"patient": {}}, "patient_id", ""),
        ({"business": {"links": {"self": None}}}, "location_id", ""),
        ({"appointment_type": link("appointment_types/5?x=1/")}, None, None),
        ({"practitioner": link("practitioners/../users/9")}, "practitioner_id", "9"),
        ({"notes": None}, "description", ""),
        ({"notes": "x" * 1_000_000}, "description", "x" * 1_000_000),
        ({"notes": "😀 مريم \x00 \ud800"}, "description", "😀 مريم \x00 \ud800"),
    ],
)
def test_an_appointments_fields(changes: dict[str, Any], name: str | None, value: Any) -> None:
    record = read_appointment(**changes)
    if name is None:
        assert isinstance(record, Unreadable)
    else:
        assert getattr(record, name) == value


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"starts_at": None}, "has no starts_at"),
        ({"ends_at": None}, "has no ends_at"),
        ({"starts_at": "2030-02-31T10:00:00Z"}, "has a starts_at that cannot be read"),
        ({"starts_at": "9999-12-31T23:59:59Z"}, "has a starts_at that cannot be read"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "has a starts_at that cannot be read"),
        ({"ends_at": {"at": "noon"}}, "has a ends_at that cannot be read"),
        ({"ends_at": "2030-03-06T23:00:00Z"}, "does not end after it starts"),
        ({"ends_at": "2030-03-06T22:59:59Z"}, "does not end after it starts"),
        (
            {"patient": link("patients/abc")},
            "names its patient in a form that cannot be read",
        ),
        (
            {"patient": {"links": {"self": 7}}},
            "names its patient in a form that cannot be read",
        ),
        (
            {"business": "https://[bad"},
            "names its business in a form that cannot be read",
        ),
        ({"notes": {"html": "x"}}, "has a notes that is no text"),
    ],
)
def test_an_appointment_that_cannot_be_kept_is_told_with_its_id(
    changes: dict[str, Any], reason: str
) -> None:
    assert read_appointment(**changes) == Unreadable(reason, "7")


def test_a_time_in_an_hour_that_is_left_out_somewhere_is_a_time_like_any_other() -> None:
    # 6 October 2030, 16:30 UTC of the day before: Sydney's clocks go from 2:00 to 3:00.
    record = read_appointment(starts_at="2030-10-05T16:30:00Z", ends_at="2030-10-05T17:00:00Z")
    assert (record.ends_at - record.starts_at).total_seconds() == 1800
