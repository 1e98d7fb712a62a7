"""Reading an office: pages, and what each field of Sikka becomes with us."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import responses

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PractitionerRecord,
    Unreadable,
)
from integrations.adapters.sikka import mapping
from integrations.http.errors import BudgetExhausted, Throttled
from tests.integrations.adapters.conftest import URL, Office, envelope

NEXT = f"{URL}/patients?offset=1&limit=1000"
NEW_YORK = {"1": "America/New_York"}


def patient(number: int, **changes: Any) -> dict[str, Any]:
    item = {
        "patient_id": str(number),
        "firstname": "Ada",
        "lastname": "Invented",
        "birthdate": "1984-12-10T00:00:00",
        "status": "Active",
        "cell": "207-555-0123",
        "email": "ada@example.org",
        "homephone": "",
        "workphone": "",
    }
    return item | changes


def appointment(**changes: Any) -> dict[str, Any]:
    item = {
        "appointment_sr_no": "70670",
        "patient_id": "5383",
        "provider_id": "DMD2",
        "practice_id": "1",
        "operatory": "OP1",
        "date": "2030-03-05T00:00:00",
        "time": "10:30",
        "length": "60",
        "status": "Unconfirmed",
        "cancelled": "False",
        "description": "Seat crown",
    }
    return item | changes


def read_appointment(**changes: Any) -> AppointmentRecord:
    return mapping.appointment(appointment(**changes), NEW_YORK)


# --- Lists ---------------------------------------------------------------------------------------


def test_pages_are_asked_for_by_their_number_until_no_next_one_is_named(office: Office) -> None:
    office.lists("/patients", patient(1), patient(2), following=NEXT)
    office.lists("/patients", patient(3), following=NEXT)
    office.lists("/patients", patient(4), following="")

    found = [record.external_id for record in office.sikka.patients()]

    assert found == ["1", "2", "3", "4"]
    assert [office.params(number) for number in range(3)] == [
        {"fields": "get_all", "offset": page, "limit": "1000"} for page in ("0", "1", "2")
    ]
    assert len(office.spent) == 3


def test_a_list_that_names_no_further_page_is_one_call(office: Office) -> None:
    answer = envelope(patient(1))
    del answer["pagination"]
    office.answers("GET", "/patients", answer)
    assert len(list(office.sikka.patients())) == 1
    assert len(office.requests) == 1


def test_an_empty_list_has_no_body(office: Office) -> None:
    office.answers("GET", "/patients", status=204)
    assert list(office.sikka.patients()) == []
    assert len(office.requests) == 1


def test_an_empty_page_ends_the_list_whatever_it_names_next(office: Office) -> None:
    office.lists("/patients", following=NEXT)
    assert list(office.sikka.patients()) == []
    assert len(office.requests) == 1


def test_a_list_that_ends_on_a_full_page_is_ended_by_204(office: Office) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    office.answers("GET", "/patients", status=204)
    assert len(list(office.sikka.patients())) == 1
    assert len(office.requests) == 2


@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=UTF-8"])
@pytest.mark.parametrize("wrap", [lambda answer: answer, lambda answer: [answer]])
def test_an_envelope_may_come_in_an_array_and_as_text(
    office: Office, content_type: str, wrap: Any
) -> None:
    first, last = envelope(patient(1), following=NEXT), envelope(patient(2))
    office.answers("GET", "/patients", wrap(first), content_type=content_type)
    office.answers("GET", "/patients", wrap(last), content_type=content_type)
    assert [record.external_id for record in office.sikka.patients()] == ["1", "2"]


def test_what_was_read_before_an_error_is_not_lost(office: Office) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    office.answers("GET", "/patients", status=429)
    found = office.sikka.patients()
    assert next(found).external_id == "1"
    with pytest.raises(Throttled):
        next(found)
    assert len(office.requests) == 2


def test_every_page_spends_before_it_is_asked_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    sikka = office.sikka
    found = sikka.patients()
    next(found)

    def used_up(scopes: object) -> None:
        raise BudgetExhausted("All used.")

    monkeypatch.setattr(office.guard, "spend", used_up)
    with pytest.raises(BudgetExhausted):
        next(found)
    assert len(office.requests) == 1


def test_a_key_that_ends_between_two_pages_is_renewed_and_no_page_is_skipped(
    office: Office,
) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    office.answers("GET", "/patients", {"error_code": "API1025"}, 400)
    office.lists("/patients", patient(2))
    assert [record.external_id for record in office.sikka.patients()] == ["1", "2"]
    assert [office.params(number)["offset"] for number in range(3)] == ["0", "1", "1"]


# --- Sites and people ----------------------------------------------------------------------------


def practice(office_id: str, practice_id: str = "1", **changes: str) -> dict[str, str]:
    item = {
        "office_id": office_id,
        "practice_id": practice_id,
        "practice_name": "Maple Street",
        "practice_management_system_refresh_date_time_zone": "Eastern Standard Time",
        "secret_key": "somebody's",
    }
    return item | changes


def test_only_the_sites_of_exactly_this_office_are_ours(office: Office) -> None:
    others = [practice(name) for name in ("D10", "d1", " D1", "D1 ", "", "1")]
    nameless = practice("")
    del nameless["office_id"]
    office.lists("/authorized_practices", *others, practice("D1"), nameless, practice("D1", "2"))
    assert list(office.sikka.locations()) == [
        LocationRecord(external_id=number, name="Maple Street", timezone="America/New_York")
        for number in ("1", "2")
    ]
    assert office.params(0)["show"] == "all"


def test_a_site_of_another_office_may_be_unreadable(office: Office) -> None:
    broken = practice("D2", practice_management_system_refresh_date_time_zone="")
    office.lists("/authorized_practices", broken, practice("D1"))
    assert len(list(office.sikka.locations())) == 1


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
    assert mapping.location(item).timezone == iana


@pytest.mark.parametrize("zone", ["", "Nowhere Standard Time", "EST"])
def test_an_unknown_zone_is_not_guessed(zone: str) -> None:
    item = practice("D1", practice_management_system_refresh_date_time_zone=zone)
    with pytest.raises(mapping.UnreadableRecord, match="not a known Windows zone"):
        mapping.location(item)


def test_practitioners_are_the_providers(office: Office) -> None:
    provider = {"provider_id": "DMD1", "firstname": "Helena", "lastname": "Marsh"}
    office.lists(
        "/providers",
        {**provider, "status": "Active"},
        {**provider, "provider_id": "HYG2", "status": "INACTIVE", "firstname": None},
    )
    assert list(office.sikka.practitioners()) == [
        PractitionerRecord(
            external_id="DMD1", first_name="Helena", last_name="Marsh", is_active=True
        ),
        PractitionerRecord(external_id="HYG2", first_name="", last_name="Marsh", is_active=False),
    ]


def test_operatories_are_asked_for_by_each_customer_of_the_office_once(office: Office) -> None:
    office.lists("/practices", {"cust_id": "2"}, {"cust_id": "1"}, {"cust_id": "2"})
    office.lists("/operatories", {"operatory": "OP1", "abbreviation": "Chair 1"})
    office.lists("/operatories", {"operatory": "OP2", "abbreviation": ""})
    assert list(office.sikka.operatories()) == [
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
    assert getattr(mapping.patient(patient(1, **changes)), field) == value


def test_a_whole_patient() -> None:
    assert mapping.patient(patient(1)) == PatientRecord(
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
    (record,) = office.sikka.appointments(first, last, NEW_YORK)
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
        "limit": "1000",
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
        for record in office.sikka.appointments(day, day, zones)
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
    with pytest.raises(mapping.UnreadableRecord, match=reason) as caught:
        read_appointment(**changes)
    assert "5383" not in str(caught.value)


@pytest.mark.parametrize("field", ["patient_id", "provider_id", "operatory", "description"])
@pytest.mark.parametrize("nothing", ["", None])
def test_what_is_not_told_is_empty(field: str, nothing: object) -> None:
    names = {"provider_id": "practitioner_id", "operatory": "operatory_id"}
    record = read_appointment(**{field: nothing})
    assert getattr(record, names.get(field, field)) == ""


def test_nothing_is_asked_for_before_somebody_reads() -> None:
    with responses.RequestsMock() as pms:
        office = Office(pms)
        office.sikka.patients()
        office.sikka.locations()
        assert office.requests == []
    assert office.spent == []


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
    found = list(office.sikka.patients())
    assert [record.external_id for record in found if isinstance(record, PatientRecord)] == [
        "1",
        "5",
    ]
    assert [record.reason for record in found if isinstance(record, Unreadable)] == [
        "has no patient_id",
        "has no usable id",
        "has no usable id",
        "has no usable id",
        "has a date, time or number that cannot be read",
    ]
