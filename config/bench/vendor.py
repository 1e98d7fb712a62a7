"""A PMS on loopback that only ever answers prepared pages: a load is measured, not a PMS.

It speaks as the REST service that an integration without options is taken for, and is a process of
its own that ends with the one that started it.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

#: Records of a page.
PAGE = 100
_START = datetime(2024, 1, 1, tzinfo=UTC)
_FIRST_NAMES = ("Ada", "Béla", "Chloë", "Dmitri", "Edith", "Farid", "Grace", "Hedy", "Ines", "Jo")
_LAST_NAMES = ("Invented", "Made-Up", "O'Nobody", "Nowhere", "Unreal", "Fictive", "Sample")


def patient(number: int) -> dict[str, Any]:
    """Return an invented patient of about 700 bytes, most of them in fields that nobody reads."""
    first, last = _FIRST_NAMES[number % 10], _LAST_NAMES[number % 7]
    phone = f"({200 + number % 700}) 555-{number % 10_000:04}"
    changed_at = (_START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": f"{number:07}",
        "first_name": first,
        "last_name": f"{last} {number}",
        "date_of_birth": (date(1930, 1, 1) + timedelta(days=number % 30_000)).isoformat(),
        "email": f"patient.{number}@example.org",
        # One in twenty as no rule of thumb reads it.
        "phone": f"{phone} ext. {number % 90 + 10}" if number % 20 == 0 else phone,
        "active": number % 50 != 0,
        "created_at": changed_at,
        "updated_at": changed_at,
        "deleted_at": None,
        "title": "",
        "gender": "not stated",
        "address": {
            "line_1": f"{number % 999 + 1} Invented Street",
            "line_2": "",
            "city": "Nowhere",
            "state": "ME",
            "post_code": f"{number % 99_999:05}",
            "country": "United States",
        },
        "preferred_staff_id": number % 12 + 1,
        "referred_by": None,
        "reminders": {"by_email": True, "by_text": False, "hours_before": 24},
        "consents": ["privacy", "treatment"],
        "emergency_contact": {"name": f"Somebody {last}", "relation": "sibling"},
        "notes": "Prefers mornings; has asked for the room on the ground floor.",
    }


@contextmanager
def serving(patients: int) -> Iterator[str]:
    """Serve so many patients at the address that this yields."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, patients), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        ours.close()
        process.join()


def serve(parent: Connection, patients: int) -> None:
    """Answer until the parent is gone. Tells it the port once all pages are there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    class Pages(_Pages):
        pages = {
            first // PAGE + 1: _page(range(first, min(first + PAGE, patients)), patients)
            for first in range(0, patients, PAGE)
        }
        empty = _page(range(0), patients)

    with _Server(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        parent.send(server.server_address[1])
        with suppress(EOFError):
            parent.recv()
        server.shutdown()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class _Pages(StreamRequestHandler):
    """As little of HTTP as its two clients need, so that it takes little of the processors."""

    pages: dict[int, bytes]
    empty: bytes
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while request := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            asked = re.search(rb"[?&]page=(\d+)", request)
            self.wfile.write(self.pages.get(int(asked[1]) if asked else 1, self.empty))


def _page(numbers: range, total: int) -> bytes:
    body = json.dumps({"data": [patient(number) for number in numbers], "total": total}).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
