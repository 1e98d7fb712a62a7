"""Medical notes: their types, what is checked at once, and reading them back."""

import pytest

from .gateway import Gateway, code

NOTE = {
    "patient_id": "1001",
    "type": "Clinical Note",
    "text": "Asked for a quiet room.",
    "date": "2026-03-02",
    "provider_id": "DMD1",
    "practice_id": "1",
}


def test_a_note_stands_in_the_record_after_its_delay(gateway: Gateway) -> None:
    write = gateway.write("POST", "/medical_notes", NOTE)
    assert gateway.items("/medical_notes", patient_id="1001", startdate="2026-03-02") == []

    done = gateway.done(write)
    (note,) = gateway.items("/medical_notes", patient_id="1001", startdate="2026-03-02")
    (whole,) = gateway.items(
        "/medical_notes", patient_id="1001", startdate="2026-03-02", fields="get_all"
    )

    assert (done["status"], done["result"]) == ("Success", "New Medical Note inserted successfully")
    assert (done["api"], done["patient_id"]) == ("medical_notes", "1001")
    expected = {**NOTE, "date": "2026-03-02T00:00:00", "procedure_date": "2026-03-02T00:00:00"}
    assert {name: note[name] for name in expected} == expected
    assert "note_id" not in note
    assert whole["note_id"] == done["created_id"]
    assert note["href"] == "http://localhost/sikka/v4/practices/1/medical_notes"


def test_the_list_of_writes_calls_it_a_medical_note(gateway: Gateway) -> None:
    gateway.write("POST", "/medical_notes", NOTE)
    (listed,) = gateway.listed()
    assert (listed["method"], listed["api_name"]) == ("POST", "medical_note")
    assert "&text=Asked for a quiet room.&" in listed["api_request_body"]
    assert listed["api_request_body"].endswith("&apiname=POST medical_notes")


@pytest.mark.parametrize("missing", list(NOTE))
def test_a_missing_field_is_named(gateway: Gateway, missing: str) -> None:
    body = {name: value for name, value in NOTE.items() if name != missing}
    refused = gateway.call("POST", "/medical_notes", json=body)
    assert code(refused) == (400, "API1026")
    assert refused.get_json()["long_message"] == f"Parameter {missing} is required."
    assert gateway.listed() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "clinical note"}, (400, "API1026")),
        ({"date": "03/02/2026"}, (400, "API1026")),
        ({"text": "x" * 201}, (400, "API1026")),
        ({"type": "Appointment Note"}, (400, "API1026")),
        ({"practice_id": "2"}, (401, "API2007")),
    ],
)
def test_a_wrong_field_is_refused_at_once(
    gateway: Gateway, change: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(gateway.call("POST", "/medical_notes", json={**NOTE, **change})) == expected
    assert gateway.listed() == []


def test_how_long_a_note_may_be_is_a_knob(gateway: Gateway) -> None:
    gateway.write("POST", "/medical_notes", {**NOTE, "text": "x" * 200})
    gateway.turn(note_length=60)
    refused = gateway.call("POST", "/medical_notes", json={**NOTE, "text": "x" * 61})
    assert refused.get_json()["long_message"] == "Parameter text must have 60 characters or fewer."
    gateway.write("POST", "/medical_notes", {**NOTE, "text": "x" * 60})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"patient_id": "9"}, "Patient 9 does not exist"),
        ({"provider_id": "DMD9"}, "Provider DMD9 does not exist or is inactive"),
        (
            {"type": "Appointment Note", "appointment_sr_no": "7"},
            "Appointment 7 does not exist",
        ),
    ],
)
def test_what_the_practice_does_not_know_fails_there(
    gateway: Gateway, change: dict[str, str], reason: str
) -> None:
    failed = gateway.done(gateway.write("POST", "/medical_notes", {**NOTE, **change}))
    assert (failed["status"], failed["result"]) == ("Failed", reason)
    assert gateway.books()["medical_notes"] == []


def test_notes_are_found_by_patient_type_and_day(gateway: Gateway) -> None:
    everything = gateway.items("/medical_notes", limit=5000)
    one = everything[0]
    assert {note["type"] for note in everything} == {"Clinical Note"}
    found = gateway.items(
        "/medical_notes",
        patient_id=one["patient_id"],
        note_type="CLINICAL NOTE",
        date_filter_on="procedure_date",
        startdate=one["date"][:10],
        enddate=one["date"][:10],
    )
    assert one in found
    assert {(note["patient_id"], note["date"]) for note in found} == {
        (one["patient_id"], one["date"])
    }
    assert gateway.items("/medical_notes", note_type="PatNote") == []
    assert code(gateway.get("/medical_notes", date_filter_on="text")) == (400, "API1026")
    assert gateway.get("/medical_notes", additional_id="1").status_code == 501
    assert "Data-Insert" not in gateway.get("/medical_notes").headers
