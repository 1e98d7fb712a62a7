"""What the practice's own people do: it is true at once, and readers see it after the lag."""

from typing import Any

import pytest

from .gateway import Gateway

EVENING = {"starts_at": "2026-03-10T18:30:00-04:00", "minutes": 45}


def complaint(gateway: Gateway, body: dict[str, Any]) -> str:
    answer = gateway.client.post("/control/records", json={"office_id": "D10001", **body})
    assert answer.status_code == 400, answer.text
    return answer.get_json()["error"]


def patient(gateway: Gateway, id: str) -> list[dict[str, str]]:
    return gateway.items("/patients", patient_id=id, fields="get_all")


def appointment(gateway: Gateway, id: str) -> list[dict[str, str]]:
    return gateway.items("/appointments", appointment_sr_no=id, fields="get_all")


def test_the_truth_is_what_the_lists_show_in_other_words(gateway: Gateway) -> None:
    known = gateway.truth()
    people = {item["patient_id"]: item for item in gateway.items("/patients", limit=5000)}
    visits = gateway.items("/appointments", limit=5000)

    assert known["patients"].keys() == people.keys()
    for id, told in known["patients"].items():
        item = people[id]
        assert (told["first_name"], told["last_name"]) == (item["firstname"], item["lastname"])
        assert told["birth_date"] == item["birthdate"][:10]
        assert told["is_active"] is (item["status"] == "Active")
    assert known["appointments"].keys() == {item["appointment_sr_no"] for item in visits}
    assert {told["status"] for told in known["appointments"].values()} == {
        *("booked", "fulfilled", "cancelled"),
    }


def test_a_new_patient_is_true_at_once_and_seen_after_the_lag(gateway: Gateway) -> None:
    gateway.turn(refresh_lag=900)
    values = {"first_name": "Ada", "last_name": "Quint", "birth_date": "1990-05-17"}
    new = gateway.change("patient", "create", **values, email="", phone="207-555-0101")

    assert gateway.truth()["patients"][new] == {
        **values,
        "email": "",
        "phone": "207-555-0101",
        "is_active": True,
    }
    gateway.clock.advance(899)
    assert patient(gateway, new) == []
    gateway.clock.advance(1)
    (seen,) = patient(gateway, new)
    assert (seen["firstname"], seen["birthdate"]) == ("Ada", "1990-05-17T00:00:00")
    assert new not in gateway.truth("D10002")["patients"]


def test_what_is_not_named_gets_a_usual_value(gateway: Gateway) -> None:
    someone = gateway.change("patient", "create")
    visit = gateway.change("appointment", "create")

    known = gateway.truth()
    assert known["patients"][someone]["last_name"] == f"Number {someone}"
    assert known["appointments"][visit] == {
        "patient_id": "1001",
        "practitioner_id": "DMD1",
        "location_id": "1",
        "starts_at": "2026-03-03T15:00:00+00:00",
        "ends_at": "2026-03-03T15:30:00+00:00",
        "status": "booked",
        "description": "Limited exam",
    }
    (seen,) = appointment(gateway, visit)
    assert (seen["time"], seen["length"], seen["operatory"]) == ("10:00", "30", "OP1")


def test_an_update_changes_what_it_names_and_nothing_else(gateway: Gateway) -> None:
    (before,) = patient(gateway, "1001")
    gateway.change("patient", "update", "1001", last_name="Okonkwo", birth_date="")
    (after,) = patient(gateway, "1001")

    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"lastname", "birthdate", "rowhash"}
    assert gateway.truth()["patients"]["1001"]["birth_date"] == ""


def test_an_appointment_is_moved_on_the_wall_clock_of_the_practice(gateway: Gateway) -> None:
    visit = gateway.change("appointment", "create", practitioner_id="HYG1")
    gateway.clock.advance(60)
    gateway.change("appointment", "update", visit, **EVENING, operatory_id="OP4", patient_id="1002")

    (seen,) = appointment(gateway, visit)
    told = gateway.truth()["appointments"][visit]
    assert (seen["date"], seen["time"], seen["length"]) == ("2026-03-10T00:00:00", "18:30", "45")
    assert (seen["operatory"], seen["provider_id"]) == ("OP4", "HYG1")
    assert seen["last_changed_date"] == "2026-03-02T10:01:00"
    assert (told["starts_at"], told["ends_at"]) == (
        "2026-03-10T22:30:00+00:00",
        "2026-03-10T23:15:00+00:00",
    )
    assert told["patient_id"] == "1002"


def test_a_visit_over_the_change_of_the_clocks_takes_its_minutes(gateway: Gateway) -> None:
    start = "2026-03-08T01:30:00-05:00"  # the clocks go forward half an hour later
    visit = gateway.change("appointment", "create", starts_at=start, minutes=60)
    told = gateway.truth()["appointments"][visit]
    assert (told["starts_at"], told["ends_at"]) == (
        "2026-03-08T06:30:00+00:00",
        "2026-03-08T07:30:00+00:00",
    )


@pytest.mark.parametrize(
    ("action", "word", "status"),
    [
        ("cancel", "Cancelled", "cancelled"),
        ("no_show", "No Show", "noshow"),
        ("complete", "Completed", "fulfilled"),
    ],
)
def test_an_appointment_ends_in_a_status_and_stays_in_the_lists(
    gateway: Gateway, action: str, word: str, status: str
) -> None:
    gateway.change("appointment", action, "70100")
    (seen,) = appointment(gateway, "70100")
    assert seen["status"] == word
    assert gateway.truth()["appointments"]["70100"]["status"] == status


def test_an_archived_patient_is_there_and_not_active(gateway: Gateway) -> None:
    gateway.change("patient", "archive", "1001")
    assert [item["status"] for item in patient(gateway, "1001")] == ["Inactive"]
    assert gateway.truth()["patients"]["1001"]["is_active"] is False
    gateway.change("patient", "unarchive", "1001")
    assert gateway.truth()["patients"]["1001"]["is_active"] is True


def test_what_is_deleted_is_in_no_list_and_counts_as_nothing(gateway: Gateway) -> None:
    gateway.change("appointment", "delete", "70100")
    assert appointment(gateway, "70100") == []
    assert len(gateway.items("/appointments", limit=5000)) == 146
    assert "70100" not in gateway.truth()["appointments"]

    assert complaint(gateway, {"kind": "appointment", "action": "cancel", "id": "70100"}) == (
        "there is no appointment 70100"
    )
    body = {"op": "replace", "path": "/appointment_status", "value": "broken"}
    ids = {"practice_id": "1", "appointment_sr_no": "70100"}
    write = gateway.write("PATCH", "/appointments/70100", {**body, **ids})
    assert gateway.done(write)["result"] == "Appointment 70100 does not exist"
    assert appointment(gateway, "70100") == []


def test_a_deleted_appointment_frees_its_time(gateway: Gateway) -> None:
    gateway.turn(reject_overlaps=True)
    visit = gateway.change("appointment", "create", starts_at="2026-03-10T18:30:00-04:00")
    refused = gateway.done(gateway.book())
    gateway.change("appointment", "delete", visit)
    booked = gateway.done(gateway.book())
    assert (refused["status"], booked["status"]) == ("Failed", "Success")


def test_a_patient_is_deleted_with_their_appointments(gateway: Gateway) -> None:
    visit = gateway.change("appointment", "create", patient_id="1001")
    gateway.change("patient", "delete", "1001")
    known = gateway.truth()
    assert "1001" not in known["patients"]
    assert visit not in known["appointments"]
    assert gateway.items("/appointments", patient_id="1001") == []


def test_a_merge_leaves_one_patient_with_what_both_had(gateway: Gateway) -> None:
    visit = gateway.change("appointment", "create", patient_id="1001")
    gateway.change("patient", "merge", "1001", into="1002")

    known = gateway.truth()
    (seen,) = appointment(gateway, visit)
    (kept,) = patient(gateway, "1002")
    assert "1001" not in known["patients"]
    assert known["appointments"][visit]["patient_id"] == "1002"
    assert seen["patient_name"] == f"{kept['firstname']} {kept['lastname']}"
    for path in ("/appointments", "/transactions", "/medical_notes"):
        assert gateway.items(path, patient_id="1001") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "patient", "action": "update", "id": "9"}, "there is no patient 9"),
        ({"kind": "patient", "action": "merge", "id": "1001", "into": "9"}, "no patient 9"),
        ({"kind": "patient", "action": "merge", "id": "1001", "into": "1001"}, "into themselves"),
        ({"kind": "appointment", "action": "archive", "id": "70100"}, "cannot archive"),
        ({"kind": "patient", "action": "fly"}, "kind and action must be one of"),
        ({"kind": "patient", "action": "create", "values": {"age": "7"}}, "patient has no age"),
        ({"kind": "patient", "action": "create", "values": {"email": 7}}, "email must be a string"),
        (
            {"kind": "patient", "action": "create", "values": {"birth_date": "17/05/1990"}},
            "birth_date must be a date",
        ),
        (
            {"kind": "patient", "action": "archive", "id": "1001", "values": {"email": ""}},
            "archive takes no values",
        ),
        (
            {
                "kind": "appointment",
                "action": "create",
                "values": {"starts_at": "2026-03-10T10:00"},
            },
            "starts_at must be a whole minute with an offset",
        ),
        (
            {"kind": "appointment", "action": "create", "values": {"starts_at": "soon"}},
            "starts_at must be a time",
        ),
        ({"kind": "appointment", "action": "create", "values": {"minutes": 0}}, "minutes must be"),
        (
            {"kind": "appointment", "action": "create", "values": {"patient_id": "9"}},
            "there is no patient 9",
        ),
        (
            {"kind": "appointment", "action": "create", "values": {"practitioner_id": "DMD9"}},
            "there is no practitioner DMD9",
        ),
        (
            {
                "kind": "appointment",
                "action": "update",
                "id": "70100",
                "values": {"location_id": "7"},
            },
            "there is no location 7",
        ),
        (
            {"kind": "appointment", "action": "create", "values": {"operatory_id": "OP9"}},
            "there is no operatory OP9",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    gateway: Gateway, body: dict[str, Any], expected: str
) -> None:
    before = gateway.truth()
    assert expected in complaint(gateway, body)
    assert gateway.truth() == before
