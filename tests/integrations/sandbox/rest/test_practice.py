"""What the account's own people do, how lists tell of it, and what is true."""

from typing import Any

import pytest

from .service import Service

EVENING = {"starts_at": "2026-03-10T19:30:00-05:00", "minutes": 45}


def gone(service: Service, path: str, id: str) -> bool:
    listed = [item["id"] for item in service.data(path)]
    return service.get(f"{path}/{id}").status_code == 404 and int(id) not in listed


def test_the_truth_is_what_the_lists_show_in_other_words(service: Service) -> None:
    known = service.truth()
    people = {str(item["id"]): item for item in service.data("/clients")}
    visits = {str(item["id"]): item for item in service.data("/appointments")}

    assert known["patients"] == {
        id: {
            "first_name": item["first_name"],
            "last_name": item["last_name"],
            "birth_date": item["date_of_birth"],
            "email": item["email"] or "",
            "phone": item["phone"] or "",
            "is_active": item["active"],
        }
        for id, item in people.items()
    }
    assert known["appointments"].keys() == visits.keys()
    words = {"completed": "fulfilled", "no_show": "noshow"}
    for id, told in known["appointments"].items():
        item = visits[id]
        assert told["status"] == words.get(item["status"], item["status"])
        assert told["patient_id"] == str(item["client_id"])


def test_what_the_practice_does_shows_at_once(service: Service) -> None:
    values = {"first_name": "Ada", "last_name": "Quint", "birth_date": "", "email": ""}
    someone = service.change("patient", "create", **values)
    visit = service.change("appointment", "create", patient_id=someone, **EVENING)

    shown = service.one(f"/appointments/{visit}")
    assert service.one(f"/clients/{someone}")["date_of_birth"] is None
    assert (shown["client_id"], shown["starts_at"], shown["duration_minutes"]) == (
        int(someone),
        "2026-03-10T19:30:00",
        45,
    )
    assert service.truth()["appointments"][visit] == {
        "patient_id": someone,
        "practitioner_id": "101",
        "location_id": "11",
        "starts_at": "2026-03-11T00:30:00+00:00",
        "ends_at": "2026-03-11T01:15:00+00:00",
        "status": "booked",
        "description": "Follow-up",
    }


def test_what_is_not_named_gets_a_usual_value(service: Service) -> None:
    someone = service.change("patient", "create", account="rest-2")
    visit = service.change("appointment", "create", account="rest-2", location_id="12")
    known = service.truth("rest-2")
    assert known["patients"][someone]["last_name"] == f"Number {someone}"
    booked = known["appointments"][visit]
    assert (booked["practitioner_id"], booked["location_id"]) == ("102", "12")
    assert booked["starts_at"] == "2026-03-03T15:00:00+00:00"


def test_every_change_moves_updated_at(service: Service) -> None:
    visit = service.change("appointment", "create")

    def after(action: str, **values: object) -> dict[str, Any]:
        service.clock.advance(60)
        service.change("appointment", action, visit, **values)
        return service.one(f"/appointments/{visit}")

    # There are no operatories here, and one that is named is passed over.
    moved = after("update", description="Knee", practitioner_id="102", operatory_id="OP1")
    ended = [after(action) for action in ("cancel", "complete", "no_show")]

    assert (moved["notes"], moved["staff_id"]) == ("Knee", 102)
    assert [item["status"] for item in ended] == ["cancelled", "completed", "no_show"]
    times = [item["updated_at"] for item in (moved, *ended)]
    assert times == [f"2026-03-02T09:0{minute}:00" for minute in (1, 2, 3, 4)]
    assert service.truth()["appointments"][visit]["status"] == "noshow"


def test_an_archived_client_is_there_and_not_active(service: Service) -> None:
    service.change("patient", "archive", "20001")
    assert service.one("/clients/20001")["active"] is False
    service.change("patient", "unarchive", "20001")
    assert service.truth()["patients"]["20001"]["is_active"] is True


def test_what_is_deleted_just_vanishes(service: Service) -> None:
    visit = service.change("appointment", "create", patient_id="20001")
    service.change("patient", "delete", "20001")
    assert gone(service, "/clients", "20001")
    assert gone(service, "/appointments", visit)
    assert service.data("/clients", updated_since="2026-03-02T00:00:00") == []
    known = service.truth()
    assert "20001" not in known["patients"]
    assert visit not in known["appointments"]


def test_a_service_that_tells_deletions_shows_when_they_happened(service: Service) -> None:
    service.turn(rest_tells_deletions=True)
    assert service.one("/clients/20001")["deleted_at"] is None
    service.change("patient", "delete", "20001")
    (told,) = service.data("/clients", updated_since="2026-03-02T09:00:00")
    assert (told["id"], told["deleted_at"]) == (20001, "2026-03-02T09:00:00")
    assert told["updated_at"] == told["deleted_at"]
    assert service.one("/clients/20001") == told
    assert "20001" not in service.truth()["patients"]


def test_a_merge_leaves_one_client_with_the_appointments_of_both(service: Service) -> None:
    visit = service.change("appointment", "create", patient_id="20001")
    service.clock.advance(60)
    service.change("patient", "merge", "20001", into="20002")
    assert gone(service, "/clients", "20001")
    assert service.data("/appointments", client_id=20001) == []
    moved = service.one(f"/appointments/{visit}")
    assert (moved["client_id"], moved["updated_at"]) == (20002, "2026-03-02T09:01:00")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "patient", "action": "update", "id": "9"}, "there is no patient 9"),
        ({"kind": "patient", "action": "merge", "id": "20001", "into": "20001"}, "themselves"),
        ({"kind": "appointment", "action": "archive", "id": "80100"}, "cannot archive"),
        ({"kind": "appointment", "action": "delete", "id": "9"}, "there is no appointment 9"),
        (
            {"kind": "appointment", "action": "create", "values": {"practitioner_id": "9"}},
            "there is no practitioner 9",
        ),
        (
            {
                "kind": "appointment",
                "action": "update",
                "id": "80100",
                "values": {"location_id": "12"},
            },
            "there is no location 12",
        ),
        (
            {"kind": "appointment", "action": "create", "values": {"location_id": "12"}},
            "there is no practitioner at 12",
        ),
        (
            {"kind": "appointment", "action": "create", "values": {"patient_id": "9"}},
            "there is no patient 9",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    service: Service, body: dict[str, Any], expected: str
) -> None:
    before = service.truth()
    answer = service.client.post("/control/records", json={"office_id": "rest-1", **body})
    assert answer.status_code == 400
    assert expected in answer.get_json()["error"]
    assert service.truth() == before


def test_what_was_put_in_an_odd_place_can_still_be_cancelled(service: Service) -> None:
    visit = service.change("appointment", "create", account="rest-2", practitioner_id="101")
    service.change("appointment", "update", visit, account="rest-2", location_id="12")
    path = f"/appointments/{visit}"
    cancelled = service.write("PATCH", path, {"status": "cancelled"}, account="rest-2")
    assert (cancelled["site_id"], cancelled["status"]) == (12, "cancelled")
