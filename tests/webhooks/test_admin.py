"""Webhooks in the admin: a secret is shown on one page, once; every button asks first."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client

from clinics.models import Clinic, Organization, Role, User
from tests import make
from tests.conftest import START, Clock
from tests.webhooks.conftest import Tell, attempts, only_delivery, receiving, says, send
from webhooks import endpoints
from webhooks.models import Delivery, Endpoint, Notice, Reason

pytestmark = pytest.mark.django_db
LIST = "/admin/webhooks/endpoint/"
ADD = f"{LIST}add/"
DELIVERIES = "/admin/webhooks/delivery/"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(organization: Organization, **changes: Any) -> dict[str, Any]:
    return {
        "organization": str(organization.pk),
        "url": "https://receiver.example/hook",
        "description": "Dashboard",
        "event_types": ["writeback.failed"],
        "clinics": [],
        **changes,
    }


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200
    return dict(answer.context["adminform"].form.errors)


def text(answer: Any) -> str:
    """What a person reads on a page."""
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def page(endpoint: Endpoint, name: str = "change") -> str:
    return f"{LIST}{endpoint.pk}/{name}/"


def test_a_new_webhook_shows_its_secret_on_the_answer_and_nowhere_else(
    organization: Organization, clinic: Clinic, manager: User, clock: Clock
) -> None:
    client = as_(manager)
    answer = client.post(ADD, form(organization, clinics=[str(clinic.pk)]))
    assert answer.status_code == 200
    (secret,) = SECRET.findall(answer.content.decode().replace("&#x2B;", "+"))
    assert "no-store" in answer["Cache-Control"]
    endpoint = Endpoint.objects.get()
    assert (endpoint.secret, endpoint.set_by) == (secret, manager)
    assert (endpoint.clinics, endpoint.event_types) == ([clinic.pk], ["writeback.failed"])
    assert page(endpoint) in answer.content.decode(), "the page leads to what was made"
    pages = [client.get(path).content.decode() for path in (LIST, page(endpoint), "/admin/", ADD)]
    told = [*pages, str(client.cookies), str(list(LogEntry.objects.values()))]
    told += [str(each.get_decoded()) for each in Session.objects.all()]
    assert not [each for each in told if secret in each]
    assert LogEntry.objects.get().object_id == str(endpoint.pk)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://receiver.example"}, "url"),
        ({"url": "https://192.168.1.1/"}, "url"),
        ({"url": ""}, "url"),
        ({"event_types": ["webhook.test"]}, "event_types"),
        ({"clinics": ["x"]}, "clinics"),
        ({"organization": "x"}, "organization"),
    ],
)
def test_a_wrong_form_makes_no_webhook(
    organization: Organization, manager: User, changes: dict[str, Any], field: str
) -> None:
    answer = as_(manager).post(ADD, form(organization) | changes)
    assert list(errors(answer)) == [field]
    assert Endpoint.objects.count() == 0


def test_a_webhook_is_changed_and_stays_what_the_form_does_not_say(
    endpoint: Endpoint, clinic: Clinic, manager: User, clock: Clock
) -> None:
    changed = form(endpoint.organization, url="https://new.example/hook", clinics=[str(clinic.pk)])
    del changed["organization"]
    answer = as_(manager).post(page(endpoint), changed)
    assert answer.status_code == 302
    secret = endpoint.secret
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.secret) == ("https://new.example/hook", secret)
    assert (endpoint.clinics, endpoint.set_by) == ([clinic.pk], manager)


def test_the_page_tells_how_it_fares(
    endpoint: Endpoint, manager: User, tell: Tell, clock: Clock, settings: Any
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    client = as_(manager)
    assert "Not told anything yet" in text(client.get(page(endpoint)))
    tell()
    with receiving(endpoint, says("200 OK"), says("500 Oops")):
        send(endpoint)
        assert "Answers" in text(client.get(LIST))
        tell()
        send(endpoint)
    shown = text(client.get(page(endpoint)))
    assert "Fails since 05 Mar, 15:00" in shown
    assert "Failures in a row 1" in shown
    assert "writeback.completed" in shown
    endpoints.disable(endpoint, Reason.FAILING, clock.now)
    shown = text(client.get(page(endpoint)))
    assert "Everything failed for days, since 05 Mar, 15:00" in shown
    assert "Notices 05 Mar 2030, 15:00:00 Everything failed for days" in shown
    assert "Everything failed for days" in text(client.get("/admin/webhooks/notice/"))


def test_buttons_ask_and_then_do_it(
    endpoint: Endpoint, manager: User, tell: Tell, clock: Clock
) -> None:
    client = as_(manager)
    for button in ("test", "rotate", "disable", "enable", "remove"):
        assert client.get(page(endpoint, button)).status_code == 200
    before = endpoint.secret
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.secret, Delivery.objects.count()) == (True, before, 0)

    answer = client.post(page(endpoint, "test"))
    delivery = Delivery.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"{DELIVERIES}{delivery.pk}/change/")
    assert delivery.type == "webhook.test"
    client.post(page(endpoint, "disable"))
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "by_hand")
    shown = text(client.post(page(endpoint, "test"), follow=True))
    assert "This webhook is disabled. Enable it first." in shown
    client.post(page(endpoint, "enable"))
    endpoint.refresh_from_db()
    assert endpoint.is_active
    answer = client.post(page(endpoint, "rotate"), {"overlap": "1"})
    (secret,) = SECRET.findall(answer.content.decode().replace("&#x2B;", "+"))
    endpoint.refresh_from_db()
    assert endpoint.secrets(clock.now) == [secret, before]
    assert endpoint.old_secret_until == START + timedelta(hours=1)
    client.post(page(endpoint, "remove"))
    assert client.get(page(endpoint)).status_code == 404
    assert "Dashboard" not in text(client.get(LIST))


@pytest.mark.parametrize("overlap", ["", "-1", "2", "x", "169"])
def test_an_overlap_that_is_not_offered_is_not_taken(
    endpoint: Endpoint, manager: User, overlap: str
) -> None:
    answer = as_(manager).post(page(endpoint, "rotate"), {"overlap": overlap})
    assert answer.status_code == 404
    secret = endpoint.secret
    endpoint.refresh_from_db()
    assert endpoint.secret == secret


def test_a_form_from_elsewhere_changes_nothing(endpoint: Endpoint, manager: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    for button in ("test", "rotate", "disable", "enable", "remove"):
        assert client.post(page(endpoint, button)).status_code == 403
    assert client.post(ADD, form(endpoint.organization)).status_code == 403
    assert Endpoint.objects.get().is_active
    assert Delivery.objects.count() == 0


def test_an_operator_sees_how_it_fares_and_says_nowhere_where_events_go(
    endpoint: Endpoint, operator: User, tell: Tell, clock: Clock
) -> None:
    client = as_(operator)
    assert client.get(page(endpoint)).status_code == 200
    refused = "Your role cannot say where events go"
    assert refused in text(client.post(ADD, form(endpoint.organization)))
    changed = form(endpoint.organization, url="https://new.example/hook", description="Theirs")
    assert refused in text(client.post(page(endpoint), changed))
    shown = text(client.post(page(endpoint, "rotate"), {"overlap": "0"}, follow=True))
    assert refused in shown
    endpoints.disable(endpoint, Reason.GONE, clock.now)
    assert refused in text(client.post(page(endpoint, "enable"), follow=True))
    before = (endpoint.url, endpoint.secret)
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.secret, endpoint.is_active) == (*before, False)
    assert Endpoint.objects.count() == 1


def test_another_organizations_webhooks_are_out_of_reach(
    organization: Organization, manager: User, clock: Clock
) -> None:
    foreign = make.clinic()
    theirs = make.webhook(foreign.organization, description="Their dashboard")
    delivery = make.delivery(theirs, foreign)
    notice = make.notice(theirs)
    client = as_(manager)
    assert "Their dashboard" not in text(client.get(LIST))
    for path in (
        *(page(theirs, name) for name in ("change", "test", "rotate", "enable", "remove")),
        f"{DELIVERIES}{delivery.pk}/change/",
        f"{DELIVERIES}{delivery.pk}/replay/",
        f"/admin/webhooks/notice/{notice.pk}/change/",
    ):
        assert client.get(path).status_code == 404, path
        assert client.post(path).status_code in (403, 404), path
    action = {"action": "replay_selected", "_selected_action": [str(delivery.pk)]}
    client.post(DELIVERIES, action)
    delivery.refresh_from_db()
    assert delivery.status == "pending"
    assert list(errors(client.post(ADD, form(foreign.organization)))) == ["organization"]
    wrong = client.post(ADD, form(organization, clinics=[str(foreign.pk)]))
    assert list(errors(wrong)) == ["clinics"]
    assert Endpoint.objects.count() == 1


def test_staff_see_none_of_it(endpoint: Endpoint, organization: Organization) -> None:
    client = as_(make.member(organization, Role.STAFF, is_staff=True))
    for path in (LIST, ADD, DELIVERIES, "/admin/webhooks/notice/"):
        assert client.get(path).status_code == 403
    assert client.get(page(endpoint)).status_code == 404


@pytest.mark.usefixtures("private")
def test_a_delivery_tells_its_attempts_and_not_what_was_in_it(
    endpoint: Endpoint, manager: User, tell: Tell, clock: Clock
) -> None:
    tell()
    with receiving(endpoint, says("500 Oops"), says("200 OK")):
        send(endpoint)
        clock.advance(5)
        send(endpoint)
    client = as_(manager)
    shown = text(client.get(f"{DELIVERIES}{only_delivery().pk}/change/"))
    first = shown.index("05 Mar, 15:00:00 bad_status answered 500")
    assert first < shown.index("05 Mar, 15:00:05 delivered answered 200")
    assert "Ada" not in shown
    assert "Delivered" in text(client.get(DELIVERIES))


def ended(endpoint: Endpoint, clinic: Clinic) -> Delivery:
    delivery = make.delivery(endpoint, clinic)
    Delivery.objects.filter(pk=delivery.pk).update(
        status="exhausted", due_at=None, ended_at=START, step=10
    )
    return delivery


def test_a_delivery_is_sent_again_after_asking(
    endpoint: Endpoint, clinic: Clinic, manager: User, clock: Clock
) -> None:
    delivery = ended(endpoint, clinic)
    client = as_(manager)
    again = f"{DELIVERIES}{delivery.pk}/replay/"
    assert "Send it again" in client.get(again).content.decode()
    assert only_delivery().status == "exhausted"
    assert "It is on its way again." in text(client.post(again, follow=True))
    assert (only_delivery().status, only_delivery().due_at) == ("pending", START)
    assert attempts(only_delivery()) == []


def test_chosen_deliveries_are_sent_again_and_those_of_a_disabled_webhook_are_not(
    endpoint: Endpoint, clinic: Clinic, manager: User, clock: Clock
) -> None:
    disabled = make.webhook(
        endpoint.organization, is_active=False, disabled_at=START, disabled_reason="gone"
    )
    chosen = [ended(endpoint, clinic), ended(endpoint, clinic), ended(disabled, clinic)]
    left = ended(endpoint, clinic)
    action = {"action": "replay_selected", "_selected_action": [str(each.pk) for each in chosen]}
    shown = text(as_(manager).post(DELIVERIES, action, follow=True))
    assert "Sent again: 2." in shown
    assert "Not sent, since their webhook is disabled: 1." in shown
    statuses = [Delivery.objects.get(pk=each.pk).status for each in (*chosen, left)]
    assert statuses == ["pending", "pending", "exhausted", "exhausted"]


def test_pages_hold_no_inline_script_or_style(
    endpoint: Endpoint, clinic: Clinic, manager: User, clock: Clock
) -> None:
    delivery = make.delivery(endpoint, clinic)
    notice = Notice.objects.create(
        organization=endpoint.organization, endpoint=endpoint, at=START, reason=Reason.GONE
    )
    client = as_(manager)
    for path in (
        *(LIST, ADD, page(endpoint), page(endpoint, "rotate"), DELIVERIES),
        f"{DELIVERIES}{delivery.pk}/change/",
        f"/admin/webhooks/notice/{notice.pk}/change/",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "unsafe" not in answer["Content-Security-Policy"]
        html = answer.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", html), path
        assert not re.search(r"<style|\sstyle=|\son\w+=", html), path
