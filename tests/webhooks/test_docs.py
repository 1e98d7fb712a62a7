"""What docs/webhooks.md tells receivers is what is sent."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import START, Clock
from webhooks import events, schedule, signing

TEXT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()


@pytest.fixture
def snippets() -> SimpleNamespace:
    """The page's own code."""
    found: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, found)  # noqa: S102
    return SimpleNamespace(**found)


def test_its_code_takes_what_we_sign_and_nothing_else(
    snippets: SimpleNamespace, clock: Clock
) -> None:
    old, new, other = (signing.new_secret() for _ in range(3))
    body = '{"id":"1"}'
    headers = signing.headers(uuid4(), body, [new, old], START)
    for secret in (old, new):
        assert snippets.receive(headers, body.encode(), secret) == 204
        assert snippets.is_genuine(headers, body.encode(), secret)
    for wrong_body, secret in ((body.encode(), other), (b'{"id":"2"}', new)):
        assert snippets.receive(headers, wrong_body, secret) == 400
        assert not snippets.is_genuine(headers, wrong_body, secret)
    clock.advance(301)
    assert snippets.receive(headers, body.encode(), new) == 400
    assert not snippets.is_genuine(headers, body.encode(), new)


def test_its_schedule_is_the_codes() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    (listed,) = re.findall(r"then after (.*?): ten of them", TEXT, re.DOTALL)
    waits = [
        timedelta(seconds=int(number) * units[unit])
        for number, unit in re.findall(r"(\d+)\s(s|min|h)\b", listed)
    ]
    assert waits == list(schedule.WAITS)


def test_its_types_are_the_codes() -> None:
    rows = dict(re.findall(r"^\| `((?:writeback|webhook)\.\w+)` \| (.*) \|$", TEXT, re.MULTILINE))
    assert rows.pop(events.TEST)
    assert rows == dict(events.TYPES)
