"""Who gets which answer: every route and admin page by every login by own and foreign clinics.

The tables below are written by hand beside the product's own, so that a slip in one shows in the
other. A route or page that is missing here fails a test of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.keys import Issued, save
from accounts.models import ApiKey
from audit.models import Entry
from clinics import access
from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Membership,
    Operatory,
    Organization,
    Patient,
    Practitioner,
    Role,
    User,
)
from clinics.permissions import OPERATOR, ROLES, SCOPES, WORDS, Action
from integrations.adapters.sikka import adapter as sikka
from integrations.profiles import start_profile
from outreach.models import Thresholds
from sync.requesting import Wanted, request
from tests import make
from writebacks.models import Writeback

LOOK = {"view_clinics", "view_patients", "view_writebacks", "view_metrics", "view_connections"}
OPERATE = {"view_clinics", "view_connections", "manage_connections", "manage_access", "operate"}
ALL_BUT_OPERATE = LOOK | {
    "book",
    "sync",
    "call_patients",
    "manage_connections",
    "manage_access",
    "view_audit",
}
#: Login → what it may do at its own clinic, and at the organization's other one unless narrowed.
LOGINS: dict[str, set[str]] = {
    "clinic admin": ALL_BUT_OPERATE,
    "staff": LOOK | {"book", "sync", "call_patients"},
    "read-only": LOOK,
    "staff of one clinic": LOOK | {"book", "sync", "call_patients"},
    "temporary staff": LOOK | {"book", "sync", "call_patients"},
    "staff whose access ended": set(),
    "no member": set(),
    "operator": OPERATE,
    "operator with a role": OPERATE | LOOK,
}
#: API keys likewise, by their scopes.
KEYS: dict[str, tuple[list[str], set[str]]] = {
    "key: read": (["read"], LOOK),
    "key: read, of one clinic": (["read"], LOOK),
    "key: book": (["book"], {"view_clinics", "book", "call_patients"}),
    "key: read and book": (["read", "book"], LOOK | {"book", "call_patients"}),
    "key: sync": (["sync"], {"view_clinics", "sync"}),
    "key: admin": (
        ["admin"],
        {"view_clinics", "manage_connections", "manage_access", "view_audit"},
    ),
}
MAY = LOGINS | {key: actions for key, (_, actions) in KEYS.items()}
NARROWED = {"staff of one clinic", "key: read, of one clinic"}
OVER_ALL = {"operator", "operator with a role"}
TARGETS = ("own", "sibling", "foreign")

#: REST: name of the route and method → what it takes, and the answer to whom it is given.
ROUTES: dict[tuple[str, str], tuple[str, int]] = {
    ("clinic-list", "get"): ("view_clinics", 200),
    ("clinic-detail", "get"): ("view_clinics", 200),
    ("location-list", "get"): ("view_clinics", 200),
    ("location-detail", "get"): ("view_clinics", 200),
    ("practitioner-list", "get"): ("view_clinics", 200),
    ("practitioner-detail", "get"): ("view_clinics", 200),
    ("operatory-list", "get"): ("view_clinics", 200),
    ("operatory-detail", "get"): ("view_clinics", 200),
    ("appointment-type-list", "get"): ("view_clinics", 200),
    ("appointment-type-detail", "get"): ("view_clinics", 200),
    ("availability", "get"): ("view_clinics", 400),  # without a practitioner
    ("patient-search", "get"): ("view_patients", 400),  # for nobody
    # This PMS is taken to tell none of it.
    ("patient-balance", "get"): ("view_patients", 404),
    ("patient-payment", "get"): ("view_patients", 404),
    ("patient-coverages", "get"): ("view_patients", 404),
    ("patient-list", "get"): ("view_patients", 200),
    ("patient-detail", "get"): ("view_patients", 200),
    ("appointment-list", "get"): ("view_patients", 200),
    ("appointment-detail", "get"): ("view_patients", 200),
    ("no-show-risk", "get"): ("view_patients", 200),
    # Whatever is asked for, without an Idempotency-Key.
    ("appointment-list", "post"): ("book", 400),
    ("appointment-detail", "put"): ("book", 400),
    ("appointment-detail", "delete"): ("book", 400),
    ("appointment-status", "post"): ("book", 400),
    ("patient-list", "post"): ("book", 400),
    ("patient-detail", "patch"): ("book", 400),
    ("patient-note", "post"): ("book", 400),
    ("patient-payment", "post"): ("book", 400),
    ("writeback-retry", "post"): ("book", 400),
    ("writeback-cancel", "post"): ("book", 202),
    ("writeback-reconcile", "post"): ("book", 409),  # it is withdrawn already
    ("writeback-decide", "post"): ("book", 400),  # without a decision
    ("writeback-list", "get"): ("view_writebacks", 200),
    ("writeback-detail", "get"): ("view_writebacks", 200),
    ("clinic-metrics", "get"): ("view_metrics", 503),  # nothing was added up yet
    ("clinic-metrics-refresh", "post"): ("sync", 202),
    ("organization-metrics", "get"): ("view_metrics", 200),
    ("clinic-metrics-stream", "get"): ("view_metrics", 400),  # of a period that there is not
    ("sync-status", "get"): ("view_clinics", 200),
    ("sync-pms-status", "get"): ("view_clinics", 200),
    ("sync-run-list", "get"): ("view_clinics", 200),
    ("sync-run-detail", "get"): ("view_clinics", 200),
    ("sync-own", "post"): ("sync", 409),  # one is under way
    ("sync-pms", "post"): ("sync", 400),  # of no mode that there is
    ("sync-run-cancel", "post"): ("sync", 200),
    ("sync-run-accept", "post"): ("manage_connections", 409),  # nothing was held back
    ("outreach-list", "get"): ("view_patients", 200),
    ("outreach-detail", "get"): ("view_patients", 200),
    ("outreach-outcome", "post"): ("call_patients", 400),  # without one
    ("outreach-undo", "post"): ("call_patients", 409),  # nobody has called
    ("outreach-snooze", "post"): ("call_patients", 400),  # without a date
    ("outreach-conversion", "get"): ("view_metrics", 200),
    ("organization-api-key-list", "get"): ("manage_access", 200),
    ("organization-api-key-list", "post"): ("manage_access", 400),  # without a name
    ("api-key-detail", "get"): ("manage_access", 200),
    ("api-key-rotate", "post"): ("manage_access", 201),
    ("api-key-detail", "delete"): ("manage_access", 204),
    ("member-list", "get"): ("manage_access", 200),
    ("member-list", "post"): ("manage_access", 400),  # without a name
    ("member-detail", "delete"): ("manage_access", 204),
    ("webhook-list", "get"): ("manage_access", 200),
    ("webhook-list", "post"): ("manage_access", 400),  # without a URL
    ("webhook-detail", "get"): ("manage_access", 200),
    ("webhook-detail", "patch"): ("manage_access", 200),
    ("webhook-rotate-secret", "post"): ("manage_access", 200),
    ("webhook-test", "post"): ("manage_access", 202),
    ("webhook-replay", "post"): ("manage_access", 400),  # without a time
    ("delivery-list", "get"): ("manage_access", 200),
    ("delivery-detail", "get"): ("manage_access", 200),
    ("delivery-replay", "post"): ("manage_access", 202),
    ("webhook-detail", "delete"): ("manage_access", 204),
}
#: Routes about one's own login.
OPEN = {"login", "refresh", "logout", "logout-everywhere"}
#: Who sees a new secret could use it: operators may do less than the key, and another key too.
#: And a role that a program gave would outlive its key. What a PMS shows, a person has to look at.
NO_MORE_THAN_OWN = {
    ("api-key-rotate", "post"): {"operator", "operator with a role", "key: admin"},
    ("webhook-rotate-secret", "post"): {"operator", "operator with a role", "key: admin"},
    ("member-list", "post"): {"key: admin"},
    ("member-detail", "delete"): {"key: admin"},
    ("writeback-decide", "post"): {"key: book", "key: read and book"},
    ("sync-run-accept", "post"): {"operator", "operator with a role", "key: admin"},
}

#: Admin pages: model → what it takes to see its rows, and to change them (None: nobody here).
PAGES: dict[str, tuple[str, str | None]] = {
    "accounts.apikey": ("manage_access", "manage_access"),
    "audit.entry": ("view_audit", None),
    "clinics.clinic": ("view_clinics", "operate"),
    "clinics.membership": ("manage_access", "manage_access"),
    "clinics.location": ("view_clinics", None),
    "clinics.practitioner": ("view_clinics", None),
    "clinics.operatory": ("view_clinics", None),
    "clinics.patient": ("view_patients", None),
    "clinics.appointment": ("view_patients", None),
    "integrations.integration": ("view_connections", "manage_connections"),
    "integrations.profile": ("view_connections", "manage_connections"),
    "outreach.calltask": ("view_patients", None),
    "outreach.thresholds": ("view_connections", "manage_connections"),
    "sync.syncrun": ("view_connections", None),
    "sync.setaside": ("view_patients", None),
    "webhooks.endpoint": ("manage_access", "manage_access"),
    "webhooks.delivery": ("manage_access", None),
    "webhooks.notice": ("manage_access", None),
    "writebacks.writeback": ("view_writebacks", None),
}
#: Pages of what belongs to no tenant, for operators alone.
OPERATORS_PAGES = {
    "clinics.user",
    "clinics.organization",
    "integrations.budgetwindow",
    "sync.unknownaccount",
    "django_celery_beat.clockedschedule",
    "django_celery_beat.crontabschedule",
    "django_celery_beat.intervalschedule",
    "django_celery_beat.periodictask",
    "django_celery_beat.solarschedule",
}
#: Pages whose rows nobody makes, and those whose rows nobody deletes.
NEVER_ADDED = {"integrations.integration", "integrations.profile"}
NEVER_DELETED = {
    "clinics.clinic",
    "integrations.integration",
    "integrations.profile",
    "accounts.apikey",
    "clinics.membership",
    "webhooks.endpoint",
}
#: Further addresses of the admin: model and button → (what it takes, method, answer). Where it
#: takes two things, both are named.
BUTTONS = {
    ("integrations.integration", "reset-breaker"): ("manage_connections", "post", 302),
    ("integrations.integration", "read-lists"): ("manage_connections", "post", 302),
    ("integrations.integration", "sync"): ("sync", "post", 302),
    ("integrations.integration", "full-sync"): ("sync", "get", 200),
    # Without an outcome, of one without an outcome, without a date: they lead back and say so.
    ("outreach.calltask", "outcome"): ("call_patients", "post", 302),
    ("outreach.calltask", "undo"): ("call_patients", "post", 302),
    ("outreach.calltask", "snooze"): ("call_patients", "post", 302),
    # Of a queued one: nothing of it can be accepted yet.
    ("sync.syncrun", "live"): ("view_connections", "get", 200),
    ("sync.syncrun", "cancel"): ("sync", "get", 200),
    ("sync.syncrun", "release"): ("sync", "get", 200),
    ("sync.syncrun", "accept"): ("sync manage_connections", "get", 302),
    ("accounts.apikey", "rotate"): ("manage_access", "get", 200),
    ("accounts.apikey", "revoke"): ("manage_access", "get", 200),
    ("clinics.membership", "end"): ("manage_access", "get", 200),
    ("webhooks.endpoint", "test"): ("manage_access", "get", 200),
    ("webhooks.endpoint", "rotate"): ("manage_access", "get", 200),
    ("webhooks.endpoint", "enable"): ("manage_access", "get", 200),
    ("webhooks.endpoint", "disable"): ("manage_access", "get", 200),
    ("webhooks.endpoint", "remove"): ("manage_access", "get", 200),
    ("webhooks.delivery", "replay"): ("manage_access", "get", 200),
    # Of a queued one: it can be withdrawn, and for the rest leads back to its page.
    ("clinics.clinic", "metrics"): ("view_metrics", "get", 200),
    ("clinics.clinic", "refresh-metrics"): ("view_metrics sync", "post", 302),
    ("writebacks.writeback", "cancel"): ("book", "get", 200),
    ("writebacks.writeback", "retry"): ("book", "get", 302),
    ("writebacks.writeback", "look"): ("book", "post", 302),
    ("writebacks.writeback", "decide"): ("book", "get", 302),
}


@dataclass
class World:
    """One of everything at each of three clinics; `rows` by target and name of the model."""

    clinics: dict[str, Clinic]
    rows: dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _asks_no_pms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sikka.Sikka, "abilities", frozenset(), raising=False)


@pytest.fixture
def world(db: None) -> World:
    ours, theirs = make.organization(), make.organization()
    owners = {"own": ours, "sibling": ours, "foreign": theirs}
    clinics = {target: make.clinic(owner) for target, owner in owners.items()}
    rows = {}
    for target, clinic in clinics.items():
        integration = make.integration(clinic)
        webhook = make.webhook(clinic.organization)
        start = timezone.now() + timedelta(days=1)
        rows[target] = {
            "clinic": clinic,
            "integration": integration,
            "profile": start_profile(integration),
            "writeback": make.writeback(integration),
            "location": Location.objects.filter(clinic=clinic)[0],
            "practitioner": Practitioner.objects.filter(clinic=clinic)[0],
            "operatory": Operatory.objects.filter(clinic=clinic)[0],
            "patient": Patient.objects.filter(clinic=clinic)[0],
            "appointment": make.record(
                Appointment, clinic, starts_at=start, ends_at=start + timedelta(hours=1)
            ),
            "appointment-type": make.record(AppointmentType, clinic, name="Check-up"),
            "sync-run": request(integration, Wanted(), timezone.now()),
            "apikey": key_of(clinic.organization, ["read"]).key,
            "entry": Entry.objects.filter(organization_id=clinic.organization_id)[0],
            "membership": make.member(clinic.organization).memberships.get(),
            "endpoint": webhook,
            "delivery": make.delivery(webhook, clinic),
            "notice": make.notice(webhook),
            "setaside": make.set_aside(integration),
            "outreach": make.call_task(clinic),
            "thresholds": Thresholds.objects.create(
                organization=clinic.organization, clinic=clinic
            ),
        }
        rows[target]["syncrun"] = rows[target]["sync-run"]
        rows[target]["calltask"] = rows[target]["outreach"]
    return World(clinics, rows)


def key_of(organization: Organization, scopes: list[str], *clinics: Clinic) -> Issued:
    now = timezone.now()
    key = ApiKey(
        organization=organization,
        name="A program",
        scopes=scopes,
        clinics=[clinic.pk for clinic in clinics],
        expires_at=now + timedelta(days=1),
    )
    return save(key, access.NOBODY, now)


def client_of(login: str, world: World) -> APIClient:
    """Return a client of the API that is logged in so."""
    client = APIClient()
    if login in LOGINS:
        client.force_authenticate(person(login, world))
        return client
    own = world.clinics["own"]
    narrowed = [own] if login in NARROWED else []
    issued = key_of(own.organization, KEYS[login][0], *narrowed)
    # What others asked for, a key that may only ask does not see: tests/writebacks tries that.
    Writeback.objects.update(requested_by_key=issued.key)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.text}")
    return client


def person(login: str, world: World) -> User:
    """Make the person of a login; the admin is open to all of them."""
    own = world.clinics["own"]
    user = make.user(is_staff=True, is_superuser=login in OVER_ALL)
    roles = {
        "clinic admin": Role.CLINIC_ADMIN,
        "read-only": Role.READ_ONLY,
        "operator with a role": Role.READ_ONLY,
    }
    ends = {"temporary staff": timedelta(hours=1), "staff whose access ended": timedelta(0)}
    if login not in ("no member", "operator"):
        Membership.objects.create(
            user=user,
            organization=own.organization,
            role=roles.get(login, Role.STAFF),
            ends_at=timezone.now() + ends[login] if login in ends else None,
            reason="Support" if login in ends else "",
            clinics=[own.pk] if login in NARROWED else [],
        )
    return user


def may(login: str, action: str, target: str) -> bool:
    """Return what the tables above say."""
    if login in OVER_ALL and action in OPERATE:
        return True
    if target == "foreign" or (target == "sibling" and login in NARROWED):
        return False
    return action in MAY[login]


def may_somewhere(login: str, action: str) -> bool:
    return any(may(login, action, target) for target in TARGETS)


def api_answer(login: str, route: str, method: str, action: str, given: int, target: str) -> int:
    """Return the status that a route under a clinic, or of a row, has to answer."""
    if not may_somewhere(login, action):
        return 403
    if route in ("clinic-list", "writeback-list", "webhook-list", "sync-run-list", "sync-status"):
        return given
    # Of all clinics there that the login may see.
    if route in ("sync-pms-status", "organization-metrics"):
        target = "own" if target == "sibling" else target
    if action == "manage_access" or route.startswith("writeback-"):
        if login in NO_MORE_THAN_OWN.get((route, method), ()) and may(login, action, target):
            return 403
        return given if may(login, action, target) else 404
    if not may(login, "view_clinics", target):
        return 404
    if login in NO_MORE_THAN_OWN.get((route, method), ()):
        return 403
    return given if may(login, action, target) else 403


#: Last words of addresses that are not the route's own.
BELOW = {"note": "notes", "payment": "payments"}


def address(route: str, target: str, world: World) -> str:
    kind, _, page = route.rpartition("-")
    clinic = world.clinics[target].pk
    organization = f"/api/v1/organizations/{world.clinics[target].organization_id}"
    if kind == "organization-api-key":
        return f"{organization}/api-keys"
    if kind == "api-key":
        button = "/rotate" if page == "rotate" else ""
        return f"/api/v1/api-keys/{world.rows[target]['apikey'].pk}{button}"
    if kind == "member":
        row = world.rows[target]["membership"].pk
        return f"{organization}/members" + (f"/{row}" if page == "detail" else "")
    if kind.startswith("webhook") or kind == "delivery":
        webhook = f"/api/v1/webhooks/{world.rows[target]['endpoint'].pk}"
        if route == "webhook-list":
            return "/api/v1/webhooks"
        if kind != "delivery":
            return webhook if page == "detail" else f"{webhook}/{route.removeprefix('webhook-')}"
        row = f"/{world.rows[target]['delivery'].pk}"
        rest = {"list": "", "detail": row, "replay": f"{row}/replay"}[page]
        return f"{webhook}/deliveries{rest}"
    if kind == "sync" or route == "sync-pms-status":
        whole = f"{world.clinics[target].organization_id}?clinic={clinic}&mode=none"
        return {
            "sync-status": "/api/v1/sync/status",
            "sync-own": f"/api/v1/sync/force?clinic={clinic}",
            "sync-pms": f"/api/v1/sikka/sync/{whole}",
            "sync-pms-status": f"/api/v1/sikka/status/{whole}",
        }[route]
    if route == "organization-metrics":
        return f"{organization}/metrics"
    if route == "clinic-metrics-stream":
        return f"/api/v1/clinics/{clinic}/metrics/stream?period=decade"
    if route.startswith("clinic-metrics"):
        return f"/api/v1/clinics/{clinic}/{route.removeprefix('clinic-').replace('-', '/')}"
    if kind == "outreach" and page != "conversion":
        row = f"/{world.rows[target]['outreach'].pk}"
        rest = {"list": "", "detail": row}.get(page, f"{row}/{page}")
        return f"/api/v1/clinics/{clinic}/outreach{rest}"
    if route == "outreach-conversion":
        return f"/api/v1/clinics/{clinic}/outreach/conversion"
    if route in ("availability", "patient-search"):
        return f"/api/v1/clinics/{clinic}/{'patients/search' if kind else route}"
    if route == "no-show-risk":
        return f"/api/v1/clinics/{clinic}/metrics/{route}"
    row = world.rows[target][kind].pk
    below = {"list": "", "detail": f"/{row}"}.get(page, f"/{row}/{BELOW.get(page, page)}")
    if kind in ("clinic", "writeback"):
        return f"/api/v1/{kind}s{below}"
    if kind == "sync-run":
        return f"/api/v1/sync/runs{below}"
    plural = "operatories" if kind == "operatory" else f"{kind}s"
    return f"/api/v1/clinics/{clinic}/{plural}{below}"


@pytest.mark.parametrize("login", MAY)
def test_every_route_answers_every_login_as_the_table_says(login: str, world: World) -> None:
    client = client_of(login, world)
    wrong = []
    for (route, method), (action, given) in ROUTES.items():
        for target in TARGETS:
            path = address(route, target, world)
            answer = getattr(client, method)(path, {})
            expected = api_answer(login, route, method, action, given, target)
            if answer.status_code != expected:
                wrong.append(f"{method} {route} of {target}: {answer.status_code} not {expected}")
    assert wrong == []


@pytest.mark.parametrize("login", MAY)
def test_lists_show_what_the_login_may_see_and_nothing_else(login: str, world: World) -> None:
    client = client_of(login, world)
    for route, kind, action in (
        ("clinics", "clinic", "view_clinics"),
        ("writebacks", "writeback", "view_writebacks"),
        ("sync/runs", "sync-run", "view_clinics"),
    ):
        listed = {row["id"] for row in client.get(f"/api/v1/{route}").json().get("results", [])}
        seen = [target for target in TARGETS if may(login, action, target)]
        assert listed == {str(world.rows[target][kind].pk) for target in seen}
    shown = {row["clinic"] for row in client.get("/api/v1/sync/status").json().get("results", [])}
    seen = [target for target in TARGETS if may(login, "view_clinics", target)]
    assert shown == {str(world.clinics[target].pk) for target in seen}


def test_without_a_login_every_route_is_401(world: World) -> None:
    answers = {
        getattr(APIClient(), method)(address(route, target, world), {}).status_code
        for route, method in ROUTES
        for target in TARGETS
    }
    assert answers == {401}


@pytest.mark.parametrize("login", LOGINS)
def test_every_page_of_the_admin_answers_every_login_as_the_table_says(
    login: str, world: World
) -> None:
    client = Client()
    client.force_login(person(login, world))
    wrong = []

    def expect(path: str, expected: int, method: str = "get") -> None:
        answer = getattr(client, method)(path)
        if answer.status_code != expected:
            wrong.append(f"{method} {path}: {answer.status_code} not {expected}")

    for page, (to_view, to_change) in PAGES.items():
        base = f"/admin/{page.replace('.', '/')}/"
        # Logins belong to no organization: they are for operators.
        lists = may_somewhere(login, to_view) or (page == "audit.entry" and login in OVER_ALL)
        expect(base, 200 if lists else 403)
        changes = to_change is not None and may_somewhere(login, to_change)
        adds = changes and page not in NEVER_ADDED
        expect(f"{base}add/", 200 if adds else 403)
        for target in TARGETS:
            row = world.rows[target][page.partition(".")[2]]
            sees = may(login, to_view, target)
            expect(f"{base}{row.pk}/change/", 200 if sees else 404)
            expect(f"{base}{row.pk}/history/", 200 if sees else 404)
            deletes = page not in NEVER_DELETED and may(login, to_change or "", target)
            expect(f"{base}{row.pk}/delete/", (200 if deletes else 403) if sees else 404)
    for page in OPERATORS_PAGES:
        expect(f"/admin/{page.replace('.', '/')}/", 200 if login in OVER_ALL else 403)
    for (page, button), (action, method, given) in BUTTONS.items():
        for target in TARGETS:
            row = world.rows[target][page.partition(".")[2]]
            path = f"/admin/{page.replace('.', '/')}/{row.pk}/{button}/"
            sees = may(login, PAGES[page][0], target)
            allowed = all(may(login, each, target) for each in action.split())
            expect(path, (given if allowed else 403) if sees else 404, method)
    assert wrong == []


def test_no_page_of_the_admin_opens_without_a_login(world: World) -> None:
    for page in PAGES:
        base = f"/admin/{page.replace('.', '/')}/"
        for path in (base, f"{base}{world.rows['own'][page.partition('.')[2]].pk}/change/"):
            answer = Client().get(path)
            assert answer.status_code == 302
            assert answer["Location"].startswith("/admin/login/")


def test_a_role_change_takes_effect_on_the_next_request(world: World) -> None:
    user = person("staff", world)
    client = APIClient()
    client.force_authenticate(user)
    patients = address("patient-list", "own", world)
    assert client.get(patients).status_code == 200
    assert client.post(address("appointment-list", "own", world), {}).status_code == 400
    Membership.objects.filter(user=user).update(role=Role.READ_ONLY)
    assert client.post(address("appointment-list", "own", world), {}).status_code == 403
    Membership.objects.filter(user=user).delete()
    assert client.get(patients).status_code == 403


def test_temporary_access_ends_by_itself(world: World) -> None:
    user = person("temporary staff", world)
    client = APIClient()
    client.force_authenticate(user)
    patients = address("patient-list", "own", world)
    assert client.get(patients).status_code == 200
    Membership.objects.filter(user=user).update(ends_at=timezone.now())
    assert client.get(patients).status_code == 403


def test_a_role_of_one_clinic_shows_no_other_when_that_is_deleted(world: World) -> None:
    user = person("staff", world)
    gone = make.clinic(world.clinics["own"].organization)
    Membership.objects.filter(user=user).update(clinics=[gone.pk])
    client = APIClient()
    client.force_authenticate(user)
    assert [row["id"] for row in client.get("/api/v1/clinics").json()["results"]] == [str(gone.pk)]
    gone.delete()
    assert client.get("/api/v1/clinics").json()["results"] == []
    for target in TARGETS:
        assert client.get(address("patient-list", target, world)).status_code == 404


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str, Any]]:
    """Walk every address: path, name, view."""
    for each in patterns if patterns is not None else get_resolver().url_patterns:
        path = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, path)
        elif isinstance(each, URLPattern):
            yield path, each.name or "", each.callback


def test_every_route_of_the_api_stands_in_the_table() -> None:
    found = set()
    for path, name, view in routes():
        if path.startswith("api/v1/"):
            methods = getattr(view, "actions", None) or {"post": "post"}
            found |= {(name, method) for method in methods if method != "head"}
    assert found - {(name, "post") for name in OPEN} == set(ROUTES)


def test_every_page_of_the_admin_stands_in_the_table() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert registered == set(PAGES) | OPERATORS_PAGES
    usual = re.compile(r"_(changelist|add|history|delete|change)$")
    further = {
        name
        for path, name, _ in routes()
        if path.startswith("admin/") and name and path.count("/") > 2 and not usual.search(name)
    }
    djangos = {"auth_user_password_change", "app_list", "password_change_done", "view_on_site"}
    buttons = {f"{page.replace('.', '_')}_{button.replace('-', '_')}" for page, button in BUTTONS}
    assert further - djangos == buttons


def test_there_are_more_than_500_combinations() -> None:
    api = len(ROUTES) * len(MAY) * len(TARGETS)
    pages = (len(PAGES) * (2 + 3 * len(TARGETS)) + len(OPERATORS_PAGES)) * len(LOGINS)
    assert api + pages > 1000


def test_roles_scopes_and_the_operator_are_as_written_here() -> None:
    assert {role: set(actions) for role, actions in ROLES.items()} == {
        "clinic_admin": ALL_BUT_OPERATE,
        "staff": LOOK | {"book", "sync", "call_patients"},
        "read_only": LOOK,
    }
    assert set(OPERATOR) == OPERATE
    assert {scope: set(actions) for scope, actions in SCOPES.items()} == {
        "read": LOOK,
        "book": {"view_clinics", "book", "call_patients"},
        "sync": {"view_clinics", "sync"},
        "admin": {"view_clinics", "manage_connections", "manage_access", "view_audit"},
    }


def test_the_documents_table_is_the_codes_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("| \n").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and ("yes" in line or "–" in line)
    ]
    holders = [ROLES[Role.CLINIC_ADMIN], ROLES[Role.STAFF], ROLES[Role.READ_ONLY], OPERATOR]
    holders += list(SCOPES.values())
    assert rows == [
        [
            WORDS[action][0].upper() + WORDS[action][1:],
            *("yes" if action in each else "–" for each in holders),
        ]
        for action in Action
    ]
