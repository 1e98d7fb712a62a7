"""Whatever a practice's people do, and whenever a sync is killed: our tables end as the PMS is.

Each PMS is simulated over real HTTP. People create, change, cancel, archive, merge and delete, also
while a sync reads; syncs are killed between any two pages and go on later. Where the PMS can tell
all that, incremental runs alone bring our tables to the truth; else one full run does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import CharField
from django.db.models.functions import Cast
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Appointment, Patient
from integrations.models import Integration
from integrations.queries import Page
from integrations.sandbox import ControlRefused, RunningSandbox, running
from sync import running as engine
from sync.models import SyncRun
from sync.requesting import Running, Wanted, request
from sync.states import Status
from tests import make
from tests.conftest import Clock

PMSS = ("sikka", "cliniko", "nookal", "rest")
#: What happens, with numbers that choose among what there is.
CHANGES = (
    ("patient", "create"),
    ("patient", "update"),
    ("patient", "archive"),
    ("patient", "merge"),
    ("patient", "delete"),
    ("appointment", "create"),
    ("appointment", "update"),
    ("appointment", "cancel"),
    ("appointment", "no_show"),
    ("appointment", "complete"),
    ("appointment", "archive"),
    ("appointment", "delete"),
)
change = st.tuples(st.just("change"), st.sampled_from(CHANGES), st.integers(0, 10_000))
wait = st.tuples(st.just("wait"), st.integers(1, 600), st.just(0))
sync = st.tuples(st.just("sync"), st.booleans(), st.just(0))
#: Killed when so many pages are stored, with changes made between two pages.
killed = st.tuples(st.just("kill"), st.booleans(), st.integers(0, 12))
meanwhile = st.tuples(st.just("meanwhile"), st.integers(0, 4), st.sampled_from(CHANGES))
history = st.lists(st.one_of(change, change, change, wait, sync, killed, meanwhile), max_size=14)


class Killed(BaseException):
    """As a kill -9: nothing of ours runs any more."""


@dataclass
class Practice:
    """One practice of a simulated PMS, and our copy of it."""

    integration: Integration
    office: str
    sandbox: RunningSandbox
    clock: Clock
    #: Called between two pages with the number of pages so far.
    between: Callable[[int], None] = field(default=lambda pages: None)

    def now(self) -> datetime:
        return self.clock.now

    def change(self, what: tuple[str, str], number: int) -> None:
        kind, action = what
        truth = self.sandbox.control.truth(self.office)
        ids = sorted(truth[f"{kind}s"])
        chosen = "" if action == "create" else ids[number % len(ids)]
        patients = sorted(truth["patients"])
        other = patients[(number + 1) % len(patients)]
        values: dict[str, Any] = {}
        if kind == "patient" and action in {"create", "update"}:
            values = {"first_name": "Ada", "last_name": f"Changed{number}"}
        elif action in {"create", "update"}:
            start = self.clock.now + timedelta(days=1 + number % 20, minutes=15 * (number % 30))
            values = {"starts_at": start.replace(minute=0, second=0, microsecond=0).isoformat()}
        if action == "create" and kind == "appointment":
            values["patient_id"] = other
        into = other if action == "merge" else ""
        if action == "merge" and other == chosen:
            return
        # This PMS may know no such thing, or this record be past it.
        with suppress(ControlRefused):
            self.sandbox.control.change(self.office, kind, action, chosen, into=into, **values)

    def sync(self, is_full: bool = False, may_remove: bool = False) -> SyncRun:
        try:
            wanted = Wanted(is_full=is_full, is_forced=True, may_remove=may_remove)
            run = request(self.integration, wanted, self.clock.now)
        except Running as there:
            run = there.run
        return self.carry_on(run)

    def carry_on(self, run: SyncRun) -> SyncRun:
        """Let workers do their work until the run has ended, whatever it has to wait for."""
        for _ in range(50):
            run.refresh_from_db()
            if not run.is_open:
                return run
            if run.due_at > self.clock.now:
                self.clock.advance((run.due_at - self.clock.now).total_seconds())
            engine.carry_on(run.pk, self.now, shift=None)
        raise AssertionError(f"still {run.status}: {run.error_message}")

    def ours(self) -> dict[str, Any]:
        clinic = self.integration.clinic
        patients = {
            each.external_id: {
                "first_name": each.first_name,
                "last_name": each.last_name,
                "birth_date": each.birth_date.isoformat() if each.birth_date else "",
                "email": each.email,
                "phone": each.phone,
                "is_active": each.is_active,
            }
            for each in Patient.objects.present().filter(clinic=clinic)
        }
        appointments = {
            each.external_id: {
                "patient_id": each.patient.external_id if each.patient else "",
                "practitioner_id": each.practitioner.external_id if each.practitioner else "",
                "location_id": each.location.external_id if each.location else "",
                "starts_at": each.starts_at,
                "ends_at": each.ends_at,
                "status": each.status,
            }
            for each in Appointment.objects.present()
            .filter(clinic=clinic)
            .select_related("patient", "practitioner", "location")
        }
        return {"patients": patients, "appointments": appointments}

    def theirs(self) -> dict[str, Any]:
        truth = self.sandbox.control.truth(self.office)
        patients = {
            key: {**one, "birth_date": one["birth_date"] or ""}
            for key, one in truth["patients"].items()
        }
        appointments = {
            key: {
                **{name: one[name] for name in ("patient_id", "practitioner_id", "location_id")},
                "starts_at": datetime.fromisoformat(one["starts_at"]),
                "ends_at": datetime.fromisoformat(one["ends_at"]),
                "status": one["status"],
            }
            for key, one in truth["appointments"].items()
        }
        return {"patients": patients, "appointments": appointments}

    def differences(self) -> dict[str, Any]:
        """What is not as it is there: id → ours and theirs."""
        ours, theirs = self.ours(), self.theirs()
        return {
            f"{kind} {key}": (ours[kind].get(key), theirs[kind].get(key))
            for kind in theirs
            for key in {*ours[kind], *theirs[kind]}
            if ours[kind].get(key) != theirs[kind].get(key)
        }

    @property
    def tells_all(self) -> bool:
        """Whether this PMS's changes tell all that happened."""
        moving = [
            told
            for resource, told in self.integration.manifest.lists.items()
            if resource in {"patients", "appointments"}
        ]
        return all(each.told and each.removals and not each.needs_window for each in moving)


def credential_of(pms: str, system: dict[str, Any], office: dict[str, Any]) -> dict[str, Any]:
    match pms:
        case "sikka":
            return {
                "app_id": system["app_id"],
                "app_key": system["app_key"],
                "secret_key": office["secret_key"],
            }
        case "rest":
            return {"token": office["token"]}
    return {"api_key": office["api_key"]}


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[RunningSandbox]:
    with running(wide_events=0.0, rate_limit=100_000) as sandbox:
        yield sandbox


@pytest.fixture
def open_practice(
    transactional_db: None,
    sandbox: RunningSandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Practice]:
    """Return what begins anew with a PMS: a fresh world there, an empty clinic here."""
    rates = {f"{pms}_rate_limit": 100_000 for pms in PMSS if pms != "sikka"}
    real = engine.pages

    def begin(pms: str) -> Practice:
        sandbox.control.reset()
        sandbox.control.set_now(clock.now)
        sandbox.control.knobs(**rates)
        # The account is free for the next clinic.
        Integration.objects.update(account=Cast("id", CharField()))
        system = sandbox.control.credentials()[pms]
        office = system["offices"][-1]  # the one with two sites
        integration = make.integration(
            make.clinic(zone=office["timezone"]),
            pms=pms,
            base_url=system["url"],
            account=office["office_id"],
            credential=credential_of(pms, system, office),
            options={"timezone": office["timezone"]} if pms == "rest" else {},
            access_key="",
            refresh_key="",
            key_expires_at=None,
            imported_at=None,
            budget_calls=100_000,
            budget_reserve=0,
        )
        practice = Practice(integration, office["office_id"], sandbox, clock)

        def watched(*args: Any) -> Iterator[Page]:
            for number, page in enumerate(real(*args)):
                practice.between(number)
                yield page

        monkeypatch.setattr(engine, "pages", watched)
        return practice

    return begin


@pytest.mark.parametrize("pms", PMSS)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=history)
def test_after_any_history_our_tables_are_as_the_pms_is(
    open_practice: Callable[[str], Practice], pms: str, history: list[Any]
) -> None:
    practice = open_practice(pms)
    first = practice.sync()
    assert (first.status, first.error_message) == (Status.COMPLETED, "")
    assert practice.differences() == {}
    for what, one, two in history:
        practice.clock.advance(1)
        match what:
            case "change":
                practice.change(one, two)
            case "wait":
                practice.clock.advance(one * 60)
            case "sync":
                practice.sync(is_full=one, may_remove=True)
            case "kill" | "meanwhile":
                _disturbed(practice, what, one, two)
    if practice.tells_all:
        practice.clock.advance(3600)
        ended = practice.sync()
        if not ended.is_full:
            practice.clock.advance(3600)
            ended = practice.sync()
    else:
        practice.clock.advance(3600)
        practice.carry_on(practice.sync())
        ended = practice.sync(is_full=True, may_remove=True)
    assert ended.status == Status.COMPLETED
    assert practice.differences() == {}


def _disturbed(practice: Practice, what: str, one: Any, two: Any) -> None:
    """A sync that is killed between two pages, or while people change things between them."""

    def between(pages: int) -> None:
        if what == "kill" and pages == two:
            raise Killed
        if what == "meanwhile" and pages == one:
            practice.change(two, 7)

    practice.between = between
    try:
        practice.sync(is_full=bool(one) if what == "kill" else False, may_remove=True)
    except Killed:
        practice.clock.advance(5)
    finally:
        practice.between = lambda pages: None
