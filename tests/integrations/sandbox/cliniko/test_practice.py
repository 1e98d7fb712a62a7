"""What the account's own people do, and what of it a reader can see."""

from collections.abc import Callable

import pytest

from .caller import Caller, linked

EVERYTHING = ["cancelled_at:*", "archived_at:*"]


def changed_since(caller: Caller, resource: str, moment: str, *q: str) -> list[str]:
    """Ask as an incremental reader does."""
    return caller.ids(resource, q=[f"updated_at:>={moment}", *q], sort="updated_at:asc")


def test_the_truth_is_what_the_lists_say(caller: Caller) -> None:
    truth = caller.truth("cliniko-2")
    patients = caller.listed("patients", office="cliniko-2", q="archived_at:*")
    assert len(truth["patients"]) == len(patients) == 650
    for shown in patients:
        numbers = [item["number"] for item in shown["patient_phone_numbers"]]
        assert truth["patients"][shown["id"]] == {
            "first_name": shown["first_name"],
            "last_name": shown["last_name"],
            "birth_date": shown["date_of_birth"],
            "email": shown["email"] or "",
            "phone": numbers[0] if numbers else "",
            "is_active": shown["archived_at"] is None,
        }
    appointments = caller.listed("individual_appointments", office="cliniko-2", q=EVERYTHING)
    assert len(truth["appointments"]) == len(appointments) == 147
    for shown in appointments:
        told = truth["appointments"][shown["id"]]
        assert told["patient_id"] == linked(shown["patient"])
        assert told["practitioner_id"] == linked(shown["practitioner"])
        assert told["location_id"] == linked(shown["business"])
        assert told["starts_at"] == shown["starts_at"].replace("Z", "+00:00")
        assert told["ends_at"] == shown["ends_at"].replace("Z", "+00:00")
        assert told["description"] == (shown["notes"] or "")
        assert (told["status"] == "cancelled") is (shown["cancelled_at"] is not None)


def test_a_patient_is_registered_and_changed(caller: Caller) -> None:
    values = {"first_name": "Ada", "birth_date": "1990-05-17", "email": "a@example.com"}
    id = caller.change("patient", "create", **values, phone="(02) 5550 9999")
    shown = caller.get(f"/patients/{id}")
    assert (shown["first_name"], shown["date_of_birth"]) == ("Ada", "1990-05-17")
    assert shown["patient_phone_numbers"] == [
        {"phone_type": "Home", "number": "(02) 5550 9999", "normalized_number": "61255509999"}
    ]
    caller.clock.advance(60)
    caller.change("patient", "update", id, birth_date="", email="", phone="", last_name="Birch")
    after = caller.get(f"/patients/{id}")
    assert after["updated_at"] == "2026-03-02T15:01:00Z"
    assert (after["date_of_birth"], after["email"], after["patient_phone_numbers"]) == (
        None,
        None,
        [],
    )
    assert caller.truth()["patients"][id] == {
        "first_name": "Ada",
        "last_name": "Birch",
        "birth_date": "",
        "email": "",
        "phone": "",
        "is_active": True,
    }


def test_every_change_moves_updated_at_and_what_is_so_already_is_none(caller: Caller) -> None:
    id = caller.change("appointment", "create")
    patient = caller.change("patient", "create")

    def moved(kind: str, action: str, of: str, **values: object) -> bool:
        caller.clock.advance(60)
        now = f"{caller.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        caller.change(kind, action, of, **values)
        resource = "patients" if kind == "patient" else "individual_appointments"
        filters = EVERYTHING if kind == "appointment" else EVERYTHING[1:]
        return changed_since(caller, resource, now, *filters) == [of]

    assert moved("appointment", "update", id, minutes=50)
    assert moved("appointment", "no_show", id)
    assert moved("appointment", "complete", id)
    assert moved("appointment", "cancel", id)
    assert not moved("appointment", "cancel", id)
    assert moved("appointment", "archive", id)
    assert moved("patient", "archive", patient)
    assert not moved("patient", "archive", patient)
    assert moved("patient", "unarchive", patient)
    assert not moved("patient", "update", patient)
    assert moved("patient", "update", patient, email="b@example.com")


def test_an_appointment_is_made_and_moved_to_any_minute(caller: Caller) -> None:
    patient = caller.ids("patients")[7]
    practitioner, site = caller.ids("practitioners")[1], caller.ids("businesses")[1]
    id = caller.change(
        "appointment",
        "create",
        patient_id=patient,
        practitioner_id=practitioner,
        location_id=site,
        starts_at="2026-03-09T10:40:00+10:30",
        minutes=25,
        description="Bring shoes",
    )
    expected = {
        "patient_id": patient,
        "practitioner_id": practitioner,
        "location_id": site,
        "starts_at": "2026-03-09T00:10:00+00:00",
        "ends_at": "2026-03-09T00:35:00+00:00",
        "status": "booked",
        "description": "Bring shoes",
    }
    assert caller.truth()["appointments"][id] == expected
    caller.change("appointment", "update", id, starts_at="2026-03-10T01:00:00Z", description="")
    moved = {
        "starts_at": "2026-03-10T01:00:00+00:00",
        "ends_at": "2026-03-10T01:25:00+00:00",
        "description": "",
    }
    assert caller.truth()["appointments"][id] == {**expected, **moved}


def test_an_appointment_that_nobody_described_is_a_usual_one_tomorrow(caller: Caller) -> None:
    id = caller.change("appointment", "create", office="cliniko-2")
    told = caller.truth("cliniko-2")["appointments"][id]
    assert told["patient_id"] == caller.first("patients", office="cliniko-2")
    assert told["practitioner_id"] == caller.first("practitioners", office="cliniko-2")
    assert (told["starts_at"], told["ends_at"]) == (
        "2026-03-03T15:00:00+00:00",
        "2026-03-03T15:45:00+00:00",
    )


@pytest.mark.parametrize(
    ("action", "status", "flags"),
    [("no_show", "noshow", (True, False)), ("complete", "arrived", (False, True))],
)
def test_attendance_is_marked(
    caller: Caller, action: str, status: str, flags: tuple[bool, bool]
) -> None:
    id = caller.change("appointment", "create")
    caller.change("appointment", action, id)
    shown = caller.get(f"/individual_appointments/{id}")
    assert (shown["did_not_arrive"], shown["patient_arrived"]) == flags
    assert caller.truth()["appointments"][id]["status"] == status


def test_a_cancelled_appointment_is_still_there_and_an_archived_one_is_not(
    caller: Caller,
) -> None:
    id = caller.change("appointment", "create")
    caller.change("appointment", "cancel", id)
    assert caller.truth()["appointments"][id]["status"] == "cancelled"
    caller.change("appointment", "archive", id)
    assert id not in caller.truth()["appointments"]
    assert caller.get(f"/individual_appointments/{id}", q=EVERYTHING)["archived_at"]


def test_a_deleted_appointment_is_shown_only_where_its_field_is_named(caller: Caller) -> None:
    id = caller.change("appointment", "create")
    caller.change("appointment", "delete", id)
    assert id not in caller.truth()["appointments"]
    assert id not in caller.ids("individual_appointments", q=EVERYTHING)
    assert id in caller.ids("individual_appointments", q=[*EVERYTHING, "deleted_at:*"])


def test_a_merge_leaves_one_patient_with_the_appointments_of_both(caller: Caller) -> None:
    gone, left = caller.change("patient", "create"), caller.change("patient", "create")
    caller.change("patient", "update", left, first_name="Ada", last_name="Birch")
    id = caller.change("appointment", "create", patient_id=gone)
    caller.clock.advance(60)
    assert caller.change("patient", "merge", gone, into=left) == gone

    assert gone not in caller.truth()["patients"]
    assert caller.truth()["appointments"][id]["patient_id"] == left
    assert gone not in caller.ids("patients")
    shown = caller.get(f"/patients/{gone}", q="archived_at:*")
    assert shown["merged_at"] == shown["updated_at"] == "2026-03-02T15:01:00Z"
    assert linked(shown["merged_with_patient"]) == left
    appointment = caller.get(f"/individual_appointments/{id}")
    assert (linked(appointment["patient"]), appointment["patient_name"]) == (left, "Ada Birch")
    assert appointment["updated_at"] == "2026-03-02T15:01:00Z"
    assert caller.call("POST", f"/patients/{gone}/unarchive").status_code == 404


def test_a_deleted_patient_takes_their_appointments_along(caller: Caller) -> None:
    patient = caller.change("patient", "create")
    id = caller.change("appointment", "create", patient_id=patient)
    caller.change("patient", "delete", patient)
    assert patient not in caller.truth()["patients"]
    assert id not in caller.truth()["appointments"]
    assert id not in caller.ids("individual_appointments", q=EVERYTHING)


@pytest.mark.parametrize(
    ("kind", "action", "id", "values", "complaint"),
    [
        ("patient", "update", "17", {"email": "x"}, "there is no patient 17"),
        ("patient", "merge", "first", {"into": "first"}, "cannot be merged into themselves"),
        ("patient", "merge", "first", {"into": "17"}, "there is no patient 17"),
        ("patient", "create", "", {"nickname": "x"}, "patient has no nickname"),
        ("patient", "no_show", "first", {}, "kind and action must be one of"),
        ("appointment", "create", "", {"patient_id": "17"}, "there is no patient 17"),
        ("appointment", "create", "", {"practitioner_id": "17"}, "there is no practitioner 17"),
        ("appointment", "create", "", {"location_id": "17"}, "there is no business 17"),
        ("appointment", "create", "", {"operatory_id": "1"}, "Cliniko has no operatories"),
        ("appointment", "create", "", {"starts_at": "2026-03-09T10:00:00"}, "a whole second with"),
        ("appointment", "create", "", {"starts_at": "2026-03-09T10:00:00.5Z"}, "a whole second"),
        ("appointment", "cancel", "17", {}, "there is no appointment 17"),
    ],
)
def test_what_cannot_be_done_is_refused_and_not_done(
    caller: Caller, kind: str, action: str, id: str, values: dict[str, str], complaint: str
) -> None:
    before = caller.truth()
    first = caller.first("patients")
    given = {name: value.replace("first", first) for name, value in values.items()}
    assert complaint in caller.refused_change(kind, action, id.replace("first", first), **given)
    assert caller.truth() == before


def test_who_was_merged_away_or_deleted_cannot_be_worked_with(caller: Caller) -> None:
    merged, deleted = caller.change("patient", "create"), caller.change("patient", "create")
    caller.change("patient", "merge", merged, into=caller.first("patients"))
    caller.change("patient", "delete", deleted)
    for id in (merged, deleted):
        assert caller.refused_change("patient", "unarchive", id) == f"there is no patient {id}"


def test_changes_at_the_practice_are_no_writes(
    open_caller: Callable[..., Caller],
) -> None:
    caller = open_caller(failures=1.0, lost_answers=1.0)
    caller.change("patient", "create")
    caller.change("appointment", "create")
    books = caller.made()
    assert (books["patients"], books["appointments"], books["traces"], books["writebacks"]) == (
        [],
        [],
        [],
        [],
    )
