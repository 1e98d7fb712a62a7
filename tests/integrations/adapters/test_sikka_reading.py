"""Reading an office: what each field of Sikka becomes with us."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PractitionerRecord,
    Unreadable,
)
from integrations.adapters.sikka import mapping
from integrations.queries import Resource
from tests.integrations.adapters.conftest import Office
from tests.integrations.adapters.sikka_items import NEW_YORK, appointment, patient, practice


def read_appointment(**changes: Any) -> AppointmentRecord:
    record = mapping.record(Resource.APPOINTMENTS, appointment(**changes), NEW_YORK)
    assert isinstance(record, AppointmentRecord), record
    return record


def read_patient(**changes: Any) -> PatientRecord:
    record = mapping.record(Resource.PATIENTS, patient(1, **changes), {})
    assert isinstance(record, PatientRecord), record
    return record


# --- Sites and people ----------------------------------------------------------------------------


def test_only_the_sites_of_exactly_this_office_are_ours(office: Office) -> None:
    others = [practice(name) for name in ("D10", "d1", " D1", "D1 ", "", "1")]
    nameless = practice("")
    del nameless["office_id"]
    office.lists("/authorized_practices", *others, practice("D1"), nameless, practice("D1", "2"))
    assert office.read(Resource.LOCATIONS) == [
        LocationRecord(external_id=number, name="Maple Street", timezone="America/New_York")
        for number in ("1", "2")
    ]
    assert office.params(0)["show"] == "all"


def test_a_site_of_another_office_may_be_unreadable(office: Office) -> None:
    broken = practice("D2", practice_management_system_refresh_date_time_zone="")
    office.lists("/authorized_practices", broken, practice("D1"))
    assert len(office.read(Resource.LOCATIONS)) == 1


@pytest.mark.parametrize(
    ("windows", "iana"),
    [
        ("Eastern Standard Time", "America/New_York"),
        ("Central Standard Time", "America/Chicago"),
        ("Mountain Standard Time", "America/Denver"),
        ("US Mountain Standard Time", "America/Phoenix"),
        ("Pacific Standard Time", "America/Los_Angeles"),
        ("Alaskan Standard Time", "America/Anchorage"),
        ("Hawaiian Standard Time", "Pacific/Honolulu"),
    ],
)
def test_windows_names_of_zones_become_ianas(windows: str, iana: str) -> None:
    item = practice("D1", practice_management_system_refresh_date_time_zone=windows)
    assert mapping.record(Resource.LOCATIONS, item, {}) == LocationRecord(
        external_id="1", name="Maple Street", timezone=iana
    )


@pytest.mark.parametrize("zone", ["", "Nowhere Standard Time", "EST"])
def test_an_unknown_zone_is_not_guessed(zone: str) -> None:
    item = practice("D1", practice_management_system_refresh_date_time_zone=zone)
    assert mapping.record(Resource.LOCATIONS, item, {}) == Unreadable(
        "is in a time zone that is not a known Windows zone", "1"
    )


def test_practitioners_are_the_providers(office: Office) -> None:
    provider = {"provider_id": "DMD1", "firstname": "Helena", "lastname": "Marsh"}
    office.lists(
        "/providers",
        {**provider, "status": "Active"},
        {**provider, "provider_id": "HYG2", "status": "INACTIVE", "firstname": None},
    )
    assert office.read(Resource.PRACTITIONERS) == [
        PractitionerRecord(
            external_id="DMD1", first_name="Helena", last_name="Marsh", is_active=True
        ),
        PractitionerRecord(external_id="HYG2", first_name="", last_name="Marsh", is_active=False),
    ]


def test_operatories_are_asked_for_by_each_customer_of_the_office_once(office: Office) -> None:
    office.lists("/practices", {"cust_id": "2"}, {"cust_id": "1"}, {"cust_id": "2"})
    office.lists("/operatories", {"operatory": "OP1", "abbreviation": "Chair 1"})
    office.lists("/operatories", {"operatory": "OP2", "abbreviation": ""})
    assert office.read(Resource.OPERATORIES) == [
        OperatoryRecord(external_id="OP1", name="Chair 1"),
        OperatoryRecord(external_id="OP2", name="OP2"),
    ]
    assert [office.params(number).get("cust_id") for number in range(3)] == [None, "1", "2"]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({}, "birth_date", date(1984, 12, 10)),
        ({"birthdate": ""}, "birth_date", None),
        ({"birthdate": None}, "birth_date", None),
        ({}, "phone", "207-555-0123"),
        ({"cell": "", "homephone": "1", "workphone": "2"}, "phone", "1"),
        ({"cell": None, "workphone": "2"}, "phone", "2"),
        ({"cell": ""}, "phone", ""),
        ({"email": None}, "email", ""),
        ({}, "is_active", True),
        ({"status": "Inactive"}, "is_active", False),
        ({"status": ""}, "is_active", True),
        ({"firstname": "Zoë"}, "first_name", "Zoë"),
    ],
)
def test_a_patients_fields(changes: dict[str, Any], field: str, value: object) -> None:
    assert getattr(read_patient(**changes), field) == value


def test_a_whole_patient() -> None:
    assert read_patient() == PatientRecord(
        external_id="1",
        first_name="Ada",
        last_name="Invented",
        birth_date=date(1984, 12, 10),
        email="ada@example.org",
        phone="207-555-0123",
        is_active=True,
    )


# --- Appointments --------------------------------------------------------------------------------


def test_appointments_are_asked_for_by_local_dates_with_all_fields(office: Office) -> None:
    office.lists("/appointments", appointment())
    first, last = date(2030, 2, 26), date(2030, 5, 4)
    (record,) = office.read(Resource.APPOINTMENTS, first=first, last=last, timezones=NEW_YORK)
    assert record == AppointmentRecord(
        external_id="70670",
        patient_id="5383",
        practitioner_id="DMD2",
        location_id="1",
        operatory_id="OP1",
        starts_at=datetime(2030, 3, 5, 15, 30, tzinfo=UTC),
        ends_at=datetime(2030, 3, 5, 16, 30, tzinfo=UTC),
        status="booked",
        pms_status="Unconfirmed",
        description="Seat crown",
    )
    assert office.params(0) == {
        "startdate": "2030-02-26",
        "enddate": "2030-05-04",
        "fields": "get_all",
        "offset": "0",
        "limit": "5000",
    }


@pytest.mark.parametrize(
    ("day", "clock", "utc"),
    [
        ("2030-03-05", "10:30", "2030-03-05T15:30+00:00"),
        ("2030-07-05", "10:30", "2030-07-05T14:30+00:00"),
        # Clocks go forward on 10 March 2030 at 2:00 and back on 3 November at 2:00.
        ("2030-03-10", "01:59", "2030-03-10T06:59+00:00"),
        ("2030-03-10", "03:00", "2030-03-10T07:00+00:00"),
        ("2030-03-10", "08:00", "2030-03-10T12:00+00:00"),
        ("2030-11-03", "00:30", "2030-11-03T04:30+00:00"),
        ("2030-11-03", "01:30", "2030-11-03T05:30+00:00"),  # the first of the two
        ("2030-11-03", "08:00", "2030-11-03T13:00+00:00"),
        ("2030-12-31", "23:30", "2031-01-01T04:30+00:00"),
    ],
)
def test_date_and_time_are_the_sites_wall_clock(day: str, clock: str, utc: str) -> None:
    record = read_appointment(date=f"{day}T00:00:00", time=clock)
    assert record.starts_at.astimezone(UTC) == datetime.fromisoformat(utc)


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("2030-03-05", "10:30"),
        ("2030-03-10", "01:30"),  # over the missing hour
        ("2030-03-10", "02:30"),  # in the missing hour
        ("2030-11-03", "00:45"),  # over the doubled hour
        ("2030-11-03", "01:45"),  # in the doubled hour
    ],
)
@pytest.mark.parametrize("minutes", [15, 45, 90, 180])
def test_an_appointment_lasts_its_minutes_on_days_when_clocks_change_too(
    day: str, clock: str, minutes: int
) -> None:
    record = read_appointment(date=f"{day}T00:00:00", time=clock, length=str(minutes))
    took = record.ends_at.astimezone(UTC) - record.starts_at.astimezone(UTC)
    assert took == timedelta(minutes=minutes)


def test_each_site_has_its_own_clock(office: Office) -> None:
    office.lists("/appointments", appointment(), appointment(practice_id="2"))
    zones = {**NEW_YORK, "2": "America/Los_Angeles"}
    day = date(2030, 3, 5)
    starts = [
        record.starts_at.astimezone(UTC).hour
        for record in office.read(Resource.APPOINTMENTS, first=day, last=day, timezones=zones)
    ]
    assert starts == [15, 18]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Unconfirmed", "booked"),
        ("Confirmed", "booked"),
        ("", "booked"),
        ("FIRM", "booked"),
        ("Broken", "cancelled"),
        ("CANCELLED", "cancelled"),
        ("Canceled by patient", "cancelled"),
        ("No Show", "noshow"),
        ("noshow", "noshow"),
        ("Complete", "fulfilled"),
        ("complete.confirm", "fulfilled"),
        ("Checked Out", "fulfilled"),
        ("Checked In", "checked-in"),
        ("Arrived", "arrived"),
    ],
)
def test_status_words_become_codes_and_are_kept(word: str, code: str) -> None:
    record = read_appointment(status=word)
    assert (record.status, record.pms_status) == (code, word)


@pytest.mark.parametrize(
    ("flag", "code"),
    [("True", "cancelled"), ("true", "cancelled"), ("1", "cancelled"), ("False", "booked"),
     ("", "booked"), ("0", "booked"), (None, "booked")],
)  # fmt: skip
def test_a_cancelled_flag_wins_over_the_word(flag: object, code: str) -> None:
    assert read_appointment(cancelled=flag).status == code


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"practice_id": "2"}, "practice"),
        ({"practice_id": ""}, "practice"),
        ({"length": "0"}, "length"),
        ({"length": ""}, "length"),
        ({"length": "-30"}, "length"),
        ({"length": None}, "length"),
    ],
)
def test_an_appointment_without_a_place_or_an_end_is_not_guessed(
    changes: dict[str, Any], reason: str
) -> None:
    record = mapping.record(Resource.APPOINTMENTS, appointment(**changes), NEW_YORK)
    assert isinstance(record, Unreadable)
    assert reason in record.reason
    assert record.external_id == "70670", "it is there, so nobody takes it for vanished"
    assert "5383" not in record.reason


@pytest.mark.parametrize("field", ["patient_id", "provider_id", "operatory", "description"])
@pytest.mark.parametrize("nothing", ["", None])
def test_what_is_not_told_is_empty(field: str, nothing: object) -> None:
    names = {"provider_id": "practitioner_id", "operatory": "operatory_id"}
    record = read_appointment(**{field: nothing})
    assert getattr(record, names.get(field, field)) == ""


# --- What else is told of a record ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("appointment_made_date", "made_at"),
        ("last_changed_date", "changed_at"),
        ("cancelled_date", "cancelled_at"),
    ],
)
@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2030-03-01T16:20:05", datetime(2030, 3, 1, 21, 20, 5, tzinfo=UTC)),
        ("2030-07-01T00:00:00", datetime(2030, 7, 1, 4, tzinfo=UTC)),
        ("2030-03-10T02:30:00", datetime(2030, 3, 10, 7, 30, tzinfo=UTC)),  # a skipped hour
        # In the hour that comes twice nobody knows which of two changes was the later one.
        ("2030-11-03T01:30:00", None),
        ("", None),
        (None, None),
        ("soon", None),
        ("2030-02-30T00:00:00", None),
        ("1900-01-01T00:00:00", None),
        ("0001-01-01T00:00:00", None),
        ("9999-12-31T23:59:59", None),
        ("2030-03-01T16:20:05Z", None),
    ],
)
def test_when_something_came_about_is_the_sites_wall_clock(
    field: str, name: str, told: object, at: datetime | None
) -> None:
    record = read_appointment(**{"cancelled": "True", field: told})
    assert getattr(record, name) == at


def test_an_appointment_that_stands_was_not_cancelled_whatever_an_old_date_says() -> None:
    record = read_appointment(cancelled_date="2030-03-01T10:00:00")
    assert (record.status, record.cancelled_at) == ("booked", None)


@pytest.mark.parametrize("told", ["2019-06-11T00:00:00", "2019-06-11"])
def test_a_patient_came_about_on_a_day(told: str) -> None:
    assert read_patient(created_date=told).made_at == datetime(2019, 6, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize("told", ["", None, "2019-13-01", "0001-01-01T00:00:00"])
def test_a_patient_of_an_unknown_day_is_a_patient(told: str | None) -> None:
    assert read_patient(created_date=told).made_at is None


@pytest.mark.parametrize(
    ("numbers", "phone", "other"),
    [
        ({"cell": "1", "homephone": "2", "workphone": "3"}, "1", "2"),
        ({"cell": "1", "homephone": "1", "workphone": "3"}, "1", "3"),
        ({"cell": "", "homephone": "", "workphone": "3", "other_phone": "4"}, "3", "4"),
        ({"cell": "1", "homephone": "1", "workphone": ""}, "1", ""),
        ({"cell": None, "homephone": None, "workphone": None}, "", ""),
        ({"cell": 2075550123, "homephone": ""}, "2075550123", ""),
    ],
)
def test_a_second_number_is_another_one(numbers: dict[str, Any], phone: str, other: str) -> None:
    record = read_patient(**numbers)
    assert (record.phone, record.other_phone) == (phone, other)


def test_a_type_is_the_value_that_a_booking_takes() -> None:
    assert read_appointment(type="Hygiene").appointment_type_id == "Hygiene"


def test_types_of_appointment_are_told_once_however_many_practices_have_them(
    office: Office,
) -> None:
    general = {"category": "ApptType", "item": "General", "description": ""}
    office.lists(
        "/writeback_details",
        {**general, "practice_id": "1"},
        {"category": "Sex", "item": "female"},
        {**general, "practice_id": "2"},
        {"category": "appttype", "item": "HYG", "description": "Hygiene"},
        {"category": "appttype"},
    )
    general_type = AppointmentTypeRecord(
        external_id="General", name="General", minutes=None, is_active=True
    )
    assert office.read(Resource.APPOINTMENT_TYPES) == [
        general_type,
        AppointmentTypeRecord(external_id="HYG", name="Hygiene", minutes=None, is_active=True),
        Unreadable("has no item"),
    ]
    assert office.params(0)["writeback_type"] == "new_appointment"


# --- Records that cannot be read -----------------------------------------------------------------


def test_a_record_that_cannot_be_read_is_told_as_such_and_stops_no_other(office: Office) -> None:
    nameless = patient(2)
    del nameless["patient_id"]
    office.lists(
        "/patients",
        patient(1),
        nameless,
        patient(3, patient_id=""),
        patient(6, patient_id="6\x00"),
        patient(7, patient_id="7" * 201),
        patient(4, birthdate="1984-13-45T00:00:00"),
        patient(5),
    )
    found = office.read(Resource.PATIENTS)
    assert [record for record in found if isinstance(record, Unreadable)] == [
        Unreadable("has no patient_id"),
        Unreadable("has no usable id"),
        Unreadable("has no usable id"),
        Unreadable("has no usable id"),
        Unreadable("has a date, time or number that cannot be read", "4"),
    ]
    assert [each.external_id for each in found if isinstance(each, PatientRecord)] == ["1", "5"]


@pytest.mark.parametrize("item", [None, "words", 7, ["1"], True])
def test_what_is_no_record_at_all_stops_no_other(office: Office, item: object) -> None:
    office.lists("/patients", patient(1), item, patient(2))
    first, odd, second = office.read(Resource.PATIENTS)
    assert (first.external_id, second.external_id) == ("1", "2")
    assert odd == Unreadable("is no record")


@pytest.mark.parametrize("id", [None, "", " ", True, 1.5, {"a": 1}, ["1"], "a\nb", "7\ud800"])
def test_an_id_that_cannot_be_one_is_none(id: object) -> None:
    item = patient(1, patient_id=id)
    assert mapping.record(Resource.PATIENTS, item, {}) == Unreadable("has no usable id")


def test_an_id_may_be_a_number() -> None:
    assert read_patient(patient_id=5383).external_id == "5383"


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Zoë 🦷", "Zoë 🦷"),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("A\x00da", "Ada"),
        ("Ada\ud83d", "Ada"),
        (" Ada ", "Ada"),
        (7, "7"),
        (None, ""),
    ],
)
def test_texts_are_kept_as_far_as_a_database_can_keep_them(told: object, kept: str) -> None:
    assert read_patient(firstname=told).first_name == kept
    assert read_appointment(description=told).description == kept


def test_a_megabyte_of_notes_is_kept() -> None:
    assert len(read_appointment(description="x" * 2**20).description) == 2**20


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "2030-02-30T00:00:00"},
        {"date": None},
        {"time": "25:00"},
        {"time": ""},
        {"time": None},
        {"length": "an hour"},
        {"length": "9" * 30},
        {"length": 10**30},
        {"length": {"minutes": 30}},
        {"date": "9999-12-31T00:00:00", "time": "23:30"},
        {"time": "10:30Z"},
        {"time": "10:30-05:00"},
    ],
)
def test_an_impossible_time_is_told_with_the_appointment_that_has_it(
    changes: dict[str, Any],
) -> None:
    record = mapping.record(Resource.APPOINTMENTS, appointment(**changes), NEW_YORK)
    assert isinstance(record, Unreadable), record
    assert record.external_id == "70670"
    assert "2030" not in record.reason


@pytest.mark.parametrize("field", ["date", "time"])
def test_an_appointment_without_a_time_names_what_it_lacks(field: str) -> None:
    item = appointment()
    del item[field]
    record = mapping.record(Resource.APPOINTMENTS, item, NEW_YORK)
    assert record == Unreadable(f"has no {field}", "70670")
