"""A list of 300 pages over real HTTP, under a budget that is smaller, and through a kill -9."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connections
from django.utils import timezone

from clinics.models import Patient
from integrations.models import Integration
from sync import running
from sync.models import SyncRun
from sync.requesting import Wanted, request
from sync.states import Status
from tests import make
from tests.conftest import Clock

PAGES = 300
#: Records of a page.
SIZE = 10


@dataclass
class Service:
    """A service with one list, and the pages that were asked for."""

    url: str = ""
    asked: list[int] = field(default_factory=list)
    #: Hears of each call before it is answered.
    reached: dict[int, threading.Event] = field(default_factory=dict)
    let_go: threading.Event = field(default_factory=threading.Event)

    def answer(self, page: int) -> bytes:
        self.asked.append(page)
        if event := self.reached.get(page):
            event.set()
            self.let_go.wait(60)  # whoever asks is killed meanwhile
        first = (page - 1) * SIZE
        rows = [
            {"id": f"p{number}", "first_name": "Ada", "last_name": f"Invented {number}"}
            for number in range(first, first + SIZE)
        ]
        return json.dumps(
            {"data": rows, "next_cursor": page + 1 if page < PAGES else None}
        ).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            body = service.answer(int(asked.get("cursor", ["1"])[0]))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write no lines."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield service
    service.let_go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def linked(service: Service, calls: int, reserve: int) -> Integration:
    return make.integration(
        make.clinic(),
        pms="rest",
        base_url=service.url,
        account="one",
        credential={"token": "an-invented-token"},
        options={
            "paging": {"style": "cursor"},
            "changes": None,
            "lists": {
                "locations": None,
                "practitioners": None,
                "appointment_types": None,
                "appointments": None,
                "patients": {
                    "fields": {"id": "id", "first_name": "first_name", "last_name": "last_name"}
                },
            },
            "slots": None,
            "writes": None,
            "search": None,
        },
        budget_calls=calls,
        budget_reserve=reserve,
        imported_at=None,
    )


def test_300_pages_under_a_budget_of_200_take_300_calls_over_two_windows(
    transactional_db: None, service: Service, clock: Clock
) -> None:
    integration = linked(service, calls=250, reserve=50)  # background work may use 200
    run = request(integration, Wanted(), clock.now)
    running.carry_on(run.pk, lambda: clock.now, shift=None)
    run.refresh_from_db()
    assert (run.status, run.waiting_for) == (Status.WAITING, "waiting_for_budget")
    assert (len(service.asked), Patient.objects.count()) == (200, 200 * SIZE)
    clock.advance((run.due_at - clock.now).total_seconds())
    running.carry_on(run.pk, lambda: clock.now, shift=None)
    run.refresh_from_db()
    assert run.status == Status.COMPLETED
    assert service.asked == list(range(1, PAGES + 1))  # each page once
    assert (Patient.objects.count(), run.checkpoint.calls) == (PAGES * SIZE, PAGES)


def test_a_run_killed_at_page_253_and_resumed_takes_at_most_one_call_more(
    transactional_db: None, service: Service
) -> None:
    integration = linked(service, calls=10_000, reserve=0)
    run = request(integration, Wanted(), timezone.now())
    service.reached[253] = threading.Event()
    connections.close_all()  # a child must not share its parent's sessions
    child = os.fork()
    if child == 0:
        try:
            running.carry_on(run.pk, shift=None)
        finally:
            os._exit(1)
    assert service.reached[253].wait(60)
    stored = -1
    while stored < 252 * SIZE:  # the page before is stored while this one is fetched
        stored = Patient.objects.count()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    service.reached.clear()
    assert stored == 252 * SIZE
    SyncRun.objects.update(due_at=timezone.now())  # what a tick does that finds it orphaned
    running.carry_on(run.pk, shift=None)
    run.refresh_from_db()
    assert run.status == Status.COMPLETED
    assert len(service.asked) == PAGES + 1
    assert sorted(set(service.asked)) == list(range(1, PAGES + 1))
    assert Patient.objects.count() == PAGES * SIZE
