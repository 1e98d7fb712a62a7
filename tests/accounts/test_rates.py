"""A program that runs wild is slowed down, and Redis' absence stops nobody."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from limits.storage import RedisStorage
from redis.exceptions import ConnectionError as RedisAway
from rest_framework.test import APIClient

from accounts import rates
from clinics.models import User

pytestmark = pytest.mark.django_db
Keys = Callable[..., APIClient]
CLINICS = "/api/v1/clinics"


def left(answer: Any) -> tuple[int, str, str]:
    return answer.status_code, answer["RateLimit-Limit"], answer["RateLimit-Remaining"]


def test_each_answer_tells_what_is_left_and_the_last_one_when_again(key: Keys) -> None:
    client = key("read", rate_limit=3)
    assert [left(client.get(CLINICS)) for _ in range(3)] == [
        (200, "3", "2"),
        (200, "3", "1"),
        (200, "3", "0"),
    ]
    spent = client.get(CLINICS)
    assert left(spent) == (429, "3", "0")
    assert spent.json()["error"]["code"] == "rate_limited"
    assert 1 <= int(spent["Retry-After"]) <= 60
    assert spent["Retry-After"] == spent["RateLimit-Reset"]


def test_refusals_tell_it_too(key: Keys) -> None:
    client = key("book")
    assert left(client.get("/api/v1/writebacks")) == (403, "600", "599")
    assert left(client.get("/api/v1/api-keys/3662153d-0000-4000-8000-000000000000")) == (
        403,
        "600",
        "598",
    )


def test_each_key_has_a_minute_of_its_own(key: Keys) -> None:
    spent, other = key("read", rate_limit=1), key("read", rate_limit=1)
    assert [spent.get(CLINICS).status_code for _ in range(2)] == [200, 429]
    assert other.get(CLINICS).status_code == 200


def test_the_count_is_forgotten_after_a_minute(key: Keys, rate_store: RedisStorage) -> None:
    client = key("read", rate_limit=1)
    client.get(CLINICS)
    redis = rate_store.get_connection()
    names = [name for name in redis.keys("frontdesk.rate*") if redis.get(name) == b"1"]
    assert names
    assert all(0 < redis.ttl(name) <= 60 for name in names)
    assert redis.keys("LIMITS*") == []


def test_people_are_not_counted(staff: User, api: Callable[[User], APIClient]) -> None:
    assert "RateLimit-Limit" not in api(staff).get(CLINICS)


def test_without_redis_requests_go_through_and_the_log_says_so_once(
    key: Keys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = key("read", rate_limit=1)
    tried: list[str] = []

    def away(*args: Any, **kwargs: Any) -> int:
        tried.append("once")
        raise RedisAway("invented")

    with monkeypatch.context() as patch:
        patch.setattr(rates.storage(), "incr", away)
        answers = [client.get(CLINICS) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200] * 3
        assert "RateLimit-Limit" not in answers[0]
        assert tried == ["once"], "it is left alone for some seconds"
        rates.counter.away_until = time.monotonic()
        client.get(CLINICS)
        assert len(tried) == 2
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert warnings == ["API keys are not counted: Redis is away (ConnectionError)"]
    rates.counter.away_until = time.monotonic()
    assert left(client.get(CLINICS)) == (200, "1", "0")
    assert caplog.messages[-1] == "API keys are counted again"


def test_a_silent_redis_holds_up_no_request(key: Keys, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        rates.storage.cache_clear()
        try:
            started = time.monotonic()
            assert key("read").get(CLINICS).status_code == 200
            assert time.monotonic() - started < 2
        finally:
            rates.storage().storage.close()
            rates.storage.cache_clear()
