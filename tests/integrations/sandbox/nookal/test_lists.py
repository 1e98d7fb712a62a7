"""Lists: the envelope, its pages, their filters, and what is shown of people and places."""

from typing import Any

import pytest

from .caller import Caller


def test_pages_are_told_in_settings_as_strings_and_counts_in_details(caller: Caller) -> None:
    answer = caller.ask("getPatients", page=2, page_length=200)
    assert answer["settings"] == {"currentPage": "2", "nextPage": "3", "pageLength": "200"}
    assert answer["details"] == {"totalItems": 650, "currentItems": 200}
    last = caller.ask("getPatients", page=4, page_length=200)
    assert last["settings"] == {"currentPage": "4", "nextPage": None, "pageLength": "200"}
    assert last["details"] == {"totalItems": 650, "currentItems": 50}


def test_a_page_has_100_items_unless_asked_and_every_one_comes_once(caller: Caller) -> None:
    seen: list[str] = []
    page: str | None = "1"
    while page:
        answer = caller.ask("getPatients", page=page)
        seen += [item["ID"] for item in answer["data"]["results"]["patients"]]
        assert answer["settings"]["pageLength"] == "100"
        page = answer["settings"]["nextPage"]
    assert seen == [str(number) for number in range(1, 651)]


@pytest.mark.parametrize("length", ["0", "201", "many", "-1"])
def test_page_lengths_go_from_1_to_200(caller: Caller, length: str) -> None:
    details = caller.refusal("getPatients", page_length=length)
    assert details["errorMessage"] == "Invalid variable: page_length"


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        ("getPatients", "page", "0"),
        ("getPatients", "last_modified", "yesterday"),
        ("getPatients", "last_modified", "2026-03-02T00:00:00Z"),
        ("getAppointments", "date_from", "02/03/2026"),
        ("getAppointments", "date_to", "2026-02-30"),
        ("getAppointments", "time_from", "9:00"),
    ],
)
def test_what_cannot_be_read_is_a_failure(
    caller: Caller, function: str, name: str, value: str
) -> None:
    details = caller.refusal(function, **{name: value})
    assert details["errorMessage"] == f"Invalid variable: {name}"


def test_a_parameter_that_nobody_knows_is_ignored(caller: Caller) -> None:
    answer = caller.ask("getPatients", updated_since="2026-03-02", phone="1")
    assert answer["details"]["totalItems"] == 650


def scalars(value: Any) -> set[type]:
    if isinstance(value, dict):
        return {kind for item in value.values() for kind in scalars(item)}
    if isinstance(value, list):
        return {kind for item in value for kind in scalars(item)}
    return {type(value)}


@pytest.mark.parametrize(
    "function",
    ["getPatients", "getAppointments", "getLocations", "getPractitioners", "getAppointmentTypes"],
)
def test_everything_in_a_list_is_a_string_or_null(caller: Caller, function: str) -> None:
    kinds = scalars(caller.results(function))
    assert str in kinds
    assert kinds <= {str, type(None)}


def test_lists_may_come_as_objects(caller: Caller) -> None:
    before = caller.results("getPractitioners", office="nookal-2")["practitioners"]
    caller.turn(nookal_objects=True)
    after = caller.results("getPractitioners", office="nookal-2")["practitioners"]
    assert list(after) == ["0", "1", "2"]
    assert after["2"]["locations"] == {"0": "1", "1": "2"}
    assert {**after["2"], "locations": ["1", "2"]} == before[2]
    # PHP cannot tell an empty object from an empty list.
    assert caller.results("getClasses") == {"classes": []}
    assert caller.alerts("addPatient")["0"] == "Missing variable: first_name"


def test_sites_have_their_own_time_zones(caller: Caller) -> None:
    found = caller.results("getLocations", office="nookal-2")["locations"]
    assert [(item["ID"], item["Timezone"]) for item in found] == [
        ("1", "Australia/Brisbane"),
        ("2", "Australia/Sydney"),
    ]


def test_inactive_practitioners_are_told_only_if_asked_for(caller: Caller) -> None:
    assert caller.ids("getPractitioners", "practitioners") == ["1", "2", "3"]
    everybody = caller.results("getPractitioners", include_inactive_practitioners=1)
    assert [item["status"] for item in everybody["practitioners"]] == ["1", "1", "1", "0"]


def test_appointment_types_come_as_services_with_their_minutes(caller: Caller) -> None:
    found = caller.results("getAppointmentTypes")
    assert list(found) == ["services"]
    assert [(item["Duration"], item["active"]) for item in found["services"]] == [
        ("45", "1"),
        ("30", "1"),
        ("60", "1"),
        ("20", "1"),
        ("30", "0"),
    ]


def test_what_never_changes_was_last_changed_at_the_beginning(caller: Caller) -> None:
    since = {"last_modified": "2026-03-02 01:00:00"}
    assert caller.ids("getLocations", "locations", **since) == ["1"]
    since = {"last_modified": "2026-03-02 01:00:01"}
    assert caller.ids("getLocations", "locations", **since) == []
    assert caller.ids("getPractitioners", "practitioners", **since) == []


def test_a_search_goes_by_how_names_begin_and_exactly_by_the_rest(caller: Caller) -> None:
    one = caller.patient("17")

    def found(**asked: str) -> list[str]:
        return caller.ids("searchPatients", "patients", **asked)

    begun = found(first_name=one["FirstName"][:3].upper(), last_name=one["LastName"][:2])
    assert "17" in begun
    assert len(begun) < 60
    assert found(first_name=one["FirstName"][1:], last_name=one["LastName"]) == []
    assert "17" in found(date_of_birth=one["DOB"], last_name=one["LastName"])
    assert found(online_code="QC00017") == ["17"]
    assert found(patient_id="17", date_of_birth="1900-01-01") == []
    assert "17" in found(date_created=one["DateCreated"][:10])


def test_a_search_by_mail_address_disregards_case_and_one_by_telephone_does_nothing(
    caller: Caller,
) -> None:
    number = caller.register(email="Ngozi@example.com")
    assert caller.ids("searchPatients", "patients", email="ngozi@EXAMPLE.com") == [number]
    assert caller.ids("searchPatients", "patients", email="ngozi@example.co") == []
    assert caller.ask("searchPatients", mobile="03 5550 0000")["details"]["totalItems"] == 651


def test_patients_who_have_died_are_listed_and_can_be_told_apart(caller: Caller) -> None:
    died = caller.ids("getPatients", "patients", deceased=1)
    assert 0 < len(died) < 30
    assert caller.ask("getPatients", deceased=0)["details"]["totalItems"] == 650 - len(died)
    assert {caller.patient(number)["active"] for number in died} == {"0"}


def test_appointments_are_found_by_their_people_places_days_and_times(caller: Caller) -> None:
    everything = caller.results("getAppointments", office="nookal-2", page_length=200)
    appointments = everything["appointments"]

    def found(**asked: str) -> list[str]:
        return caller.ids("getAppointments", "appointments", office="nookal-2", **asked)

    def those(**fields: str) -> list[str]:
        return [
            item["ID"]
            for item in appointments
            if all(item[name] == value for name, value in fields.items())
        ]

    patient_id = appointments[-1]["patientID"]
    assert found(patient_id=patient_id) == those(patientID=patient_id)
    assert found(practitioner_id="3") == those(practitionerID="3") != []
    assert found(location_id="2") == those(locationID="2") != []
    assert found(service_id="4") == those(appointmentTypeID="4") != []
    assert found(class_id="4") == []
    assert found(date_from="2026-03-05", date_to="2026-03-06") == [
        item["ID"]
        for item in appointments
        if item["appointmentDate"] in ("2026-03-05", "2026-03-06")
    ]
    assert found(time_from="09:00:00", time_to="10:15:00") == [
        item["ID"]
        for item in appointments
        if "09:00:00" <= item["appointmentStartTime"] <= "10:15:00"
    ]


def test_appointments_are_found_by_what_became_of_them(caller: Caller) -> None:
    pending, missed, cancelled = (caller.book(start_time=f"1{hour}:00:00") for hour in range(3))
    caller.change("appointment", "no_show", missed)
    caller.change("appointment", "cancel", cancelled)

    def found(status: str) -> list[str]:
        return caller.ids(
            "getAppointments",
            "appointments",
            appt_status=status,
            date_from="2026-03-08",
            date_to="2026-03-08",
        )

    assert (found("Pending"), found("DNA"), found("Cancelled")) == (
        [pending],
        [missed],
        [cancelled],
    )


def test_there_are_no_classes_and_no_function_for_one_appointment(caller: Caller) -> None:
    assert caller.results("getClasses") == {"classes": []}
    assert caller.results("getClassTypes") == {"classes": []}
    assert caller.call("getAppointment").status_code == 404
