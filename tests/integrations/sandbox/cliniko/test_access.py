"""Who gets in: the key, the headers that name a program, and what is answered to all others."""

import re

import pytest
from werkzeug.test import TestResponse

from .caller import PERSON, PREFIX, Caller


def asked(caller: Caller, key: str, **headers: str | None) -> TestResponse:
    return caller.call("GET", "/user", headers=caller.headers(key, **headers))


def test_a_key_has_hyphens_in_its_body_and_a_shard_at_its_end(caller: Caller) -> None:
    for key, shard in zip(caller.keys.values(), ("au2", "uk1"), strict=True):
        assert re.fullmatch(rf"MS0x-[0-9a-f]+-[0-9a-f]+-{shard}", key)


def test_a_key_is_the_same_with_its_shard_and_without(caller: Caller) -> None:
    key = caller.keys["cliniko-1"]
    assert asked(caller, key).status_code == 200
    assert asked(caller, key.rpartition("-")[0]).status_code == 200


def test_a_wrong_key_one_of_another_shard_and_none_are_answered_alike(caller: Caller) -> None:
    key = caller.keys["cliniko-1"]
    other_shard = f"{key.rpartition('-')[0]}-au1"
    for answer in (
        asked(caller, other_shard),
        asked(caller, key.split("-")[0]),
        asked(caller, ""),
        asked(caller, key, Authorization=None),
        asked(caller, key, Authorization=f"Bearer {key}"),
    ):
        assert answer.status_code == 401
        assert answer.text == "HTTP Basic: Access denied.\n"
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="Application"'


@pytest.mark.parametrize(
    "agent", [None, "Frontdesk", "(contact@frontdesk.example)", "Frontdesk (contact)", ""]
)
def test_a_program_without_a_name_and_a_contact_is_blocked(
    caller: Caller, agent: str | None
) -> None:
    headers = caller.headers(caller.keys["cliniko-1"], **{"User-Agent": agent})
    refused = caller.call("POST", "/patients", headers=headers, json=PERSON)
    assert refused.status_code == 403
    assert caller.made()["patients"] == []


@pytest.mark.parametrize("accepted", [None, "*/*", "text/html"])
def test_a_call_that_does_not_ask_for_json_is_refused(caller: Caller, accepted: str | None) -> None:
    assert asked(caller, caller.keys["cliniko-1"], Accept=accepted).status_code == 406


def test_a_body_must_say_that_it_is_json(caller: Caller) -> None:
    headers = caller.headers(caller.keys["cliniko-1"])
    refused = caller.client.post(f"{PREFIX}/patients", headers=headers, data='{"first_name": "A"}')
    assert refused.status_code == 415
    broken = {**headers, "Content-Type": "application/json"}
    assert caller.client.post(f"{PREFIX}/patients", headers=broken, data="{").status_code == 400
    assert caller.made()["writebacks"] == []


def test_a_key_opens_its_own_account_only(caller: Caller) -> None:
    made = caller.book()
    other = caller.call("GET", f"/individual_appointments/{made['id']}", office="cliniko-2")
    assert other.status_code == 404
    assert other.get_json() == {"status": "404", "error": "Not Found"}
    assert caller.made("cliniko-2")["appointments"] == []


def test_keys_do_not_run_out_but_one_can_be_revoked(caller: Caller) -> None:
    first = caller.keys
    caller.control("POST", "/expire_keys", {})
    assert asked(caller, first["cliniko-1"]).status_code == 200
    assert caller.control("POST", "/expire_keys", {"office_id": "cliniko-1"}) == {"expired": 1}
    assert asked(caller, first["cliniko-1"]).status_code == 401
    assert asked(caller, caller.keys["cliniko-1"]).status_code == 200
    assert caller.keys["cliniko-2"] == first["cliniko-2"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/account"),
        ("GET", "/clients"),
        ("PUT", "/patients/1"),
        ("GET", "/bookings"),
        ("GET", "/group_appointments"),
        ("GET", "/individual_appointments/cancelled/1"),
        ("POST", "/individual_appointments/1/cancel"),
        ("POST", "/practitioners"),
        ("POST", "/webhooks"),
    ],
)
def test_a_wrong_path_or_verb_is_a_page_of_html(caller: Caller, method: str, path: str) -> None:
    answer = caller.call(method, path)
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.text.startswith("<!DOCTYPE html>")


def test_the_user_behind_the_key_and_the_public_settings_can_be_asked_for(caller: Caller) -> None:
    user, settings = caller.get("/user"), caller.get("/settings/public")
    assert (user["role"], user["time_zone"]) == ("administrator", "Sydney")
    assert user["time_zone_identifier"] == "Australia/Sydney"
    assert user["links"]["self"].endswith(f"/cliniko/v1/users/{user['id']}")
    account = settings["account"]
    assert (account["name"], account["country_code"]) == ("Harbour Street Physiotherapy", "AU")
    assert account["time_zone_support"] is True
    assert settings["online_bookings"]["allow_bookings_days_in_advance"] == 90
