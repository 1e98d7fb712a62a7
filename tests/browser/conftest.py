"""A real Chromium that looks at a real web server; skipped with a message where there is none.

The server runs in threads of this process (tests/metrics/web.py), so that it shares the test's
database, its clock and the simulated PMS. The browser has the machine's own clock: the page has to
tell ages by the server's.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from clinics.models import User
from tests.browser.looking import Window

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is; CHROMIUM names one that is elsewhere."""
    pytest.importorskip(
        "playwright.sync_api",
        reason="no playwright: install requirements-browser.txt to test in a real browser",
    )
    named = os.environ.get("CHROMIUM", "")
    found = next(filter(None, map(shutil.which, (named, *CHROMIUMS))), None)
    if found is None:
        pytest.skip("no Chromium: `apt install chromium`, or name one in CHROMIUM")
    return found


@pytest.fixture
def chrome(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Its sandbox needs rights that containers do not give; it opens our own pages only.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def behind(transactional_db: None) -> Iterator[Callable[..., Any]]:
    """Run the product's code as a worker does, away from the thread that drives the browser:
    there, an event loop runs."""

    def done() -> None:
        connections.close_all()

    with ThreadPoolExecutor(1) as worker:

        def run(work: Callable[..., Any], *arguments: Any) -> Any:
            return worker.submit(work, *arguments).result(30)

        yield run
        worker.submit(done).result(30)


@pytest.fixture
def look(chrome: Browser, web: Any, behind: Callable[..., Any]) -> Iterator[Callable[..., Window]]:
    """Return a window of somebody who is logged in; at its end nothing may have gone wrong."""
    opened: list[Window] = []

    def open_one(person: User, **options: Any) -> Window:
        cookie = behind(_session_of, person)
        context = chrome.new_context(base_url=f"http://{web.host}", **options)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": cookie, "url": f"http://{web.host}"}])
        opened.append(Window(context.new_page()))
        return opened[-1]

    yield open_one
    for window in opened:
        window.page.context.close()
    assert [window.complaints for window in opened] == [[]] * len(opened)


def _session_of(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
