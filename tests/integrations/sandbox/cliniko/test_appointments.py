"""Booking, moving, cancelling and archiving appointments, and what overlaps."""

import pytest

from .caller import Caller, linked

REASONS = {
    10: "Feeling Better",
    20: "Condition Worse",
    30: "Sick",
    40: "Away",
    50: "Other",
    60: "Work",
}


def test_a_booking_is_done_at_once_and_listed(caller: Caller) -> None:
    body = caller.booking()
    made = caller.book(notes="Left knee")
    (trace,) = caller.made()["traces"]

    assert (made["starts_at"], made["notes"]) == ("2026-03-08T01:00:00Z", "Left knee")
    for name in ("patient", "practitioner", "business", "appointment_type"):
        assert linked(made[name]) == body[f"{name}_id"]
    assert made["created_at"] == made["updated_at"] == "2026-03-02T15:00:00Z"
    assert (made["cancelled_at"], made["did_not_arrive"]) == (None, False)
    assert caller.get(f"/individual_appointments/{made['id']}") == made
    assert caller.ids("individual_appointments")[-1] == made["id"]
    assert (trace["id"], trace["kind"], trace["before"]) == (made["id"], "appointment", None)


def test_the_end_follows_from_the_type_unless_it_is_given(caller: Caller) -> None:
    longer, shorter = caller.ids("appointment_types")[:2]
    assert caller.book()["ends_at"] == "2026-03-08T02:00:00Z"
    assert caller.book(appointment_type_id=shorter)["ends_at"] == "2026-03-08T01:30:00Z"
    assert caller.book(ends_at=None)["ends_at"] == "2026-03-08T02:00:00Z"
    given = caller.book(appointment_type_id=longer, ends_at="2026-03-08T01:20:00Z")
    assert given["ends_at"] == "2026-03-08T01:20:00Z"


def test_a_moved_appointment_keeps_its_end_unless_it_is_null(caller: Caller) -> None:
    path = f"/individual_appointments/{caller.book()['id']}"
    caller.clock.advance(90)
    later = caller.patched(path, starts_at="2026-03-08T01:30:00Z")
    assert (later["starts_at"], later["ends_at"]) == (
        "2026-03-08T01:30:00Z",
        "2026-03-08T02:00:00Z",
    )
    assert later["updated_at"] == "2026-03-02T15:01:30Z"
    too_late = {"starts_at": "2026-03-08T05:00:00Z"}
    assert caller.errors("PATCH", path, json=too_late) == {"ends_at": "must be after starts_at"}
    assert caller.get(path) == later
    moved = caller.patched(path, **too_late, ends_at=None)
    assert (moved["starts_at"], moved["ends_at"]) == (
        "2026-03-08T05:00:00Z",
        "2026-03-08T06:00:00Z",
    )


def test_a_change_that_changes_nothing_leaves_updated_at(caller: Caller) -> None:
    made = caller.book(notes="Left knee")
    caller.clock.advance(90)
    assert caller.patched(f"/individual_appointments/{made['id']}", notes="Left knee") == made


def test_attendance_is_read_only(caller: Caller) -> None:
    made = caller.book()
    path = f"/individual_appointments/{made['id']}"
    fields = {"did_not_arrive": True, "patient_arrived": True, "cancelled_at": made["starts_at"]}
    assert caller.patched(path, **fields) == made


def test_a_practitioner_can_be_booked_twice_and_conflicts_tell(caller: Caller) -> None:
    def conflict(id: str) -> bool:
        answer = caller.get(f"/individual_appointments/{id}/conflicts")
        return answer["conflicts"]["exist"]

    first = caller.book()["id"]
    assert not conflict(first)
    second = caller.book(starts_at="2026-03-08T01:30:00Z")["id"]
    assert conflict(first)
    assert conflict(second)
    caller.patched(
        f"/individual_appointments/{second}", starts_at="2026-03-08T02:00:00Z", ends_at=None
    )
    assert not conflict(first)
    other = caller.ids("practitioners")[1]
    assert not conflict(caller.book(practitioner_id=other)["id"])
    third = caller.book()["id"]
    assert conflict(first)
    caller.done(
        "PATCH", f"/individual_appointments/{third}/cancel", json={"cancellation_reason": 50}
    )
    assert not conflict(first)


def test_hours_and_types_hidden_from_online_booking_hinder_nobody(caller: Caller) -> None:
    (hidden,) = caller.ids("appointment_types", q="show_in_online_bookings:=false")
    made = caller.book(starts_at="2026-03-07T16:00:00Z", appointment_type_id=hidden)
    assert linked(made["appointment_type"]) == hidden


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"starts_at": None}, {"starts_at": "can't be blank"}),
        ({"starts_at": "2026-03-08 01:00"}, {"starts_at": "is not a valid date time"}),
        ({"starts_at": "2026-03-08T12:00:00+11:00"}, {"starts_at": "is not a valid date time"}),
        ({"ends_at": "2026-03-08T01:00:00Z"}, {"ends_at": "must be after starts_at"}),
        ({"patient_id": None}, {"patient_id": "can't be blank"}),
        ({"patient_id": "17"}, {"patient_id": "must exist"}),
        ({"practitioner_id": "Lang"}, {"practitioner_id": "is invalid"}),
        ({"business_id": ""}, {"business_id": "can't be blank"}),
        ({"appointment_type_id": "9" * 19}, {"appointment_type_id": "is invalid"}),
        ({"notes": ["knee"]}, {"notes": "must be a string"}),
        (
            {"starts_at": "soon", "business_id": "17"},
            {"starts_at": "is not a valid date time", "business_id": "must exist"},
        ),
    ],
)
def test_a_wrong_booking_is_refused_by_field_and_not_made(
    caller: Caller, change: dict[str, object], errors: dict[str, str]
) -> None:
    body = {**caller.booking(), **change}
    assert caller.errors("POST", "/individual_appointments", json=body) == errors
    assert caller.made()["appointments"] == []
    assert caller.made()["writebacks"] == []


def test_an_empty_booking_is_told_all_that_is_missing(caller: Caller) -> None:
    assert caller.errors("POST", "/individual_appointments", json={}) == dict.fromkeys(
        ("starts_at", "patient_id", "practitioner_id", "business_id", "appointment_type_id"),
        "can't be blank",
    )


def test_nothing_is_booked_for_or_with_who_is_gone(caller: Caller) -> None:
    archived = caller.first("patients", q="archived_at:?")
    inactive = caller.first("practitioners", q="active:=false")
    old = caller.first("appointment_types", q="archived_at:?")
    body = {
        **caller.booking(),
        "patient_id": archived,
        "practitioner_id": inactive,
        "appointment_type_id": old,
    }
    assert caller.errors("POST", "/individual_appointments", json=body) == dict.fromkeys(
        ("patient_id", "practitioner_id", "appointment_type_id"), "must exist"
    )


def test_repeats_are_not_simulated_and_say_so(caller: Caller) -> None:
    body = {**caller.booking(), "repeat_rule": {"repeat_type": "Weekly", "number_of_repeats": 2}}
    assert caller.call("POST", "/individual_appointments", json=body).status_code == 501
    path = f"/individual_appointments/{caller.book()['id']}"
    cancel = {"cancellation_reason": 50, "apply_to_repeats": True}
    assert caller.call("PATCH", f"{path}/cancel", json=cancel).status_code == 501
    assert caller.get(path)["cancelled_at"] is None


@pytest.mark.parametrize(("code", "words"), list(REASONS.items()))
def test_a_cancellation_has_a_reason_and_no_answer(caller: Caller, code: int, words: str) -> None:
    id = caller.book()["id"]
    path = f"/individual_appointments/{id}"
    caller.clock.advance(60)
    body = {"cancellation_reason": code, "cancellation_note": "By telephone"}
    caller.done("PATCH", f"{path}/cancel", json=body)

    found = caller.get(path, q="cancelled_at:*")
    assert found["cancelled_at"] == found["updated_at"] == "2026-03-02T15:01:00Z"
    assert (found["cancellation_reason"], found["cancellation_reason_description"]) == (code, words)
    assert found["cancellation_note"] == "By telephone"
    assert caller.truth()["appointments"][id]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"cancellation_reason": "can't be blank"}),
        ({"cancellation_reason": 31}, {"cancellation_reason": "is not included in the list"}),
        ({"cancellation_reason": "50"}, {"cancellation_reason": "is not included in the list"}),
        ({"cancellation_reason": [50]}, {"cancellation_reason": "is not included in the list"}),
        (
            {"cancellation_reason": 50, "cancellation_note": 7},
            {"cancellation_note": "must be a string"},
        ),
    ],
)
def test_a_cancellation_without_a_reason_that_counts_is_refused(
    caller: Caller, body: dict[str, object], errors: dict[str, str]
) -> None:
    path = f"/individual_appointments/{caller.book()['id']}"
    assert caller.errors("PATCH", f"{path}/cancel", json=body) == errors
    assert caller.get(path)["cancelled_at"] is None


def test_what_is_cancelled_is_not_found_by_a_second_write_but_can_be_archived(
    caller: Caller,
) -> None:
    id = caller.book()["id"]
    path, cancel = f"/individual_appointments/{id}", {"cancellation_reason": 50}
    caller.done("PATCH", f"{path}/cancel", json=cancel)
    before = caller.get(path, q="cancelled_at:*")

    assert caller.call("PATCH", f"{path}/cancel", json=cancel).status_code == 404
    assert caller.call("PATCH", path, json={"notes": "?"}).status_code == 404
    assert caller.call("GET", f"{path}/conflicts").status_code == 404
    assert caller.get(path, q="cancelled_at:*") == before
    caller.done("POST", f"{path}/archive")
    assert id not in caller.truth()["appointments"]
    assert caller.call("POST", f"{path}/archive").status_code == 404


def test_the_deprecated_delete_archives(caller: Caller) -> None:
    path = f"/individual_appointments/{caller.book()['id']}"
    caller.done("DELETE", path)
    found = caller.get(path, q="archived_at:*")
    assert (found["archived_at"], found["deleted_at"]) == ("2026-03-02T15:00:00Z", None)


def test_writes_are_noted_with_what_each_of_them_did(caller: Caller) -> None:
    id = caller.book()["id"]
    caller.patched(f"/individual_appointments/{id}", notes="Left knee")
    caller.done("PATCH", f"/individual_appointments/{id}/cancel", json={"cancellation_reason": 30})
    books = caller.made()
    (made,) = books["appointments"]

    told = [(write["method"], write["path"], write["target"]) for write in books["writebacks"]]
    assert told == [
        ("POST", "/individual_appointments", ""),
        ("PATCH", f"/individual_appointments/{id}", id),
        ("PATCH", f"/individual_appointments/{id}/cancel", id),
    ]
    first, second, third = (write["id"] for write in books["writebacks"])
    assert {write["state"] for write in books["writebacks"]} == {"completed"}
    assert books["writebacks"][0]["created_id"] == id
    assert (made["writeback_id"], made["changed_by"]) == (first, [second, third])
    assert [trace["writeback_id"] for trace in books["traces"]] == [first, second, third]
    assert books["traces"][1]["after"] == {"notes": "Left knee"}
