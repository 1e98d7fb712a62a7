"""Creating, changing and archiving patients, and what is checked about them."""

import pytest

from .caller import PERSON, Caller


def test_a_patient_is_there_at_once(caller: Caller) -> None:
    made = caller.register(
        email="ngozi@example.com",
        patient_phone_numbers=[{"phone_type": "Mobile", "number": "0491 570 006"}],
    )
    assert {name: made[name] for name in PERSON} == PERSON
    assert made["created_at"] == made["updated_at"] == "2026-03-02T15:00:00Z"
    assert made["patient_phone_numbers"] == [
        {"phone_type": "Mobile", "number": "0491 570 006", "normalized_number": "61491570006"}
    ]
    assert (made["archived_at"], made["merged_at"], made["merged_with_patient"]) == (
        None,
        None,
        None,
    )
    assert caller.get(f"/patients/{made['id']}") == made
    assert caller.ids("patients", q=["last_name:=O'Hara", "first_name:=Ngozi"]) == [made["id"]]
    (noted,) = caller.made()["patients"]
    assert noted["id"] == made["id"]


def test_numbers_that_begin_with_a_plus_are_normalized_as_they_are(caller: Caller) -> None:
    number = {"phone_type": "Home", "number": "+44 20 7946 0000"}
    made = caller.register(patient_phone_numbers=[number])
    assert made["patient_phone_numbers"][0]["normalized_number"] == "442079460000"


def test_a_patch_changes_what_it_names(caller: Caller) -> None:
    made = caller.register(email="ngozi@example.com")
    path = f"/patients/{made['id']}"
    caller.clock.advance(60)
    changed = caller.patched(path, last_name="Okafor", email=None)
    expected = {
        "last_name": "Okafor",
        "email": None,
        "label": "Ngozi Okafor",
        "updated_at": "2026-03-02T15:01:00Z",
    }
    assert changed == {**made, **expected}
    assert caller.get(path) == changed


def test_a_list_of_numbers_replaces_the_one_before(caller: Caller) -> None:
    made = caller.register(patient_phone_numbers=[{"phone_type": "Home", "number": "02 5550 0001"}])
    other = {"phone_type": "Mobile", "number": "0491 570 156"}
    changed = caller.patched(f"/patients/{made['id']}", patient_phone_numbers=[other])
    assert [item["number"] for item in changed["patient_phone_numbers"]] == ["0491 570 156"]


def test_fields_that_are_not_for_writing_are_passed_over(caller: Caller) -> None:
    made = caller.register(id="17", archived_at="2026-01-01T00:00:00Z", phone="0491 570 006")
    assert (len(made["id"]), made["archived_at"]) == (19, None)
    assert "phone" not in made


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"first_name": ""}, {"first_name": "can't be blank"}),
        ({"last_name": None}, {"last_name": "can't be blank"}),
        ({"last_name": "x" * 256}, {"last_name": "is too long (maximum is 255 characters)"}),
        ({"first_name": 7}, {"first_name": "must be a string"}),
        ({"date_of_birth": "29/02/1988"}, {"date_of_birth": "is not a valid date"}),
        ({"date_of_birth": "1989-02-29"}, {"date_of_birth": "is not a valid date"}),
        ({"email": "ngozi"}, {"email": "is invalid"}),
        ({"email": 7}, {"email": "is invalid"}),
        ({"reminder_type": "Letter"}, {"reminder_type": "is not included in the list"}),
        ({"accepted_privacy_policy": "yes"}, {"accepted_privacy_policy": "must be true or false"}),
        (
            {"patient_phone_numbers": "0491 570 006"},
            {"patient_phone_numbers": "must be a list of telephone numbers"},
        ),
        (
            {"patient_phone_numbers": [{"number": "0491 570 006"}]},
            {"patient_phone_numbers": "has a phone_type that is not included in the list"},
        ),
        (
            {"patient_phone_numbers": [{"phone_type": "Home", "number": "none"}]},
            {"patient_phone_numbers": "has a number that is invalid"},
        ),
        (
            {"first_name": None, "email": "@"},
            {"first_name": "can't be blank", "email": "is invalid"},
        ),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    caller: Caller, change: dict[str, object], errors: dict[str, str]
) -> None:
    assert caller.errors("POST", "/patients", json={**PERSON, **change}) == errors
    id = caller.first("patients")
    before = caller.get(f"/patients/{id}")
    assert caller.errors("PATCH", f"/patients/{id}", json=change) == errors
    assert caller.get(f"/patients/{id}") == before
    assert caller.made()["writebacks"] == []


def test_only_a_name_is_wanted(caller: Caller) -> None:
    assert caller.errors("POST", "/patients", json={}) == {
        "first_name": "can't be blank",
        "last_name": "can't be blank",
    }
    caller.register(date_of_birth=None, notes="x" * 10_000)


def test_an_archived_patient_leaves_the_lists_until_they_come_back(caller: Caller) -> None:
    id = caller.register()["id"]
    path = f"/patients/{id}"
    caller.clock.advance(60)
    caller.done("POST", f"{path}/archive")

    assert id not in caller.ids("patients")
    assert caller.call("PATCH", path, json={"notes": "?"}).status_code == 404
    assert caller.call("POST", f"{path}/archive").status_code == 404
    archived = caller.get(path, q="archived_at:*")
    assert archived["archived_at"] == archived["updated_at"] == "2026-03-02T15:01:00Z"

    caller.clock.advance(60)
    back = caller.call("POST", f"{path}/unarchive")
    assert back.status_code == 200
    assert back.get_json() == caller.get(path)
    assert (back.get_json()["archived_at"], back.get_json()["updated_at"]) == (
        None,
        "2026-03-02T15:02:00Z",
    )


def test_the_deprecated_delete_archives(caller: Caller) -> None:
    id = caller.register()["id"]
    caller.done("DELETE", f"/patients/{id}")
    found = caller.get(f"/patients/{id}", q="archived_at:*")
    assert (found["archived_at"], found["deleted_at"]) == ("2026-03-02T15:00:00Z", None)
    assert caller.truth()["patients"][id]["is_active"] is False
