"""Webhooks from PMSs, over real HTTP: who is believed, what is answered, and what comes of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.test import Client

from clinics.models import Clinic, Patient
from integrations.models import Integration
from integrations.queries import Resource
from sync import incoming, tasks, wanting
from sync.models import Cursor, SyncRun, UnknownAccount
from sync.states import Status, Trigger
from tests import make
from tests.conftest import Clock
from tests.sync.practices import Practice

KEY = "an-invented-callback-key-of-ours"
WHSEC = "whsec_" + base64.b64encode(b"an invented secret of 27 b.").decode()
PATIENTS, APPOINTMENTS = Resource.PATIENTS, Resource.APPOINTMENTS


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.SIKKA_CALLBACK_KEYS = ["an-older-key-that-goes-soon", KEY]


@pytest.fixture
def office(db: None, clock: Clock) -> Integration:
    """An integration with Sikka whose lists were read an hour ago."""
    return read(make.integration(make.clinic(), account="D10001"), clock)


@pytest.fixture
def service(db: None, clock: Clock) -> Integration:
    """One with a described service that signs its webhooks."""
    credential = {"token": "t", "webhook_secret": WHSEC}
    return read(make.integration(make.clinic(), pms="rest", credential=credential), clock)


def read(integration: Integration, clock: Clock) -> Integration:
    at = clock.now - timedelta(hours=1)
    for resource in (PATIENTS, APPOINTMENTS):
        Cursor.objects.create(
            integration=integration,
            organization_id=integration.organization_id,
            resource=resource,
            read_until=at,
            looked_at=at,
        )
    return integration


def wanted(of: Integration) -> set[str]:
    return set(of.cursors.filter(wanted_at__isnull=False).values_list("resource", flat=True))


def tell(body: Any, key: str | None = KEY, **more: Any) -> int:
    """Post what Sikka would, and return the status."""
    headers = {} if key is None else {"callback-key": key}
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    # As a browser's check for forgery would refuse it, if there were one.
    client = Client(enforce_csrf_checks=True)
    answer = client.post(
        "/hooks/sikka", content, content_type="application/json", headers=headers, **more
    )
    assert answer.content == b""
    return answer.status_code


# --- Sikka ---


@pytest.mark.parametrize(
    ("event", "lists"),
    [
        ("patient", {"patients"}),
        ("appointments", {"appointments"}),
        ("Data_Refresh", {"patients", "appointments"}),
        ("transaction", set()),
        ("treatment_plan", set()),
    ],
)
def test_an_event_of_a_known_office_makes_its_lists_wanted(
    office: Integration, event: str, lists: set[str]
) -> None:
    other = make.integration(make.clinic(), account="D10002")
    assert tell({"event": event, "office_id": "D10001", "practice_id": 1}) == 204
    assert wanted(office) == lists
    assert wanted(other) == set()
    assert not UnknownAccount.objects.exists()


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", KEY[:-1], "schlüssel"])
def test_a_wrong_key_is_refused_without_a_word_and_changes_nothing(
    office: Integration, key: str | None
) -> None:
    assert tell({"event": "patient", "office_id": "D10001"}, key) == 401
    assert tell({"event": "patient", "office_id": "D99999"}, key) == 401
    assert wanted(office) == set()
    assert not UnknownAccount.objects.exists()


def test_the_older_of_two_keys_is_believed_too_and_without_any_nobody_is(
    office: Integration, settings: Any
) -> None:
    told = {"event": "patient", "office_id": "D10001"}
    assert tell(told, "an-older-key-that-goes-soon") == 204
    Cursor.objects.update(wanted_at=None)
    settings.SIKKA_CALLBACK_KEYS = []
    assert tell(told, "") == 401
    assert tell(told, KEY) == 401
    assert wanted(office) == set()


def test_an_unknown_office_is_counted_and_answered_like_any_other(
    office: Integration, clock: Clock
) -> None:
    first = clock.now
    for _ in range(3):
        assert tell({"event": "patient", "office_id": "D99999"}) == 204
        clock.advance(60)
    counted = UnknownAccount.objects.get()
    assert (counted.pms, counted.account, counted.times) == ("sikka", "D99999", 3)
    assert counted.first_told_at == first
    assert counted.last_told_at == first + timedelta(minutes=2)
    assert wanted(office) == set()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '"patient"',
        "[" * 60_000,
        b"\xff\xfe",
        {},
        {"event": "patient"},
        {"event": 7, "office_id": "D10001"},
        {"event": "patient", "office_id": 10001},
        {"event": "patient", "office_id": ""},
        {"event": "patient", "office_id": "D1\u0000"},
        {"event": "patient", "office_id": "\ud800"},
        {"event": "patient", "office_id": "D" * 101},
    ],
)
def test_what_is_no_webhook_is_a_400(office: Integration, body: Any) -> None:
    assert tell(body) == 400
    assert wanted(office) == set()
    assert not UnknownAccount.objects.exists()


def test_a_long_body_is_a_413_by_its_length_or_as_it_comes(
    live_server: Any, office: Integration
) -> None:
    longest = incoming.LONGEST
    told = json.dumps({"event": "patient", "office_id": "D10001"}).encode()
    assert tell(told.ljust(longest)) == 204
    Cursor.objects.update(wanted_at=None)
    address = urlsplit(live_server.url)
    caller = HTTPConnection(address.hostname or "", address.port, timeout=10)
    caller.putrequest("POST", "/hooks/sikka")
    caller.putheader("Content-Length", str(10**12))  # and none of it is sent
    caller.endheaders()
    assert caller.getresponse().status == 413
    caller.close()
    chunked = {
        "type": "http",
        "method": "POST",
        "path": "/hooks/sikka",
        "headers": [(b"callback-key", KEY.encode()), (b"transfer-encoding", b"chunked")],
    }
    answer = incoming.from_sikka(ASGIRequest(chunked, BytesIO(told.ljust(longest + 1))))
    assert answer.status_code == 413
    assert wanted(office) == set()


def test_only_a_post_is_taken(office: Integration) -> None:
    assert Client().get("/hooks/sikka", headers={"callback-key": KEY}).status_code == 405


def test_every_clinic_of_an_office_hears_of_it(office: Integration, clock: Clock) -> None:
    again = make.integration(make.clinic(), account="D10001", base_url="http://127.0.0.1:8/other")
    read(again, clock)
    assert tell({"event": "patient", "office_id": "D10001"}) == 204
    assert wanted(office) == wanted(again) == {"patients"}


# --- A described service ---


def test_an_unsigned_or_wrongly_signed_one_is_refused(
    live_server: Any, service: Integration, clock: Clock, sandbox: Any
) -> None:
    url = f"{live_server.url}/hooks/rest/{service.pk}"
    other = "whsec_" + base64.b64encode(b"another secret of 24 byt").decode()
    post = sandbox.control.webhook
    assert post("rest-1", url, "client.updated", secret=other) == 401
    unsigned = Client().post(f"/hooks/rest/{service.pk}", "{}", content_type="application/json")
    assert unsigned.status_code == 401
    nowhere = f"{live_server.url}/hooks/rest/{uuid4()}"
    assert post("rest-1", nowhere, "client.updated", secret=WHSEC) == 401
    assert wanted(service) == set()
    assert post("rest-1", url, "client.updated", secret=WHSEC) == 204
    assert wanted(service) == {"patients"}
    assert post("rest-1", url, "appointment.deleted", secret=WHSEC) == 204
    assert wanted(service) == {"patients", "appointments"}


@pytest.mark.parametrize("minutes", [-6, 6])
def test_one_signed_longer_ago_than_five_minutes_is_refused(
    live_server: Any, service: Integration, clock: Clock, sandbox: Any, minutes: int
) -> None:
    url = f"{live_server.url}/hooks/rest/{service.pk}"
    sandbox.control.set_now(clock.now + timedelta(minutes=minutes))
    assert sandbox.control.webhook("rest-1", url, "client.updated", secret=WHSEC) == 401
    assert wanted(service) == set()


@pytest.mark.parametrize("secret", ["", "whsec_", "%%%", "schlüssel"])
def test_a_service_without_a_usable_secret_is_believed_nothing(
    service: Integration, secret: str
) -> None:
    service.credential = {"token": "t", "webhook_secret": secret}
    service.save()
    headers = {"webhook-id": "m", "webhook-timestamp": "1899039600", "webhook-signature": "v1,"}
    answer = Client().post(
        f"/hooks/rest/{service.pk}", "{}", content_type="application/json", headers=headers
    )
    assert answer.status_code == 401
    assert wanted(service) == set()


@pytest.mark.parametrize("signature", ["v1", "v1,a,b", "v1,é", "v1,!", "v2,abc", " "])
def test_a_signature_that_is_none_is_refused(
    service: Integration, signature: str, clock: Clock
) -> None:
    headers = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(clock.now.timestamp())),
        "webhook-signature": signature,
    }
    for body in (b"{}", b"\xff"):
        answer = Client().post(
            f"/hooks/rest/{service.pk}", body, content_type="application/json", headers=headers
        )
        assert answer.status_code == 401


def test_a_webhook_of_one_pms_is_none_of_another(
    live_server: Any, office: Integration, sandbox: Any
) -> None:
    office.credential = office.credential | {"webhook_secret": WHSEC}
    office.save()
    url = f"{live_server.url}/hooks/rest/{office.pk}"
    assert sandbox.control.webhook("rest-1", url, "client.updated", secret=WHSEC) == 401
    assert wanted(office) == set()


# --- From the change at the practice to our copy ---


@pytest.mark.parametrize("pms", ["sikka", "rest"])
def test_a_change_that_the_pms_tells_of_is_here_with_the_next_tick(
    live_server: Any, open_practice: Callable[[str], Practice], pms: str
) -> None:
    practice = open_practice(pms)
    practice.integration.credential |= {"webhook_secret": WHSEC}
    practice.integration.save()
    practice.sync()
    practice.clock.advance(3600)
    practice.change(("patient", "update"), 3)
    practice.change(("appointment", "cancel"), 5)
    assert practice.differences() != {}
    if pms == "sikka":
        url, secret = f"{live_server.url}/hooks/sikka", {"callback_key": KEY}
        event = "Data_Refresh"
    else:
        url = f"{live_server.url}/hooks/rest/{practice.integration.pk}"
        event, secret = "client.updated", {"secret": WHSEC}
    hook = practice.sandbox.control.webhook
    practice.clock.advance(60)
    assert hook(practice.office, url, event, **secret) == 204
    if pms == "rest":  # each event is about one list
        assert hook(practice.office, url, "appointment.updated", **secret) == 204
    before = Patient.objects.count()
    assert wanting.make_runs(practice.clock.now) == 1
    run = SyncRun.objects.first()
    assert run is not None
    assert (run.trigger, run.only) == (Trigger.WEBHOOK, ["appointments", "patients"])
    practice.clock.advance(1)
    assert practice.carry_on(run).status == Status.COMPLETED
    assert practice.differences() == {}
    assert Patient.objects.count() == before
    assert wanted(practice.integration) == set()
    practice.clock.advance(600)
    assert wanting.make_runs(practice.clock.now) == 0


def test_a_tick_of_the_dispatcher_makes_the_run_and_hands_it_out(
    office: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed: list[str] = []
    monkeypatch.setattr(tasks.carry_on, "apply_async", lambda args, **_: handed.append(args[0]))
    tell({"event": "patient", "office_id": "D10001"})
    tasks.dispatch()
    run = SyncRun.objects.get()
    assert (run.trigger, run.only) == (Trigger.WEBHOOK, ["patients"])
    assert handed == [str(run.pk)]


def test_the_web_role_may_take_a_webhook(office: Integration, clinic: Clinic) -> None:
    """Under row-level security, as the web connects: outside of every tenant."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE frontdesk_web")
        assert tell({"event": "patient", "office_id": "D10001"}) == 204
        assert tell({"event": "patient", "office_id": "D99999"}) == 204
        cursor.execute("RESET ROLE")
    assert wanted(office) == {"patients"}
    assert UnknownAccount.objects.get().times == 1
