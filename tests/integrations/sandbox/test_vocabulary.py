"""The words a write may use: statuses, types, and the lists that tell them."""

import pytest

from .gateway import BOOKING, Gateway, code


def set_status(gateway: Gateway, value: str) -> dict[str, str]:
    """Set the status of an appointment to come and return it as it reads then."""
    body = {
        "op": "replace",
        "path": "/appointment_status",
        "value": value,
        "practice_id": "1",
        "appointment_sr_no": "70120",
    }
    assert gateway.done(gateway.write("PATCH", "/appointments/70120", body))["status"] == "Success"
    (after,) = gateway.items("/appointments", appointment_sr_no="70120", fields="get_all")
    return after


def test_a_patient_can_be_marked_as_arrived(gateway: Gateway) -> None:
    after = set_status(gateway, "arrived")
    assert (after["status"], after["arrival_status"]) == ("Arrived", "Arrived")
    assert after["arrival_time"] == "10:00"
    assert gateway.items("/appointments", arrival_status="arrived") != []


def test_a_patient_can_be_marked_as_having_stayed_away(gateway: Gateway) -> None:
    after = set_status(gateway, "no show")
    assert (after["status"], after["cancelled"], after["arrival_status"]) == (
        "No Show",
        "False",
        "",
    )


def test_every_value_a_write_may_set_leads_to_a_status_that_is_listed(gateway: Gateway) -> None:
    listed = [item["status"] for item in gateway.items("/appointment_statuses")]
    values = [item["value"] for item in gateway.items("/practice_variables")]
    assert {"arrived", "no show", "cancelled"} <= set(values)
    for value in values:
        assert set_status(gateway, value)["status"] in listed


def test_the_types_of_notes_are_told_for_each_practice(gateway: Gateway) -> None:
    found = gateway.items("/note_types", office="D10002", practice_id="2")
    assert [item["type"] for item in found] == ["Clinical Note", "PatNote", "Appointment Note"]
    assert len(gateway.items("/note_types", office="D10002")) == 6
    (one,) = gateway.items("/note_types", type="patnote")
    assert one == {
        "href": "http://localhost/sikka/v4/practices/1/note_types/PatNote",
        "practice_id": "1",
        "practice_href": "http://localhost/sikka/v4/practices/1",
        "description": "",
        "type": "PatNote",
        "cust_id": "1",
        "item": "",
    }


def test_the_details_of_a_write_are_told_by_its_kind(gateway: Gateway) -> None:
    def details(**query: str) -> list[tuple[str, str]]:
        items = gateway.items("/writeback_details", **query)
        return [(item["category"], item["item"]) for item in items]

    types = ["General", "Exam", "Hygiene", "Emergency", "New Patient"]
    assert details(writeback_type="new_appointment") == [("appttype", name) for name in types]
    assert details(writeback_type="update_appointment", item="exam") == [("ApptType", "Exam")]
    assert details(writeback_type="new_appointment", category="apptdesc") == []
    assert details(writeback_type="lab_result") == []
    assert details(writeback_type="update_patient") == []

    gateway.turn(dolphin=True)
    assert details(writeback_type="update_patient", category="Status") == [
        ("Status", "Active"),
        ("Status", "Inactive"),
    ]


@pytest.mark.parametrize("query", [{}, {"writeback_type": "new_car"}])
def test_the_details_need_a_kind_of_write(gateway: Gateway, query: dict[str, str]) -> None:
    assert code(gateway.get("/writeback_details", **query)) == (400, "API1026")


def test_an_appointment_takes_only_types_that_are_told(gateway: Gateway) -> None:
    refused = gateway.call("POST", "/appointment", json={**BOOKING, "type": "exam"})
    moved = {"practice_id": "1", "provider_id": "DMD1", "type": "Cleaning"}
    assert code(refused) == (400, "API1026")
    assert code(gateway.call("PUT", "/appointments/70120", json=moved)) == (400, "API1026")
    assert gateway.listed() == []

    gateway.done(gateway.book(type="Exam"))
    assert [item["type"] for item in gateway.booked()] == ["Exam"]
