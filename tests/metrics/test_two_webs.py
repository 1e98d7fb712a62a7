"""Two web processes, Valkey killed and started anew, a web killed: everybody ends with the truth.

Real processes and real waits, some of them up to a heartbeat long: `make crash` runs this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from channels.layers import channel_layers
from django.db import connection
from websockets.exceptions import ConnectionClosed

from clinics.models import Clinic, User
from config.embedded import EmbeddedServices, urls
from config.startup import answers
from metrics import feed, live
from tests.config.conftest import new_var
from tests.crash.product import PROJECT, free_port, until
from tests.metrics.web import Socket, Web, token_of, told, visit

pytestmark = [pytest.mark.crash, pytest.mark.django_db(transaction=True)]

#: A heartbeat, and what a busy machine takes besides.
PATIENCE = feed.HEARTBEAT + 15


@pytest.fixture
def valkey(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedServices]:
    """A Valkey of the test's own, to which this process tells its news too."""
    with new_var() as var, EmbeddedServices(var, durable=False, postgres=False) as services:
        layers = settings.CHANNEL_LAYERS["default"]
        hosts = [{"address": urls(var).redis, "socket_timeout": None}]
        settings.CHANNEL_LAYERS = {
            "default": layers | {"CONFIG": layers["CONFIG"] | {"hosts": hosts}}
        }
        channel_layers.backends.clear()
        monkeypatch.setattr(live, "announcer", live.Announcer())
        yield services
        channel_layers.backends.clear()


@pytest.fixture
def webs(
    transactional_db: None, valkey: EmbeddedServices, tmp_path: Path
) -> Iterator[list[tuple[Web, subprocess.Popen[bytes]]]]:
    """Two web servers on the test's database."""
    database = urlsplit(os.environ["DATABASE_URL"])
    folder = database.path.rpartition("/")[0]
    database = database._replace(path=f"{folder}/{connection.settings_dict['NAME']}")
    redis = urls(valkey.layout.var)
    environment = os.environ | {
        "DATABASE_URL": database.geturl(),
        "REDIS_URL": redis.redis,
        "CELERY_BROKER_URL": redis.broker,
    }
    started = []
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "webs.log").open("ab"))
        for _ in range(2):
            port = free_port()
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)],
                cwd=PROJECT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
            started.append((Web(port), process))
        for web, _ in started:
            until(lambda web=web: answers(f"http://{web.host}/healthz"), 30, "a web to answer")
        yield started


def bookings(socket: Socket, wanted: int, seconds: float = PATIENCE) -> int:
    """Read on until a socket was told of so many bookings; returns the id of that message."""
    deadline = time.monotonic() + seconds
    while True:
        message = socket.next(max(0.1, deadline - time.monotonic()))
        numbers = message.get("metrics") or message.get("changed") or {}
        if numbers.get("totalBookings") == wanted:
            return message["id"]


def until_closed(socket: Socket) -> None:
    """Read on to the end of a socket."""
    try:
        while True:
            socket.next(10)
    except ConnectionClosed:
        return


def kill(services: EmbeddedServices) -> None:
    (server,) = services.servers
    assert server.pid
    process = psutil.Process(server.pid)
    process.kill()
    until(lambda: server.pid is None, 10, "Valkey to be gone")


def test_who_watches_by_two_webs_ends_with_the_right_numbers_whatever_is_killed(
    webs: list[tuple[Web, subprocess.Popen[bytes]]],
    valkey: EmbeddedServices,
    clinic: Clinic,
    staff: User,
) -> None:
    told(clinic)
    token = token_of(staff)
    with ExitStack() as stack:
        opened = [stack.enter_context(web.sockets(clinic, 3, token=token)) for web, _ in webs]
        everybody = [socket for sockets in opened for socket in sockets]
        for each in everybody:
            assert each.next()["type"] == "snapshot"

        # What is told in one process is heard in both.
        visit(clinic)
        told(clinic)
        for each in everybody:
            bookings(each, 1, 5)

        # Nobody hears of a change while Valkey is away; all find it with the next heartbeat.
        kill(valkey)
        visit(clinic)
        told(clinic)
        for each in everybody:
            bookings(each, 2)

        # Once it is back, and each web has noticed, news come at once again.
        assert valkey.check() == ["valkey"]
        time.sleep(live.LEFT_ALONE + 3)
        began = time.monotonic()
        visit(clinic)
        told(clinic)
        ids = {bookings(each, 3, 5) for each in everybody}
        assert time.monotonic() - began < 5
        assert ids == {4}

        # A web dies; who was there comes back to the other with the last id, and missed nothing.
        webs[0][1].kill()
        for each in opened[0]:
            until_closed(each)
        visit(clinic)
        told(clinic)
        with webs[1][0].socket(clinic, token=token, query="?last_id=4") as back:
            # It may be here before the news are: then it is told that nothing has changed, first.
            message = back.next()
            if message["id"] == 4:
                assert message["changed"] == {}
                message = back.next()
            assert (message["type"], message["id"]) == ("update", 5)
            assert message["changed"]["totalBookings"] == 4
        for each in opened[1]:
            bookings(each, 4, 5)
