"""Every attempt passes the guard: breaker, then budget, then the wire, then the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
import responses

from integrations.adapters.sikka import answers
from integrations.contract import Priority, Scope
from integrations.http import transport
from integrations.http.breaker import THRESHOLD
from integrations.http.errors import (
    BudgetExhausted,
    CircuitOpen,
    KeyExpired,
    NoAnswer,
    NotReached,
    PmsError,
    Refused,
    Throttled,
)
from integrations.models import Breaker, BudgetWindow, Call, Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.session import Session, open_session
from integrations.tasks import refresh_token
from tests import make
from tests.conftest import START
from tests.integrations.lists import records
from tests.integrations.threads import at_once
from tests.integrations.wire import Peer, Script, serving

HIGH, LOW = Priority.HIGH, Priority.LOW
OFFICE = (Scope.INTEGRATION, Scope.APPLICATION)
BASE = "http://127.0.0.1:9/sikka/v4"
#: What requests raises where nobody listens, as urllib3 words it.
REFUSED = requests.ConnectionError(
    transport.MaxRetryError(None, "/", transport.NewConnectionError(None, "refused"))  # type: ignore[arg-type]
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pms() -> Iterator[responses.RequestsMock]:
    """Every answer of the PMS; what is not expected here cannot be asked."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


Opened = Callable[..., Session]


@pytest.fixture
def session(integration: Integration) -> Opened:
    """A session of the integration as it stands, which waits for nothing, at a given second."""

    def opened(
        priority: Priority = HIGH, at: float = 0, of: Integration = integration, **more: Any
    ) -> Session:
        row = Integration.objects.get(pk=of.pk)
        found = open_session(row, priority, lambda: START + timedelta(seconds=at), **more)
        found.adapter.calls.client.wait = lambda seconds: None  # type: ignore[attr-defined]
        return found

    return opened


def ask(session: Session, method: str = "GET", path: str = "/practices") -> Any:
    client = session.adapter.calls.client  # type: ignore[attr-defined]
    return client.request(method, path, dialect=answers, scopes=OFFICE)


def used(of: Integration) -> int:
    windows = BudgetWindow.objects.filter(key=of.practice_counter().key)
    return sum(window.used for window in windows)


def failed(session: Session, kind: type[PmsError], **how: Any) -> PmsError:
    with pytest.raises(PmsError) as caught:
        ask(session, **how)
    assert type(caught.value) is kind
    return caught.value


def away(of: Integration, until: float = 15) -> None:
    """Let the integration's breaker be open until that second."""
    Breaker.objects.create(
        integration=of,
        failures=THRESHOLD,
        rests=1,
        opened_at=START,
        retry_at=START + timedelta(seconds=until),
    )


# --- Attempts ------------------------------------------------------------------------------------


def test_every_attempt_of_a_read_spends_and_is_noted(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", status=500)
    pms.get(f"{BASE}/practices", body=REFUSED)
    pms.get(f"{BASE}/practices", json={"items": []})
    one = session(correlation="import")
    ask(one)
    assert (one.calls, used(integration)) == (3, 3)
    noted = Call.objects.order_by("pk").values_list("attempt", "status", "error", "budget_left")
    assert list(noted) == [
        (1, 500, "no_answer", 119),
        (2, None, "not_reached", 118),
        (3, 200, "", 117),
    ]


def test_a_read_is_given_up_on_after_three_attempts(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", status=503)
    failed(session(), NoAnswer)
    assert (len(pms.calls), used(integration), Call.objects.count()) == (3, 3, 3)


def leave(peer: Peer) -> None:
    peer.read()
    peer.close()


def break_off(peer: Peer) -> None:
    peer.read()
    peer.reset()


def no_json(peer: Peer) -> None:
    peer.read()
    peer.answer(b'{"long_mess')


def overloaded(peer: Peer) -> None:
    peer.read()
    peer.answer(status="503 Service Unavailable")


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("script", [leave, break_off, no_json, overloaded])
def test_a_write_without_an_answer_is_made_once(
    session: Opened, integration: Integration, script: Script, method: str
) -> None:
    with serving(script) as server:
        Integration.objects.update(base_url=server.address)
        failed(session(), NoAnswer, method=method, path="/appointment")
    assert len(server.requests) == 1
    assert (used(integration), Call.objects.get().error) == (1, "no_answer")


def test_a_write_that_reached_nobody_is_made_again(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.post(f"{BASE}/appointment", body=REFUSED)
    pms.post(f"{BASE}/appointment", json={"ok": 1}, status=201)
    assert ask(session(), "POST", "/appointment").status == 201
    assert used(integration) == 2
    assert list(Call.objects.order_by("pk").values_list("method", "attempt", "error")) == [
        ("POST", 1, "not_reached"),
        ("POST", 2, ""),
    ]


def test_a_write_that_reached_somebody_at_its_second_attempt_is_in_doubt(
    pms: responses.RequestsMock, session: Opened
) -> None:
    pms.post(f"{BASE}/appointment", body=REFUSED)
    pms.post(f"{BASE}/appointment", status=502)
    assert failed(session(), NoAnswer, method="POST", path="/appointment").may_have_happened
    assert len(pms.calls) == 2


def test_a_budget_that_ends_between_two_attempts_says_when_it_goes_on(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", status=500)
    for _ in range(149):
        ask_budget(integration, HIGH)
    error = failed(session(LOW), BudgetExhausted)
    assert error.retry_at == START + timedelta(hours=1)
    assert (len(pms.calls), used(integration)) == (1, 150)


def ask_budget(of: Integration, priority: Priority, now: datetime = START) -> None:
    from integrations.http import budget

    budget.take([of.practice_counter()], priority, now)


# --- Breaker -------------------------------------------------------------------------------------


def test_an_open_breaker_costs_neither_a_call_nor_a_line(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    away(integration)
    error = failed(session(at=14), CircuitOpen)
    assert error.retry_at == START + timedelta(seconds=15)
    assert (len(pms.calls), used(integration), Call.objects.count()) == (0, 0, 0)


def test_the_fifth_failure_opens_it_in_the_middle_of_a_reads_attempts(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", status=500)
    failed(session(), NoAnswer)
    error = failed(session(), CircuitOpen)
    assert error.retry_at == START + timedelta(seconds=15)
    assert (len(pms.calls), used(integration)) == (5, 5)


@pytest.mark.parametrize(
    ("status", "error"), [(404, Refused), (400, Refused), (429, Throttled), (401, PmsError)]
)
def test_a_4xx_never_opens_it_and_closes_a_half_open_one(
    pms: responses.RequestsMock,
    session: Opened,
    integration: Integration,
    status: int,
    error: type[PmsError],
) -> None:
    pms.get(f"{BASE}/practices", status=status, json={"error_code": "API9999"})
    for number in range(THRESHOLD + 2):
        with pytest.raises(error):
            ask(session(at=60 * number))
    assert not Breaker.objects.exists()
    away(integration, until=600)
    with pytest.raises(error):
        ask(session(at=600))
    assert Breaker.objects.get().failures == 0
    assert Breaker.objects.get().retry_at is None
    assert len(pms.calls) == THRESHOLD + 3


def test_a_refused_budget_gives_the_probe_back(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", json={"items": []})
    away(integration)
    for _ in range(150):
        ask_budget(integration, HIGH)
    failed(session(LOW, at=15), BudgetExhausted)
    assert Breaker.objects.get().probe_until is None
    ask(session(HIGH, at=15))
    assert Breaker.objects.get().retry_at is None, "the next caller probed, and it answered"


@pytest.mark.django_db(transaction=True)
def test_of_16_callers_one_asks_a_pms_that_was_away_and_its_answer_is_good_for_all(
    session: Opened, integration: Integration
) -> None:
    away(integration)
    others: list[CircuitOpen] = []

    def answer_when_all_have_asked(peer: Peer) -> None:
        while True:
            peer.read()
            while len(others) < 15 and not peer._wire.over.wait(0.01):
                pass
            peer.answer(b'{"items": []}')

    def one(number: int) -> str:
        try:
            ask(session(at=15))
        except CircuitOpen as error:
            others.append(error)
            return "left it alone"
        finally:
            transport._session(True).close()
        return "asked"

    with serving(answer_when_all_have_asked) as server:
        Integration.objects.update(base_url=server.address)
        assert sorted(at_once(16, one)) == ["asked", *["left it alone"] * 15]
        ask(session(at=15))
        assert (server.connections, len(server.requests)) == (2, 2)


def test_a_failed_probe_leaves_it_alone_for_longer(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", body=REFUSED)
    away(integration)
    error = failed(session(at=15), CircuitOpen)
    assert error.retry_at == START + timedelta(seconds=45)
    assert len(pms.calls) == 1, "a probe is one attempt"


class TimeIsUp(Exception):
    """What Celery raises in the middle of a task that takes too long."""


def test_a_call_that_is_broken_off_is_no_answer(
    session: Opened, integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_ends(*given: Any, **more: Any) -> None:
        raise TimeIsUp

    monkeypatch.setattr(transport, "send", never_ends)
    away(integration)
    with pytest.raises(TimeIsUp):
        ask(session(at=15))
    assert Breaker.objects.get().retry_at == START + timedelta(seconds=45)
    assert (Call.objects.get().status, Call.objects.get().error) == (None, "broken_off")


def test_an_outage_is_one_line_and_its_end_another(
    pms: responses.RequestsMock,
    session: Opened,
    integration: Integration,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pms.get(f"{BASE}/practices", body=REFUSED)
    for second in range(200):
        with pytest.raises(PmsError):
            ask(session(at=second))
    pms.replace(responses.GET, f"{BASE}/practices", json={"items": []})
    ask(session(at=700))
    ask(session(at=701))
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert told == [
        f"integration {integration.pk}: its PMS is away",
        f"integration {integration.pk}: its PMS is back",
    ]
    made = Call.objects.filter(error="not_reached").count()
    assert made == 5 + 3, "200 tries made five calls, and one each after 15, 45 and 105 seconds"


def test_one_practices_outage_stops_no_other(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    other = make.integration(make.clinic(), base_url="http://127.0.0.1:9/other")
    pms.get("http://127.0.0.1:9/other/practices", json={"items": []})
    away(integration)
    failed(session(), CircuitOpen)
    ask(session(of=other))
    assert list(Call.objects.values_list("integration", flat=True)) == [other.pk]


# --- A rejected credential -----------------------------------------------------------------------


@pytest.fixture
def rejected(integration: Integration) -> Integration:
    integration.status = IntegrationStatus.ERROR
    integration.error_message = "Sikka answered 401 API2003."
    integration.key_expires_at = START
    integration.save()
    return integration


@pytest.mark.parametrize("work", [Resource.PRACTITIONERS, Resource.LOCATIONS])
def test_background_work_stops_while_the_credential_is_rejected(
    pms: responses.RequestsMock,
    session: Opened,
    rejected: Integration,
    caplog: pytest.LogCaptureFixture,
    work: Resource,
) -> None:
    with pytest.raises(PmsError) as caught:
        records(session(LOW).adapter, work)
    assert caught.value.code == "not_authorized"
    assert caught.value.may_have_happened is False
    assert (len(pms.calls), used(rejected), Call.objects.count()) == (0, 0, 0)
    rejected.refresh_from_db()
    assert rejected.error_message == "Sikka answered 401 API2003.", "the PMS's own word stays"
    assert rejected.key_lease_until is None
    assert caplog.messages == [], "and it is not told again with every try"


def test_somebody_who_waits_may_try_and_a_new_key_ends_the_error(
    pms: responses.RequestsMock, session: Opened, rejected: Integration
) -> None:
    pms.post(f"{BASE}/request_key", json={"request_key": "new", "expires_in": "86400 second(s)"})
    pms.get(f"{BASE}/providers", status=204)
    assert records(session(HIGH).adapter, Resource.PRACTITIONERS) == []
    rejected.refresh_from_db()
    assert (rejected.access_key, rejected.error_message) == ("new", "")
    assert rejected.status != IntegrationStatus.ERROR


def test_the_refresh_task_asks_all_the_same(
    pms: responses.RequestsMock, rejected: Integration
) -> None:
    pms.post(f"{BASE}/request_key", json={"request_key": "new", "expires_in": "86400 second(s)"})
    refresh_token(str(rejected.pk))
    rejected.refresh_from_db()
    assert (rejected.access_key, rejected.error_message) == ("new", "")
    assert rejected.status != IntegrationStatus.ERROR
    assert Call.objects.get().correlation == "refresh_token"


def test_a_key_that_has_ended_is_an_answer(
    pms: responses.RequestsMock, session: Opened, integration: Integration
) -> None:
    pms.get(f"{BASE}/practices", status=400, json={"error_code": "API1025"})
    failed(session(), KeyExpired)
    failed(session(), KeyExpired)
    assert not Breaker.objects.exists()


def test_a_pms_without_tls_is_not_asked_and_says_so(
    session: Opened, integration: Integration
) -> None:
    Integration.objects.update(is_sandbox=False)
    failed(session(), NotReached)
    assert set(Call.objects.values_list("error", flat=True)) == {"not_reached"}
