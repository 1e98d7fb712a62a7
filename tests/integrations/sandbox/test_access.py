"""Who gets in, and what those are told who do not."""

import pytest

from .gateway import Gateway, code


def test_the_application_sees_practice_1_of_each_office_unless_it_asks_for_all(
    gateway: Gateway,
) -> None:
    default = gateway.items("/authorized_practices", office=None)
    everything = gateway.items("/authorized_practices", office=None, show="all")

    assert [(item["office_id"], item["practice_id"]) for item in default] == [
        ("D10001", "1"),
        ("D10002", "1"),
    ]
    assert [(item["office_id"], item["practice_id"]) for item in everything] == [
        ("D10001", "1"),
        ("D10002", "1"),
        ("D10002", "2"),
    ]
    zones = [item["practice_management_system_refresh_date_time_zone"] for item in default]
    assert zones == ["Eastern Standard Time", "Pacific Standard Time"]
    assert [item["secret_key"] for item in default] == list(gateway.secrets.values())


def test_one_office_can_be_asked_for_by_its_address(gateway: Gateway) -> None:
    items = gateway.items("/authorized_practices/D10002", office=None)
    assert [item["practice_name"] for item in items] == ["Harbour View Dental"]
    assert gateway.get("/authorized_practices/D99999", office=None).status_code == 204


def test_a_key_is_issued_as_strings_only_with_its_lifetime_as_text(gateway: Gateway) -> None:
    details = gateway.grant("D10002")

    assert all(isinstance(value, str) for value in details.values())
    assert details["expires_in"] == "86400 second(s)"
    assert details["start_time"] == "2026-03-02T15:00:00"
    assert details["end_time"] == "2026-03-03T15:00:00"
    assert details["issued_to"] == "D10002"
    assert details["request_count"] == "1"
    assert len(details["request_key"]) == 32


def test_a_refresh_brings_a_new_request_key_and_keeps_the_refresh_key(gateway: Gateway) -> None:
    first = gateway.grant()
    second = gateway.grant(
        grant_type="refresh_key",
        refresh_key=first["refresh_key"],
        office_id=None,
        secret_key=None,
    )

    assert second["request_key"] != first["request_key"]
    assert second["refresh_key"] == first["refresh_key"]
    assert second["issued_to"] == "D10001"
    for key in (first["request_key"], second["request_key"]):
        assert gateway.get("/practices", headers={"Request-Key": key}).status_code == 200


def test_a_deleted_refresh_key_is_refused_and_followed_by_a_new_one(gateway: Gateway) -> None:
    old = gateway.grant()["refresh_key"]
    deleted = gateway.call(
        "DELETE", "/refresh_key", headers={**gateway.application, "Refresh-Key": old}
    )

    assert code(deleted) == (200, "API0002")
    assert code(gateway.ask_for_key(grant_type="refresh_key", refresh_key=old)) == (401, "API2003")
    assert gateway.grant()["refresh_key"] != old


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"app_id": None}, (400, "API1001")),
        ({"app_key": None}, (400, "API1002")),
        ({"app_key": "wrong"}, (401, "API2003")),
        ({"secret_key": None}, (400, "API1005")),
        ({"secret_key": "wrong"}, (401, "API2003")),
        ({"office_id": None}, (400, "API1026")),
        ({"grant_type": "refresh_token"}, (400, "API1026")),
        ({"grant_type": "refresh_key"}, (400, "API1026")),
        ({"grant_type": "refresh_key", "refresh_key": "wrong"}, (401, "API2003")),
    ],
)
def test_a_wrong_request_for_a_key_is_refused(
    gateway: Gateway, changes: dict[str, str | None], expected: tuple[int, str]
) -> None:
    assert code(gateway.ask_for_key(**changes)) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, "API1001")),
        ({"App-Id": "x"}, (400, "API1002")),
        ({"App-Id": "x", "App-Key": "y"}, (401, "API2003")),
    ],
)
def test_a_wrong_application_is_refused(
    gateway: Gateway, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(gateway.get("/writebacks", headers=headers)) == expected


def test_a_missing_and_an_unknown_request_key_are_400_with_six_strings(gateway: Gateway) -> None:
    for headers in ({}, {"Request-Key": "0" * 32}, gateway.application):
        refused = gateway.get("/patients", headers=headers)
        assert refused.status_code == 400
        assert refused.get_json() == {
            "http_code": "400",
            "http_code_desc": "BadRequest",
            "error_code": "API1004",
            "short_message": "Missing Parameter",
            "long_message": "Requestkey is missing/invalid",
            "more_information": "Please provide correct requestkey",
        }


def test_a_key_expires_to_the_second_with_400_and_not_401(gateway: Gateway) -> None:
    key = gateway.key("D10001")
    gateway.clock.advance(86_399)
    assert gateway.get("/practices").status_code == 200
    gateway.clock.advance(1)
    assert code(gateway.get("/practices")) == (400, "API1025")
    assert code(gateway.get("/request_key_info", headers={"Request-Key": key})) == (400, "API1025")


def test_the_key_works_in_the_query_and_its_expiry_stands_in_a_header(gateway: Gateway) -> None:
    answer = gateway.get("/practices", headers={}, request_key=gateway.key("D10001"))
    assert answer.status_code == 200
    assert answer.headers["Request-Key-Expires"] == "Tue, 03 Mar 2026 15:00:00 GMT"
    assert "request_key" not in answer.get_json()["pagination"]["current"]


def test_the_key_tells_about_itself(gateway: Gateway) -> None:
    gateway.get("/practices")
    gateway.clock.advance(797)
    info = gateway.get("/request_key_info").get_json()
    assert info["expires_in"] == "85603 second(s)"
    assert info["request_count"] == "3"
    assert "refresh_key" not in info


def test_a_deleted_request_key_is_invalid(gateway: Gateway) -> None:
    assert code(gateway.call("DELETE", "/request_key")) == (200, "API0002")
    assert code(gateway.get("/practices")) == (400, "API1004")


def test_control_expires_the_keys_of_one_office_only(gateway: Gateway) -> None:
    gateway.key("D10001")
    gateway.key("D10002")
    assert gateway.control("POST", "/expire_keys", {"office_id": "D10001"}) == {"expired": 1}
    assert code(gateway.get("/practices")) == (400, "API1025")
    assert gateway.get("/practices", office="D10002").status_code == 200


def test_unknown_paths_and_methods_answer_in_the_gateways_words(gateway: Gateway) -> None:
    assert code(gateway.get("/nothing")) == (404, "API2009")
    assert code(gateway.call("DELETE", "/appointments/70001")) == (405, "API2014")
