"""/healthz tells that the process lives, /readyz whether it can work."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client


def test_healthz_asks_nobody() -> None:
    answer = Client().get("/healthz")  # no database mark: a query here would fail the test
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_readyz_is_200_while_both_services_answer() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "broker": "ok"}


@pytest.mark.django_db
def test_readyz_is_503_and_names_what_is_away(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "broker": "unreachable"}
