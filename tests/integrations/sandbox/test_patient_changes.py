"""PATCH /patient: what only some practice-management systems can do."""

import pytest

from .gateway import Gateway, code, receipt_number

CHANGE = {"practice_id": "1", "lastname": "Okonkwo", "birthdate": "1990-05-17"}


@pytest.fixture
def dolphin(gateway: Gateway) -> Gateway:
    """A gateway whose first office runs Dolphin Management."""
    gateway.turn(dolphin=["D10001"])
    return gateway


def test_a_patient_is_changed_after_the_delay_and_nothing_else_is(dolphin: Gateway) -> None:
    (before,) = dolphin.items("/patients", patient_id="1001", fields="get_all")
    answer = dolphin.call("PATCH", "/patient/1001", json=CHANGE)

    assert code(answer) == (200, "API0011")
    assert answer.get_json(force=True) == {
        "http_code": "200",
        "http_code_desc": "OK",
        "error_code": "API0011",
        "short_message": "Patient update request logged successfully",
        "long_message": "Id:275495",
        "more_information": "http://localhost/sikka/v4/writeback_status?id=275495",
    }
    assert dolphin.items("/patients", patient_id="1001", fields="get_all") == [before]

    done = dolphin.done(receipt_number(answer))
    (after,) = dolphin.items("/patients", patient_id="1001", fields="get_all")

    assert (done["status"], done["patient_id"], done["appointment_sr_no"], done["created_id"]) == (
        "Success",
        "1001",
        "",
        "",
    )
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"lastname", "birthdate", "rowhash"}
    assert (after["lastname"], after["birthdate"]) == ("Okonkwo", "1990-05-17T00:00:00")
    (listed,) = dolphin.listed()
    assert (listed["method"], listed["api_name"]) == ("PATCH", "patient")
    assert listed["api_request_body"].endswith("&apiname=PATCH patients&id=1001")


def test_other_systems_cannot_change_patients(dolphin: Gateway) -> None:
    refused = dolphin.call("PATCH", "/patient/901", office="D10002", json=CHANGE)
    assert code(refused) == (401, "API2004")
    dolphin.turn(dolphin=False)
    assert code(dolphin.call("PATCH", "/patient/1001", json=CHANGE)) == (401, "API2004")
    assert dolphin.listed() == []


def test_the_office_tells_which_system_it_runs(dolphin: Gateway) -> None:
    offices = dolphin.items("/authorized_practices", office=None)
    assert [(item["office_id"], item["practice_management_system"]) for item in offices] == [
        ("D10001", "Dolphin Management"),
        ("D10002", "DENTRIX"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"lastname": "Okonkwo"}, (400, "API1026")),
        ({"practice_id": "1"}, (400, "API1026")),
        ({"practice_id": "1", "lastname": " "}, (400, "API1026")),
        ({**CHANGE, "email": "o@example.org"}, (400, "API1026")),
        ({**CHANGE, "cell": "207-555-0101"}, (400, "API1026")),
        ({**CHANGE, "patient_id": "1002"}, (400, "API1026")),
        ({**CHANGE, "birthdate": "2026-03-03"}, (400, "API1026")),
        ({**CHANGE, "birthdate": "17.5.1990"}, (400, "API1026")),
        ({**CHANGE, "gender": "f"}, (400, "API1026")),
        ({**CHANGE, "status": "active"}, (400, "API1026")),
        ({**CHANGE, "preferred_name": "x" * 51}, (400, "API1026")),
        ({**CHANGE, "practice_id": "2"}, (401, "API2007")),
    ],
)
def test_a_wrong_change_is_refused_at_once(
    dolphin: Gateway, body: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(dolphin.call("PATCH", "/patient/1001", json=body)) == expected
    assert dolphin.listed() == []


@pytest.mark.parametrize(
    ("patient_id", "change", "reason"),
    [
        ("9", {}, "Patient 9 does not exist"),
        ("1001", {"provider_id": "HYG2"}, "Provider HYG2 does not exist or is inactive"),
    ],
)
def test_what_the_practice_does_not_know_fails_there(
    dolphin: Gateway, patient_id: str, change: dict[str, str], reason: str
) -> None:
    write = dolphin.write("PATCH", f"/patient/{patient_id}", {**CHANGE, **change})
    failed = dolphin.done(write)
    assert (failed["status"], failed["result"]) == ("Failed", reason)
    assert dolphin.books()["traces"] == []


def test_a_birthdate_to_come_is_refused_for_a_new_patient_too(gateway: Gateway) -> None:
    body = {
        "firstname": "Ngozi",
        "lastname": "O'Hara",
        "provider_id": "DMD1",
        "practice_id": "1",
        "birthdate": "2026-03-03",
    }
    assert code(gateway.call("POST", "/patient", json=body)) == (400, "API1026")
    gateway.write("POST", "/patient", {**body, "birthdate": "2026-03-02"})
