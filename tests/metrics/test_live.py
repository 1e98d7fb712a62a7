"""Telling of news from tasks: it leaves nothing behind, and Redis away holds nobody up."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psutil
import pytest
from channels.layers import channel_layers, get_channel_layer

from metrics import live


@pytest.fixture
def elsewhere(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Have news go to another address, by an announcer that knows nothing yet."""

    def point_at(url: str) -> live.Announcer:
        layers = settings.CHANNEL_LAYERS
        hosts = [{"address": url, "socket_timeout": None}]
        config = layers["default"]["CONFIG"] | {"hosts": hosts}
        settings.CHANNEL_LAYERS = {"default": layers["default"] | {"CONFIG": config}}
        channel_layers.backends.clear()
        return live.Announcer()

    yield point_at
    channel_layers.backends.clear()


def test_telling_often_leaves_no_connection_and_no_event_loop_behind() -> None:
    announcer, process = live.Announcer(), psutil.Process()
    assert announcer.send("metrics.nobody", {"type": live.TOLD})
    before = process.num_fds()
    for _ in range(300):
        assert announcer.send("metrics.nobody", {"type": live.TOLD})
    assert process.num_fds() <= before
    assert not get_channel_layer()._layers


def test_where_redis_is_away_telling_gives_up_and_then_waits_before_it_tries_again(
    elsewhere: Any, caplog: pytest.LogCaptureFixture
) -> None:
    announcer = elsewhere("redis://127.0.0.1:9/0")
    began = time.monotonic()
    assert not announcer.send("metrics.nobody", {"type": live.TOLD})
    assert time.monotonic() - began < live.PATIENCE + 1
    began = time.monotonic()
    assert not any(announcer.send("metrics.nobody", {"type": live.TOLD}) for _ in range(50))
    assert time.monotonic() - began < 0.1
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("nobody was told of news: ")


def test_where_redis_is_silent_telling_gives_up_in_time(elsewhere: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        announcer = elsewhere(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        assert not announcer.send("metrics.nobody", {"type": live.TOLD})
        assert time.monotonic() - began < live.PATIENCE + 1


def test_it_is_tried_again_after_a_while(elsewhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    announcer = elsewhere("redis://127.0.0.1:9/0")
    assert not announcer.send("metrics.nobody", {"type": live.TOLD})
    monkeypatch.setattr(live, "_send", _sent)
    assert not announcer.send("metrics.nobody", {"type": live.TOLD})
    later = time.monotonic() + live.LEFT_ALONE + 1
    monkeypatch.setattr(live.time, "monotonic", lambda: later)
    assert announcer.send("metrics.nobody", {"type": live.TOLD})


async def _sent(name: str, message: Any) -> None:
    return None


def test_a_clinics_news_goes_to_its_own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(live.announcer, "send", lambda *news: sent.append(news))
    clinic_id = uuid4()
    live.publish(clinic_id, 7)
    message = {"type": "metrics.told", "clinic": str(clinic_id), "version": 7}
    assert sent == [(f"metrics.{clinic_id}", message)]
