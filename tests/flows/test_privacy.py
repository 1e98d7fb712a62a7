"""A story with everything written down: no secret and nothing of a patient is in any of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from celery.signals import task_postrun, task_prerun

from clinics.models import Patient
from config.celery import app as celery_app
from integrations import tasks
from integrations.http import retry
from integrations.models import Breaker, BudgetWindow, Call, Integration, IntegrationStatus
from tests.flows.practices import Practice
from writebacks.models import Writeback, WritebackEvent
from writebacks.tasks import dispatch

BOOK = "POST /appointment"


@dataclass
class Told:
    """What was written anywhere: log lines as they are, and messages as they are published."""

    lines: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


class Recorder(logging.Handler):
    """Takes every record with its traceback, whatever a formatter would leave out."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.args!r}")


@pytest.fixture(autouse=True)
def told() -> Iterator[Told]:
    """Every logger at its most talkative, and every task as its message would be."""
    found = Told()
    recorder = Recorder(found.lines)
    loggers = [logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        if logger is logging.root or not logger.propagate:
            logger.addHandler(recorder)

    def published(task_id: str, task: Any, args: Any, kwargs: Any, **_: Any) -> None:
        message = celery_app.amqp.as_task_v2(task_id, task.name, args, kwargs)
        found.messages.append(repr((message.headers, message.properties, message.body)))

    def returned(retval: Any, **_: Any) -> None:
        found.messages.append(repr(retval))

    task_prerun.connect(published)
    task_postrun.connect(returned)
    yield found
    task_prerun.disconnect(published)
    task_postrun.disconnect(returned)
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(recorder)
        logger.setLevel(level)


class Secrets:
    """What must not show: keys of every kind, and whatever tells who a patient is."""

    def __init__(self) -> None:
        self.patterns: dict[str, str] = {}

    def learn(self) -> None:
        """Take note of what the database knows at this moment; keys come and go."""
        for integration in Integration.objects.all():
            credential = integration.credential
            for name in ("app_key", "secret_key"):
                self._add(name, credential[name])
            self._add("access key", integration.access_key)
            self._add("refresh key", integration.refresh_key)
        for patient in Patient.objects.all():
            self._add("first name", patient.first_name)
            self._add("last name", patient.last_name)
            self._add("e-mail", patient.email)
            self._add("phone", patient.phone)
            self._add("phone's digits", re.sub(r"\D", "", patient.phone)[-10:])
            if patient.birth_date:
                self._add("birth date", patient.birth_date.isoformat())

    def _add(self, kind: str, text: str) -> None:
        if text:
            self.patterns[text] = kind

    def found_in(self, texts: list[str]) -> list[str]:
        """Return each secret that shows, with the line it is in."""
        whole = re.compile("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in self.patterns))
        return [
            f"{self.patterns[match.group()]} in: {text}"
            for text in texts
            for match in [whole.search(text)]
            if match
        ]


def rows() -> list[str]:
    """Everything that is kept for people to read about calls, budgets and outages."""
    tables = (Call, BudgetWindow, Breaker)
    kept = [repr(row) for table in tables for row in table.objects.values()]
    kept += WritebackEvent.objects.values_list("note", flat=True)
    kept += Integration.objects.values_list("error_message", flat=True)
    kept += Writeback.objects.values_list("error_message", flat=True)
    return kept


def test_nothing_of_a_patient_and_no_key_is_written_anywhere(
    practice: Practice, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.0)
    control, clock, secrets = practice.sandbox.control, practice.clock, Secrets()
    secrets.learn()
    assert Patient.objects.count() == 650

    # All goes well; and a practice that refuses, with its reason.
    practice.book("well", hour=9)
    practice.pass_time(30)
    control.knobs(failures=1.0)
    practice.book("refused", hour=10, patient=1)
    practice.pass_time(30)
    control.knobs(failures=0.0)
    patient = Patient.objects.order_by("external_id")[30]
    Patient.objects.filter(pk=patient.pk).update(external_id="")
    practice.book("without a patient", hour=11, patient=0)
    Patient.objects.filter(pk=patient.pk).update(external_id=patient.external_id)

    # Everything in which the way there can fail.
    for number, fault in enumerate(
        ["lost_answer", "dropped_request", "error", "throttled", "daily_quota", "garbage"]
    ):
        control.fault(BOOK, fault)
        control.fault("GET /writebacks", fault)
        control.fault("GET /writeback_status", fault)
        practice.book(fault, hour=9 + number, patient=2 + number, days=4)
        practice.pass_time(60)
        control.clear_faults()
        clock.advance(24 * 3600 if fault == "daily_quota" else 3600)

    # Keys that end, are forgotten and are rejected; a credential that is wrong.
    control.expire_keys(practice.office)
    practice.book("expired", hour=9, patient=20, days=5)
    secrets.learn()
    Integration.objects.update(refresh_key="forgotten", key_expires_at=clock.now)
    practice.book("forgotten", hour=10, patient=21, days=5)
    secrets.learn()
    right = Integration.objects.get().credential
    Integration.objects.update(
        credential=right | {"secret_key": "wrong-secret-key"},
        refresh_key="wrong-refresh-key",
        key_expires_at=clock.now,
    )
    secrets.learn()
    practice.book("rejected", hour=11, patient=22, days=5)
    assert Integration.objects.get().status == IntegrationStatus.ERROR
    practice.pass_time(30)
    Integration.objects.update(credential=right)
    tasks.refresh_tokens()
    secrets.learn()

    # An agent that is offline, a PMS that is away, and all that is left over.
    control.knobs(agent_offline=True)
    practice.book("offline", hour=12, patient=23, days=5)
    control.knobs(agent_offline=False)
    address = Integration.objects.get().base_url
    Integration.objects.update(base_url="http://127.0.0.1:9/sikka/v4")
    practice.book("away", hour=13, patient=24, days=5)
    practice.pass_time(30)
    Integration.objects.update(base_url=address)
    clock.advance(3600)
    practice.pass_time(120)
    tasks.prune()
    dispatch()
    secrets.learn()

    # The story was one: it told much, and of all kinds.
    assert Writeback.objects.filter(status="completed").count() >= 8
    assert {"refused", "no_answer", "not_reached", "throttled", "not_authorized", "key_expired",
            "agent_offline"} <= {*Call.objects.values_list("error", flat=True)}  # fmt: skip
    assert any("urllib3" in line and BOOK.split()[1] in line for line in told.lines)
    assert any("its PMS is away" in line for line in told.lines)
    assert any("writebacks.tasks.submit" in message for message in told.messages)
    assert any("integrations.tasks.refresh_token" in message for message in told.messages)
    assert Integration.objects.get().error_message == ""
    kinds = {*secrets.patterns.values()}
    assert kinds == {
        "app_key", "secret_key", "access key", "refresh key", "first name", "last name", "e-mail",
        "phone", "phone's digits", "birth date",
    }  # fmt: skip

    assert secrets.found_in(told.lines) == []
    assert secrets.found_in(told.messages) == []
    assert secrets.found_in(rows()) == []


def test_the_search_finds_what_it_looks_for(practice: Practice) -> None:
    secrets = Secrets()
    secrets.learn()
    everything_told = (
        each for each in Patient.objects.all() if each.birth_date and each.phone and each.email
    )
    patient = next(everything_told)
    key = Integration.objects.get().access_key
    shown = [
        f"GET /patients?last={patient.last_name}&x=1",
        f"born {patient.birth_date} there",
        f"('{patient.email}',)",
        f"tel:{patient.phone}",
        f"Request-Key: {key}",
        f"ends at {practice.clock.now + timedelta(hours=1)}",
    ]
    assert len(secrets.found_in(shown)) == 5
