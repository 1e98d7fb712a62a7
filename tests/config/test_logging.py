"""What the database says of a refused row stays out of the logs of web, worker and beat."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import celery
import pytest
from django.db import IntegrityError, transaction
from django.test.client import Client

from clinics.models import User
from config.logging import DiscreetFormatter, OnceAMinute
from tests.config.conftest import PROJECT

pytestmark = pytest.mark.django_db
#: Looks like the end of the message, so that a search for that would be misled.
NAME = 'Secretly\nTraceback (most recent call last):\nInvented\n\nDETAIL: ") Named'
WORDS = ("Secretly", "Invented", "Named", "Failing row", "@example.org")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the console shows: the same formatter, on another stream."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handlers = logging.getLogger().handlers
    handler.setFormatter(next(h.formatter for h in handlers if type(h) is logging.StreamHandler))
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def refuse() -> None:
    """Let the database refuse a row and quote it, as it does where no policy hides rows."""
    with transaction.atomic():
        User.objects.create(
            username="someone", first_name=NAME, last_name=None, email="secretly@example.org"
        )


def assert_discreet(text: str) -> None:
    assert 'null value in column "last_name"' in text
    assert "Traceback (most recent call last):" in text
    assert "in refuse" in text
    assert not [word for word in WORDS if word in text]


def refused() -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        refuse()
    assert "Secretly" in str(caught.value), "this test would prove nothing"
    return caught.value


def test_a_traceback_tells_the_reason_and_not_the_row(log: io.StringIO) -> None:
    logging.getLogger("a.test").error("it failed", exc_info=refused())
    text = log.getvalue()
    assert_discreet(text)
    assert "ERROR   a.test it failed\n" in text
    assert "psycopg.errors.NotNullViolation: null value" in text
    assert "django.db.utils.IntegrityError: null value" in text


def test_nor_does_an_error_that_came_of_it(log: io.StringIO) -> None:
    def wrapped() -> None:
        try:
            refuse()
        except IntegrityError as error:
            raise RuntimeError(f"kept nothing: {error}") from error

    def grouped() -> None:
        try:
            refuse()
        except IntegrityError as error:
            raise ExceptionGroup(f"several: {error!r}", [error, ValueError("another")]) from None

    for what in (wrapped, grouped):
        try:
            what()
        except Exception:
            logging.getLogger("a.test").exception("it failed")
    text = log.getvalue()
    assert_discreet(text)
    for words in ("RuntimeError: kept nothing: null value", "several: ", "ValueError: another"):
        assert words in text


@pytest.mark.parametrize("form", ["%s", "%r", "(%r,)", "%a"])
def test_nor_does_a_message_with_the_error_in_it(log: io.StringIO, form: str) -> None:
    logging.getLogger("a.test").error(f"it failed: {form}", refused())
    assert "it failed" in log.getvalue()
    assert "null value in column" in log.getvalue()
    assert not [word for word in WORDS if word in log.getvalue()]


def test_a_traceback_that_another_handler_has_kept_is_not_used(log: io.StringIO) -> None:
    talkative = logging.StreamHandler(io.StringIO())
    root = logging.getLogger()
    root.handlers.insert(0, talkative)
    try:
        logging.getLogger("a.test").error("it failed", exc_info=refused())
    finally:
        root.removeHandler(talkative)
    assert "Secretly" in talkative.stream.getvalue()
    assert_discreet(log.getvalue())


def test_other_errors_are_told_in_full(log: io.StringIO) -> None:
    try:
        raise ValueError("one line\nanother line")
    except ValueError:
        logging.getLogger("a.test").exception("it failed")
    assert log.getvalue().endswith("ValueError: one line\nanother line\n")


def test_a_failed_request_is_logged_without_the_row(
    staff: User, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinics.access.Access.visible", lambda *_: refuse())
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    assert client.get("/api/v1/clinics").status_code == 500
    assert "Internal Server Error: /api/v1/clinics" in log.getvalue()
    assert_discreet(log.getvalue())


def test_a_failed_task_is_logged_without_the_row(log: io.StringIO) -> None:
    app = celery.current_app

    @app.task(name="tests.refused")
    def task() -> None:
        refuse()

    try:
        assert task.apply().failed()
    finally:
        app.tasks.unregister("tests.refused")
    assert "celery.app.trace Task tests.refused[" in log.getvalue()
    assert_discreet(log.getvalue())


HANDLERS = """
import logging, sys
{before}
loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
for logger in loggers:
    for handler in logger.handlers:
        if not isinstance(handler, logging.NullHandler):
            print(logger.name, type(handler.formatter).__name__)
"""
WEB = """
import uvicorn
uvicorn.Config("config.asgi:application", access_log=False).load()
"""
WORKER = """
from config.celery import app
worker = app.Worker(loglevel="info", quiet=True)
worker.on_before_init(quiet=True)
worker.on_init_blueprint()
"""


@pytest.mark.parametrize(
    ("before", "debug"),
    [(WEB, "false"), (WEB, "true"), (WORKER, "false")],
    ids=["web", "debug", "worker"],
)
def test_every_handler_of_a_process_writes_this_way(before: str, debug: str, tmp_path: Any) -> None:
    run = subprocess.run(
        [sys.executable, "-c", HANDLERS.format(before=before)],
        cwd=PROJECT,
        env={"PATH": "", "FRONTDESK_VAR": str(tmp_path), "DEBUG": debug},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = run.stdout.splitlines()
    assert f"root {DiscreetFormatter.__name__}" in lines
    assert {line.split()[1] for line in lines} == {DiscreetFormatter.__name__}


def test_what_a_library_cries_each_second_is_one_line_a_minute_without_a_traceback() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(OnceAMinute())
    for second in (0, 1, 59, 61):
        try:
            raise ConnectionError("no address, no password")
        except ConnectionError:
            exc = sys.exc_info()
        record = logging.LogRecord("redis", logging.ERROR, "", 0, "cannot receive", (), exc)
        record.created = 1_000_000 + second
        handler.handle(record)
    assert written.getvalue() == "cannot receive: ConnectionError\n" * 2


def test_the_servers_log_of_addresses_stays_switched_off(tmp_path: Any) -> None:
    # What the server looks at before it writes a line.
    asked = "import logging; print(logging.getLogger('uvicorn.access').hasHandlers())"
    run = subprocess.run(
        [sys.executable, "-c", f"{WEB}\n{asked}"],
        cwd=PROJECT,
        env={"PATH": "", "FRONTDESK_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert run.stdout == "False\n"
