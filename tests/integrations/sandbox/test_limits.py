"""The rate limit: counted by application and minute, told in three headers."""

from collections.abc import Callable

from werkzeug.test import TestResponse

from .gateway import Gateway


def standing(response: TestResponse) -> tuple[str, str, str]:
    limit, remaining, reset = (
        response.headers[f"X-Rate-Limit-{name}"] for name in ("Limit", "Remaining", "Reset")
    )
    return limit, remaining, reset


def test_the_headers_count_down_and_the_reset_is_relative(gateway: Gateway) -> None:
    gateway.key("D10001")
    gateway.clock.advance(20)
    assert standing(gateway.get("/practices")) == ("250", "248", "40")


def test_over_the_limit_is_429_with_nothing_remaining_until_the_window_ends(
    open_gateway: Callable[..., Gateway],
) -> None:
    gateway = open_gateway(rate_limit=3)
    gateway.key("D10001")
    gateway.key("D10002")
    assert gateway.get("/practices").status_code == 200
    gateway.clock.advance(12)

    refused = gateway.get("/practices", office="D10002")

    assert refused.status_code == 429
    assert refused.get_json()["http_code"] == "429"
    assert standing(refused) == ("3", "0", "48")
    assert "Retry-After" not in refused.headers
    gateway.clock.advance(48)
    assert standing(gateway.get("/practices")) == ("3", "2", "60")


def test_a_refused_write_is_not_queued(open_gateway: Callable[..., Gateway]) -> None:
    gateway = open_gateway(rate_limit=1)
    gateway.key("D10001")
    assert gateway.call("POST", "/appointment", json={}).status_code == 429
    assert gateway.control("GET", "/books")["offices"]["D10001"]["writebacks"] == []


def test_unknown_callers_are_not_counted(gateway: Gateway) -> None:
    assert standing(gateway.get("/practices", headers={})) == ("250", "250", "60")
    assert standing(gateway.get("/authorized_practices", office=None)) == ("250", "249", "60")
