"""Setting webhooks up over REST, and that nobody sends themselves what they may not see."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import keys
from accounts.keys import Issued
from audit.models import Entry
from clinics.models import Clinic, Membership, Organization, Role, User
from tests import make
from tests.accounts.conftest import anything_in, client_of, issue
from tests.conftest import START, Clock
from tests.webhooks.conftest import Tell, receiving, says, send
from webhooks import endpoints
from webhooks.models import Delivery, Endpoint, Notice

pytestmark = pytest.mark.django_db
LIST = "/api/v1/webhooks"
BODY = {"url": "https://receiver.example/hook", "description": "Dashboard"}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
Api = Callable[[User], APIClient]


@pytest.fixture
def client(manager: User, api: Api, clock: Clock) -> APIClient:
    return api(manager)


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def page(endpoint: Endpoint, rest: str = "") -> str:
    return f"{LIST}/{endpoint.pk}{rest}"


def test_a_webhook_is_set_up_and_its_secret_is_shown_once(
    organization: Organization, clinic: Clinic, manager: User, client: APIClient, clock: Clock
) -> None:
    body = BODY | {"event_types": ["writeback.failed"], "clinics": [str(clinic.pk)]}
    answer = client.post(LIST, body)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    secret = made.pop("secret")
    assert SECRET.fullmatch(secret)
    assert made == {
        "id": made["id"],
        "organization": str(organization.pk),
        "url": "https://receiver.example/hook",
        "description": "Dashboard",
        "event_types": ["writeback.failed"],
        "clinics": [str(clinic.pk)],
        "is_active": True,
        "disabled_at": None,
        "disabled_reason": "",
        "set_by": manager.username,
        "set_by_key": None,
        "created_at": "2030-03-05T15:00:00Z",
        "last_success_at": None,
        "failing_since": None,
        "failures": 0,
        "old_secret_until": None,
    }
    endpoint = Endpoint.objects.get()
    assert endpoint.secret == secret
    assert client.get(LIST).json()["results"] == [made]
    assert client.get(page(endpoint)).json() == made


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "http://receiver.example"}, "url"),
        ({"url": "https://10.0.0.1/hook"}, "url"),
        ({"url": "https://a:b@receiver.example"}, "url"),
        ({"url": "x" * 501}, "url"),
        ({"description": "x" * 201}, "description"),
        ({"event_types": ["everything"]}, "event_types"),
        ({"event_types": ["webhook.test"]}, "event_types"),
        ({"event_types": "writeback.failed"}, "event_types"),
        ({"clinics": ["x"]}, "clinics"),
        ({"clinics": ["00000000-0000-0000-0000-000000000001"]}, "clinics"),
        ({"is_active": "perhaps"}, "is_active"),
        ({"organization": "x"}, "organization"),
    ],
)
def test_what_no_webhook_can_be_is_400_and_names_the_field(
    client: APIClient, endpoint: Endpoint, changes: dict[str, Any], field: str
) -> None:
    for answer in (
        client.post(LIST, BODY | changes),
        *([client.patch(page(endpoint), changes)] if field != "organization" else []),
    ):
        assert told(answer) == (400, "invalid")
        assert list(answer.json()["error"]["details"]) == [field]
    assert Endpoint.objects.count() == 1
    assert Endpoint.objects.get().url == endpoint.url


def test_who_belongs_to_two_organizations_says_which(
    organization: Organization, manager: User, client: APIClient
) -> None:
    other = make.organization()
    Membership.objects.create(user=manager, organization=other, role=Role.STAFF)
    assert client.post(LIST, BODY).json()["error"]["details"] == {
        "organization": ["Say which organization it is for."]
    }
    made = client.post(LIST, BODY | {"organization": str(organization.pk)})
    assert made.json()["organization"] == str(organization.pk)
    assert told(client.post(LIST, BODY | {"organization": str(other.pk)}))[0] == 403
    foreign = make.organization()
    assert told(client.post(LIST, BODY | {"organization": str(foreign.pk)}))[0] == 404
    assert Endpoint.objects.count() == 1


def test_a_webhook_is_changed_one_field_at_a_time(
    client: APIClient, endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    answer = client.patch(page(endpoint), {"description": "Booking page"})
    assert (answer.status_code, answer.json()["description"]) == (200, "Booking page")
    assert answer.json()["url"] == endpoint.url
    tell()
    answer = client.patch(page(endpoint), {"is_active": False})
    assert answer.json()["disabled_reason"] == "by_hand"
    assert Delivery.objects.get().status == "cancelled"
    assert Notice.objects.count() == 0, "who did it knows"
    answer = client.patch(page(endpoint), {"is_active": True})
    assert (answer.json()["disabled_at"], answer.json()["disabled_reason"]) == (None, "")


def test_an_endpoint_that_was_given_up_is_enabled_with_a_clean_slate(
    client: APIClient, organization: Organization, clock: Clock
) -> None:
    endpoint = make.webhook(
        organization,
        is_active=False,
        disabled_at=START,
        disabled_reason="failing",
        failures=40,
        failing_since=START - timedelta(days=5),
        rests_until=START + timedelta(minutes=5),
    )
    answer = client.patch(page(endpoint), {"is_active": True})
    assert answer.status_code == 200
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.rests_until) == (0, None, None)


def test_a_deleted_webhook_is_unknown_and_its_address_and_secret_are_gone(
    client: APIClient, endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    assert client.delete(page(endpoint)).status_code == 204
    assert client.get(LIST).json()["results"] == []
    for rest in ("", "/deliveries"):
        assert client.get(page(endpoint, rest)).status_code == 404
    assert client.delete(page(endpoint)).status_code == 404
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.url, endpoint.secret) == (False, "", "")
    assert Delivery.objects.get().status == "cancelled"
    tell()
    assert Delivery.objects.count() == 1


def test_a_rotation_shows_the_new_secret_once(
    client: APIClient, endpoint: Endpoint, clock: Clock
) -> None:
    answer = client.post(page(endpoint, "/rotate-secret"), {"overlap_hours": 2})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    secret = answer.json()["secret"]
    assert answer.json()["old_secret_until"] == "2030-03-05T17:00:00Z"
    old = endpoint.secret
    endpoint.refresh_from_db()
    assert endpoint.secrets(clock.now) == [secret, old]
    for hours in (-1, 169, "x"):
        answer = client.post(page(endpoint, "/rotate-secret"), {"overlap_hours": hours})
        assert told(answer) == (400, "invalid")
    endpoint.refresh_from_db()
    assert endpoint.secret == secret


@pytest.mark.usefixtures("private", "clock")
def test_a_test_is_sent_and_its_story_is_told(client: APIClient, endpoint: Endpoint) -> None:
    answer = client.post(page(endpoint, "/test"))
    assert answer.status_code == 202
    delivery = answer.json()
    assert (delivery["type"], delivery["status"]) == ("webhook.test", "pending")
    with receiving(endpoint, says("200 OK")) as server:
        send(endpoint)
    assert server.requests[0].headers["webhook-id"] == delivery["event_id"]
    detail = client.get(page(endpoint, f"/deliveries/{delivery['id']}")).json()
    (attempt,) = detail.pop("log")
    assert attempt.pop("milliseconds") >= 0
    assert attempt == {
        "number": 1,
        "at": "2030-03-05T15:00:00Z",
        "status_code": 200,
        "error": "",
    }
    assert detail == delivery | {
        "status": "delivered",
        "attempts": 1,
        "due_at": None,
        "ended_at": "2030-03-05T15:00:00Z",
    }


def test_a_disabled_webhook_takes_no_test_and_no_replay(
    client: APIClient, endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    delivery = Delivery.objects.get()
    client.patch(page(endpoint), {"is_active": False})
    answers = [
        client.post(page(endpoint, "/test")),
        client.post(page(endpoint, "/replay"), {"since": "2030-03-05T00:00:00Z"}),
        client.post(page(endpoint, f"/deliveries/{delivery.pk}/replay")),
    ]
    assert [told(answer) for answer in answers] == [(409, "webhook_disabled")] * 3
    assert Delivery.objects.get().status == "cancelled"


def test_deliveries_are_listed_newest_first_and_narrowed(
    client: APIClient, endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    first = tell("writeback.failed")
    clock.advance(60)
    second = tell("writeback.completed")
    Delivery.objects.filter(message_id=first).update(
        status="exhausted", due_at=None, ended_at=clock.now
    )

    def listed(**narrowed: str) -> list[str]:
        answer = client.get(page(endpoint, "/deliveries"), narrowed)
        assert answer.status_code == 200, answer.content
        return [row["event_id"] for row in answer.json()["results"]]

    one, two = str(first), str(second)
    assert listed() == [two, one]
    assert listed(status="exhausted") == listed(type="writeback.failed") == [one]
    assert listed(event_id=two) == listed(created_from="2030-03-05T15:00:30Z") == [two]
    assert listed(created_before="2030-03-05T15:00:30Z") == [one]
    for wrong in ({"status": "lost"}, {"type": "x"}, {"event_id": "1"}, {"created_from": "x"}):
        assert told(client.get(page(endpoint, "/deliveries"), wrong)) == (400, "invalid")


def test_no_answer_tells_what_was_in_an_event(
    client: APIClient, endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    pages = [LIST, page(endpoint), page(endpoint, "/deliveries")]
    pages.append(page(endpoint, f"/deliveries/{Delivery.objects.get().pk}"))
    for path in pages:
        text = client.get(path).content.decode()
        assert "Ada" not in text
        assert endpoint.secret not in text


# --- Who says where events go -----------------------------------------------------------------


def refusals(client: APIClient, endpoint: Endpoint) -> list[tuple[int, str]]:
    """The answers to all that says where events go, and to whom they are believed."""
    Endpoint.objects.filter(pk=endpoint.pk).update(
        is_active=False, disabled_at=START, disabled_reason="by_hand"
    )
    answers = [
        client.post(LIST, BODY | {"organization": str(endpoint.organization_id)}),
        client.patch(page(endpoint), {"url": "https://elsewhere.example"}),
        client.patch(page(endpoint), {"event_types": ["writeback.failed"]}),
        client.patch(page(endpoint), {"is_active": True}),
        client.post(page(endpoint, "/rotate-secret"), {}),
    ]
    before = (endpoint.url, endpoint.secret, endpoint.event_types)
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.secret, endpoint.event_types) == before
    assert not endpoint.is_active
    assert Endpoint.objects.count() == 1
    return [told(answer) for answer in answers]


def test_an_operator_who_sees_no_patients_sends_nobody_anything(
    endpoint: Endpoint, operator: User, api: Api
) -> None:
    client = api(operator)
    assert refusals(client, endpoint) == [(403, "more_than_own")] * 5
    answer = client.post(page(endpoint, "/rotate-secret"), {})
    assert answer.json()["error"]["message"] == (
        "Your role cannot say where events go: it does not let you see writebacks in the whole "
        "organization. Ask a clinic admin."
    )
    assert client.patch(page(endpoint), {"description": "Theirs"}).status_code == 200
    assert client.delete(page(endpoint)).status_code == 204


def test_temporary_access_leaves_no_webhook_behind(endpoint: Endpoint, api: Api) -> None:
    support = make.user()
    Membership.objects.create(
        user=support,
        organization=endpoint.organization,
        role=Role.CLINIC_ADMIN,
        ends_at=START + timedelta(days=9999),
        reason="Support",
    )
    assert refusals(api(support), endpoint) == [(403, "more_than_own")] * 5


def test_a_key_that_may_not_read_sends_nobody_anything(endpoint: Endpoint) -> None:
    client = client_of(issue(endpoint.organization, "admin").text)
    assert refusals(client, endpoint) == [(403, "more_than_own")] * 5


def test_a_clinic_admin_of_some_clinics_sets_up_none(
    endpoint: Endpoint, clinic: Clinic, manager: User, client: APIClient
) -> None:
    manager.memberships.update(clinics=[clinic.pk])
    assert told(client.post(LIST, BODY)) == (403, "whole_organization_needed")
    assert client.get(LIST).json()["results"] == []
    assert client.patch(page(endpoint), {"url": "https://elsewhere.example"}).status_code == 404
    assert Endpoint.objects.count() == 1


def test_an_organization_has_only_so_many(
    endpoint: Endpoint, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MOST", 2)
    assert client.post(LIST, BODY).status_code == 201
    assert told(client.post(LIST, BODY)) == (409, "too_many_webhooks")
    assert client.delete(page(endpoint)).status_code == 204
    assert client.post(LIST, BODY).status_code == 201


# --- What a key set up ends with it -----------------------------------------------------------


@pytest.fixture
def key(organization: Organization) -> Issued:
    return issue(organization, "admin", "read", now=START)


@pytest.fixture
def of_key(key: Issued, clock: Clock) -> Endpoint:
    answer = client_of(key.text).post(LIST, BODY)
    assert answer.status_code == 201
    assert (answer.json()["set_by"], answer.json()["set_by_key"]) == (None, str(key.key.pk))
    return Endpoint.objects.get()


@pytest.mark.usefixtures("private")
def test_what_a_key_set_up_is_told_nothing_once_the_key_is_revoked(
    of_key: Endpoint, key: Issued, tell: Tell, clock: Clock
) -> None:
    with receiving(of_key) as server:
        tell()
        send(of_key)
        keys.revoke(key.key, clock.now)
        tell()
        send(of_key)
    assert len(server.requests) == 1
    assert (of_key.is_active, of_key.disabled_reason) == (False, "key_ended")
    assert Notice.objects.get().reason == "key_ended"


@pytest.mark.usefixtures("private")
def test_what_a_key_set_up_ends_with_its_time_and_goes_on_with_its_replacement(
    of_key: Endpoint, key: Issued, organization: Organization, tell: Tell, clock: Clock
) -> None:
    new = keys.rotate(anything_in(organization), key.key, timedelta(0), clock.now)
    with receiving(of_key) as server:
        tell()
        send(of_key)
        assert len(server.requests) == 1
        clock.advance((new.key.expires_at - clock.now).total_seconds())
        tell()
        send(of_key)
    assert len(server.requests) == 1
    assert of_key.disabled_reason == "key_ended"


@pytest.mark.usefixtures("private")
def test_a_person_who_enables_it_again_answers_for_it_from_then_on(
    of_key: Endpoint, key: Issued, manager: User, client: APIClient, tell: Tell, clock: Clock
) -> None:
    keys.revoke(key.key, clock.now)
    tell()
    send(of_key)
    answer = client.patch(page(of_key), {"is_active": True})
    assert (answer.json()["set_by"], answer.json()["set_by_key"]) == (manager.username, None)
    with receiving(of_key) as server:
        tell()
        send(of_key)
    assert len(server.requests) == 1


def test_a_change_and_a_replay_stand_in_the_audit_with_who_did_it(
    client: APIClient, manager: User, endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    Delivery.objects.update(status="exhausted", due_at=None, ended_at=clock.now)
    client.patch(page(endpoint), {"url": "https://elsewhere.example/hook"})
    client.post(page(endpoint, f"/deliveries/{Delivery.objects.get().pk}/replay"))
    entries = Entry.objects.filter(user_id=manager.pk).order_by("id")
    found = [(each.record_type, each.action, each.fields) for each in entries]
    assert ("webhook", "update", ["set_by_id", "url"]) in found
    assert ("delivery", "update", ["ended_at", "status"]) in found
