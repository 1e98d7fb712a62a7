"""An event is written down once, for those who want it, with the change that it tells of."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from clinics.models import Clinic, Organization
from tenancy import scope
from tests import make
from tests.conftest import START, Clock
from tests.integrations.threads import at_once
from tests.webhooks.conftest import Tell
from webhooks import publishing, tasks
from webhooks.models import Delivery, Endpoint, Message
from webhooks.publishing import publish

pytestmark = pytest.mark.django_db


def test_an_event_is_one_message_and_a_delivery_for_each_endpoint(
    organization: Organization, clinic: Clinic, tell: Tell, clock: Clock
) -> None:
    wanting = {make.webhook(organization).pk, make.webhook(organization).pk}
    event_id = tell()
    message = Message.objects.get()
    assert (message.pk, message.type, message.clinic) == (event_id, "writeback.completed", clinic)
    deliveries = Delivery.objects.filter(message=message)
    assert {each.endpoint_id for each in deliveries} == wanting
    for each in deliveries:
        assert (each.status, each.due_at, each.attempts) == ("pending", START, 0)
        assert each.type == "writeback.completed"


def test_the_same_event_twice_is_one(endpoint: Endpoint, tell: Tell) -> None:
    event_id = tell()
    tell(event_id=event_id)
    make.webhook(endpoint.organization)
    tell(event_id=event_id, data={"other": "words"})
    assert Message.objects.get().data["writeback"] == "0b7c"
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_event_at_the_same_moment_is_one(endpoint: Endpoint, clinic: Clinic) -> None:
    event_id = uuid.uuid4()

    def tell(_: int) -> None:
        publish(
            clinic.organization_id,
            clinic.pk,
            "writeback.failed",
            {},
            START,
            event_id=event_id,
        )

    at_once(5, tell)
    assert Message.objects.count() == Delivery.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"event_types": ["writeback.failed"]},
        {"clinics": [uuid.UUID(int=1)]},
        {"is_active": False, "disabled_at": START, "disabled_reason": "by_hand"},
    ],
)
def test_who_does_not_want_an_event_is_not_told_and_nothing_is_kept(
    organization: Organization, tell: Tell, fields: dict[str, Any]
) -> None:
    make.webhook(organization, **fields)
    make.webhook(make.organization())
    tell("writeback.completed")
    assert Message.objects.count() == Delivery.objects.count() == 0


def test_a_type_and_a_clinic_that_are_wanted_are_told(
    organization: Organization, clinic: Clinic, tell: Tell
) -> None:
    make.webhook(
        organization,
        event_types=["writeback.completed", "writeback.failed"],
        clinics=[make.clinic(organization).pk, clinic.pk],
    )
    tell("writeback.failed")
    tell("writeback.cancelled")
    assert [each.type for each in Delivery.objects.all()] == ["writeback.failed"]


def test_an_event_of_a_change_that_is_undone_never_was(endpoint: Endpoint, tell: Tell) -> None:
    def change() -> None:
        with transaction.atomic():
            tell()
            raise RuntimeError("the change fails")

    with pytest.raises(RuntimeError, match="the change fails"):
        change()
    assert Message.objects.count() == Delivery.objects.count() == 0


def test_a_type_that_is_none_is_refused(endpoint: Endpoint, tell: Tell) -> None:
    for type in ("writeback.done", "webhook.test", ""):
        with pytest.raises(ValueError, match=r"webhooks/events\.py"):
            tell(type)
    assert Message.objects.count() == 0


def test_dates_and_ids_are_told_as_json_says_them(endpoint: Endpoint, tell: Tell) -> None:
    tell(data={"at": START, "id": uuid.UUID(int=7)})
    assert Message.objects.get().data == {
        "at": "2030-03-05T15:00:00Z",
        "id": "00000000-0000-0000-0000-000000000007",
    }


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints that workers were asked to see to."""
    found: list[str] = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda args, **_: found.extend(args))
    return found


def test_a_worker_is_asked_after_the_commit_and_not_before(
    endpoint: Endpoint, tell: Tell, handed: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        tell()
        assert handed == []
    assert handed == [str(endpoint.pk)]


def test_without_a_broker_the_event_waits_for_the_dispatcher(
    endpoint: Endpoint,
    tell: Tell,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def away(*args: Any, **more: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.deliver, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        tell()
    assert Delivery.objects.get().due_at is not None


def test_what_is_told_is_stored_encrypted_and_nobody_looks_over_it(
    endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.data, e.url, e.secret FROM webhooks_message m, webhooks_endpoint e"
        )
        (row,) = cursor.fetchall()
    assert all(value.startswith("v1:") for value in row)
    with scope.everywhere():
        assert Message.objects.count() == 0
        assert Delivery.objects.count() == Endpoint.objects.count() == 1
    with scope.organizations(make.organization().pk):
        counts = [model.objects.count() for model in (Message, Delivery, Endpoint)]
    assert counts == [0, 0, 0]


def test_a_test_goes_to_one_endpoint_alone_whatever_it_wants(organization: Organization) -> None:
    endpoint = make.webhook(organization, event_types=["writeback.failed"])
    make.webhook(organization)
    delivery = publishing.send_test(endpoint, START)
    assert (delivery.endpoint, delivery.type, delivery.due_at) == (endpoint, "webhook.test", START)
    assert Delivery.objects.count() == 1
    assert "patient" not in Message.objects.get().data
