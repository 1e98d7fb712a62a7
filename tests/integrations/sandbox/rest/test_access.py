"""Who gets in, how many calls they have, and how refusals look."""

from collections.abc import Callable

import pytest

from .service import BOOKING, Service


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer x", "Basic {token}", "{token}", "Bearer {token}x"]
)
def test_without_a_valid_token_nobody_gets_in(service: Service, header: str | None) -> None:
    token = service.token()
    headers = {} if header is None else {"Authorization": header.format(token=token)}
    refused = service.call("GET", "/clients", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.get_json() == {
        "error": {
            "code": "unauthorized",
            "message": "The access token is missing or not valid.",
        }
    }
    (call,) = service.control("GET", "/calls")
    assert (call["office_id"], call["status"]) == (None, 401)


def test_an_expired_token_is_refused_and_the_next_one_is_among_the_credentials(
    service: Service,
) -> None:
    old = {"Authorization": f"Bearer {service.token()}"}
    assert service.control("POST", "/expire_keys", {"office_id": "rest-1"}) == {"expired": 1}
    assert service.call("GET", "/sites", headers=old).status_code == 401
    assert service.get("/sites").status_code == 200
    assert service.get("/sites", account="rest-2").status_code == 200


def test_calls_are_counted_by_account(service: Service) -> None:
    service.get("/sites")
    service.get("/staff")
    service.get("/sites", account="rest-2")
    offices = service.control("GET", "/books")["offices"]
    assert (offices["rest-1"]["calls"], offices["rest-2"]["calls"]) == (2, 1)
    assert offices["rest-1"]["pms"] == "rest"


def test_the_limit_is_told_in_headers_and_a_refused_call_says_when_to_come_back(
    open_service: Callable[..., Service],
) -> None:
    service = open_service(rest_rate_limit=2)
    first = service.get("/sites")
    service.clock.advance(20)
    second = service.get("/sites")
    refused = service.call("POST", "/appointments", json=BOOKING)

    told = [
        [answer.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
        for answer in (first, second, refused)
    ]
    assert told == [["2", "1", "60"], ["2", "0", "40"], ["2", "0", "40"]]
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert service.books()["writebacks"] == []
    assert service.get("/sites", account="rest-2").status_code == 200
    service.clock.advance(40)
    assert service.get("/sites").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "retry_after"),
    [
        ("error", 500, "internal_error", None),
        ("unavailable", 503, "unavailable", "30"),
        ("throttled", 429, "rate_limited", "60"),
        ("daily_quota", 429, "rate_limited", str(9 * 3600)),
    ],
)
def test_a_refusal_comes_in_the_services_words_and_nothing_happens(
    service: Service, fault: str, status: int, code: str, retry_after: str | None
) -> None:
    service.fault("POST /appointments", fault)
    refused = service.call("POST", "/appointments", json=BOOKING)
    assert refused.status_code == status
    assert refused.get_json()["error"]["code"] == code
    assert refused.headers.get("Retry-After") == retry_after
    assert service.books()["appointments"] == []
    assert service.call("POST", "/appointments", json=BOOKING).status_code == 201


def test_unknown_addresses_and_methods_are_answered_in_json(service: Service) -> None:
    unknown, wrong = service.get("/patients"), service.call("DELETE", "/clients/20001")
    assert (unknown.status_code, unknown.get_json()["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET, HEAD, PATCH")
    assert service.one("/clients/20001")["id"] == 20001


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rest_paging": "pages"}, "rest_paging must be page, offset, cursor or link"),
        ({"rest_rate_limit": 0}, "rest_rate_limit must be a whole number, 1 or more"),
        ({"rest_zoned": "yes"}, "rest_zoned must be true or false"),
    ],
)
def test_a_wrong_knob_is_refused(
    service: Service, change: dict[str, object], complaint: str
) -> None:
    answer = service.client.patch("/control/knobs", json=change)
    assert answer.status_code == 400
    assert complaint in answer.get_json()["error"]
