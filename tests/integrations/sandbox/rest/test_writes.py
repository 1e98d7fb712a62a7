"""Booking, moving and registering: done at once, checked field by field."""

import json
from typing import Any

import pytest

from integrations.sandbox.server import ConnectionDropped

from .service import BOOKING, Service, wrong_fields

PERSON = {
    "first_name": "Ada",
    "last_name": "Quint",
    "date_of_birth": "1990-05-17",
    "email": "ada.quint@example.com",
    "phone": "312-555-0101",
}


def test_a_booking_is_listed_at_once_and_answered_with_the_record(service: Service) -> None:
    answer = service.call("POST", "/appointments", json={**BOOKING, "service_id": 303})
    visit = answer.get_json()

    assert (answer.status_code, answer.headers["Location"]) == (
        201,
        f"http://localhost/rest/appointments/{visit['id']}",
    )
    assert visit == {
        **BOOKING,
        "id": 80148,
        "service_id": 303,
        "ends_at": "2026-03-10T20:15:00",
        "status": "booked",
        "notes": None,
        "created_at": "2026-03-02T09:00:00",
        "updated_at": "2026-03-02T09:00:00",
    }
    assert visit in service.data("/appointments", client_id=20001)


def test_it_takes_as_long_as_its_service_unless_somebody_says(service: Service) -> None:
    plain = {name: value for name, value in BOOKING.items() if name != "duration_minutes"}
    unsaid = service.write("POST", "/appointments", plain)
    offered = service.write("POST", "/appointments", {**plain, "service_id": 304})
    said = service.write("POST", "/appointments", {**BOOKING, "service_id": 304})
    lengths = [item["duration_minutes"] for item in (unsaid, offered, said)]
    assert lengths == [30, 90, 45]


def test_a_time_with_an_offset_is_put_on_the_wall_clock(service: Service) -> None:
    utc = service.write("POST", "/appointments", {**BOOKING, "starts_at": "2026-03-11T00:30:00Z"})
    assert utc["starts_at"] == "2026-03-10T19:30:00"


def test_an_appointment_is_moved_and_ended(service: Service) -> None:
    id = service.write("POST", "/appointments", BOOKING)["id"]
    service.clock.advance(60)
    moved = service.write("PATCH", f"/appointments/{id}", {"starts_at": "2026-03-11T19:00:00"})
    service.clock.advance(60)
    ended = service.write("PATCH", f"/appointments/{id}", {"status": "cancelled"})

    assert (moved["starts_at"], moved["ends_at"]) == ("2026-03-11T19:00:00", "2026-03-11T19:45:00")
    assert (moved["created_at"], moved["updated_at"]) == (
        "2026-03-02T09:00:00",
        "2026-03-02T09:01:00",
    )
    assert ended == {**moved, "status": "cancelled", "updated_at": "2026-03-02T09:02:00"}
    assert service.truth()["appointments"][str(id)]["status"] == "cancelled"


def test_a_client_is_registered_and_changed(service: Service) -> None:
    new = service.write("POST", "/clients", PERSON)
    assert {name: new[name] for name in PERSON} == PERSON
    assert (new["id"], new["active"]) == (20651, True)
    changed = service.write("PATCH", f"/clients/{new['id']}", {"email": "", "active": False})
    assert changed == {**new, "email": None, "active": False}
    assert service.data("/clients", email=PERSON["email"]) == []


def test_a_change_that_changes_nothing_is_no_news(service: Service) -> None:
    new = service.write("POST", "/clients", PERSON)
    service.clock.advance(60)
    same = service.write("PATCH", f"/clients/{new['id']}", {"last_name": "Quint"})
    assert same == new
    assert len(service.books()["writebacks"]) == 2
    assert len(service.books()["traces"]) == 1


def test_the_same_request_twice_makes_two_records(service: Service) -> None:
    first, second = (service.write("POST", "/appointments", BOOKING)["id"] for _ in range(2))
    assert first != second


def test_double_booking_is_a_conflict_where_the_practice_minds(service: Service) -> None:
    id = service.write("POST", "/appointments", BOOKING)["id"]
    service.turn(reject_overlaps=True)
    late = {**BOOKING, "starts_at": "2026-03-10T20:14:00"}
    after = {**BOOKING, "starts_at": "2026-03-10T20:15:00"}
    refused = service.call("POST", "/appointments", json=late)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "conflict")
    assert service.call("POST", "/appointments", json={**late, "staff_id": 102}).status_code == 201

    next_one = service.write("POST", "/appointments", after)["id"]
    earlier = {"starts_at": "2026-03-10T20:00:00"}
    assert service.call("PATCH", f"/appointments/{next_one}", json=earlier).status_code == 409
    service.write("PATCH", f"/appointments/{id}", {"status": "no_show"})
    service.write("PATCH", f"/appointments/{next_one}", earlier)
    back = service.call("PATCH", f"/appointments/{id}", json={"status": "booked"})
    assert back.status_code == 409


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"client_id": None}, "client_id", "is required"),
        ({"client_id": 9}, "client_id", "does not exist"),
        ({"client_id": 1.5}, "client_id", "must be a whole number"),
        ({"staff_id": 104}, "staff_id", "does not exist or is not active"),
        ({"site_id": 12}, "site_id", "does not exist"),
        ({"service_id": 305}, "service_id", "does not exist or is not active"),
        ({"starts_at": ""}, "starts_at", "is required"),
        ({"starts_at": "10 March"}, "starts_at", "must be a time in ISO 8601"),
        ({"starts_at": "2026-03-10T19:30:30"}, "starts_at", "must be a whole minute"),
        (
            {"starts_at": "2026-03-08T02:30:00"},
            "starts_at",
            "does not exist on that day, when the clocks go forward",
        ),
        ({"starts_at": "2126-03-10T19:30:00"}, "starts_at", "must be within ten years"),
        ({"duration_minutes": 0}, "duration_minutes", "must be from 1 to 720"),
        ({"notes": 7}, "notes", "must be a string or null"),
        ({"notes": "x" * 2001}, "notes", "must have 2000 characters or fewer"),
        ({"status": "booked"}, "status", "is not a field that can be set"),
    ],
)
def test_a_wrong_booking_is_refused_with_its_field_and_nothing_is_made(
    service: Service, change: dict[str, Any], field: str, rule: str
) -> None:
    refused = service.call("POST", "/appointments", json={**BOOKING, **change})
    assert wrong_fields(refused) == {field: [rule]}
    assert service.books()["appointments"] == []
    assert service.books()["writebacks"] == []


def test_everything_that_is_wrong_is_told_at_once(service: Service) -> None:
    body = {"last_name": " ", "date_of_birth": "2026-03-03", "email": "me", "active": 1}
    assert wrong_fields(service.call("POST", "/clients", json=body)) == {
        "first_name": ["is required"],
        "last_name": ["must be a string with something in it"],
        "date_of_birth": ["must not be in the future"],
        "email": ["is not an e-mail address"],
        "active": ["must be true or false"],
    }


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/appointments/80100", {"client_id": 20002}, "client_id"),
        ("/appointments/80100", {"status": "gone"}, "status"),
        ("/clients/20001", {"date_of_birth": "17/05/1990"}, "date_of_birth"),
        ("/clients/20001", {"first_name": None}, "first_name"),
    ],
)
def test_a_wrong_change_leaves_the_record_as_it_was(
    service: Service, path: str, body: dict[str, Any], expected: str
) -> None:
    before = service.one(path)
    assert list(wrong_fields(service.call("PATCH", path, json=body))) == [expected]
    assert service.one(path) == before


def test_nobody_works_where_they_do_not(service: Service) -> None:
    away = {**BOOKING, "site_id": 12}
    refused = service.call("POST", "/appointments", json=away, account="rest-2")
    assert wrong_fields(refused) == {"staff_id": ["does not work at this site"]}


def test_only_an_object_in_json_is_a_body(service: Service) -> None:
    plain = service.call("POST", "/clients", data=PERSON)
    broken = service.call("POST", "/clients", data="{", content_type="application/json")
    listed = service.call("POST", "/clients", json=[PERSON])
    assert [answer.status_code for answer in (plain, broken, listed)] == [415, 400, 400]


def test_what_is_not_there_cannot_be_changed(service: Service) -> None:
    service.change("appointment", "delete", "80100")
    for path in ("/appointments/7", "/appointments/80100"):
        assert service.call("PATCH", path, json={"status": "arrived"}).status_code == 404
    service.turn(rest_tells_deletions=True)
    answer = service.call("PATCH", "/appointments/80100", json={"status": "arrived"})
    assert answer.status_code == 404


def test_a_lost_answer_leaves_the_booking_and_a_dropped_request_nothing(service: Service) -> None:
    for fault, count in (("lost_answer", 1), ("dropped_request", 1)):
        service.fault("POST /appointments", fault)
        with pytest.raises(ConnectionDropped):
            service.write("POST", "/appointments", BOOKING)
        assert len(service.books()["appointments"]) == count
    service.turn(lost_answers=1.0)
    assert len(service.data("/appointments", client_id=20001, status="booked")) >= 1
    with pytest.raises(ConnectionDropped):
        service.write("POST", "/appointments", BOOKING)
    assert len(service.books()["appointments"]) == 2


def test_garbage_is_a_200_that_breaks_off(service: Service) -> None:
    service.fault("GET /clients", "garbage")
    answer = service.get("/clients")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_the_books_tell_which_write_made_what(service: Service) -> None:
    made = service.write("POST", "/appointments", BOOKING)
    service.write("PATCH", f"/appointments/{made['id']}", {"status": "arrived"})
    books = service.books()

    (visit,) = books["appointments"]
    assert (visit["id"], visit["writeback_id"], visit["changed_by"]) == (made["id"], 1, [2])
    assert [(trace["writeback_id"], trace["version"]) for trace in books["traces"]] == [
        (1, 1),
        (2, 2),
    ]
    assert books["traces"][1]["after"] == {"status": "arrived"}
    assert [(item["id"], item["method"], item["body"]) for item in books["writebacks"]] == [
        (1, "POST", BOOKING),
        (2, "PATCH", {"status": "arrived"}),
    ]
    assert books["patients"] == []
