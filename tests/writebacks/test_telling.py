"""Who is told what became of a writeback: webhooks of the organization, and who asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from clinics.models import Role, User
from integrations.models import Integration
from tests import make
from tests.writebacks.rest import desk, wrong
from webhooks.models import Delivery, Message
from writebacks import settling
from writebacks.models import Writeback
from writebacks.services import Asker, request
from writebacks.states import Event

pytestmark = pytest.mark.django_db

PENDING = {"status": "pending", "external_id": "7", "submitted_at": timezone.now(), "attempts": 1}


@pytest.fixture
def tasks_at_once(settings: Any) -> None:
    from config.celery import app

    app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    app.conf.update(task_always_eager=False, task_eager_propagates=False)


def told(writeback: Writeback) -> list[tuple[str, str]]:
    """What the organization's webhooks are told, as (type, status in the data)."""
    messages = Message.objects.filter(organization=writeback.organization).order_by("created_at")
    return [(message.type, message.data["status"]) for message in messages]


def test_each_state_that_it_ends_in_is_told_once_in_the_same_transaction(
    integration: Integration,
) -> None:
    make.webhook(integration.organization)
    writeback = make.writeback(integration, **PENDING)
    now = timezone.now()
    writeback.advance(Event.STILL_PENDING, now, due_at=now)
    assert told(writeback) == []
    writeback.advance(Event.CHECKS_USED_UP, now, due_at=now)
    assert told(writeback) == [("writeback.unconfirmed", "unconfirmed")]
    writeback.advance(Event.DONE, now, created_external_id="70001")
    assert told(writeback)[1:] == [("writeback.completed", "completed")]
    assert Delivery.objects.count() == 2


def test_nobody_is_told_of_a_step_that_is_undone(integration: Integration) -> None:
    make.webhook(integration.organization)
    writeback = make.writeback(integration, **PENDING)
    with transaction.atomic():
        settling.fail(writeback, Event.REFUSED, "pms_failed", "No.", timezone.now())
        assert told(writeback) == [("writeback.failed", "failed")]
        transaction.set_rollback(True)
    assert told(writeback) == []


def test_what_is_told_names_nobody(integration: Integration) -> None:
    make.webhook(integration.organization)
    writeback = make.writeback(integration, **PENDING)
    settling.fail(writeback, Event.REFUSED, "pms_failed", "For a reason.", timezone.now())
    (message,) = Message.objects.all()
    assert set(message.data) == {
        "writeback", "clinic", "operation", "status", "result", "failure_code", "remark", "patient",
        "appointment", "created_external_id", "created_at", "completed_at",
    }  # fmt: skip
    assert message.data["failure_code"] == "pms_failed"


def test_the_id_that_is_read_later_is_told_when_it_is_known(integration: Integration) -> None:
    make.webhook(integration.organization)
    writeback = make.writeback(integration, **PENDING)
    now = timezone.now()
    writeback.advance(Event.DONE, now, created_external_id="", due_at=now)
    writeback.advance(Event.NOT_IDENTIFIED, now, quiet=True, due_at=now)
    writeback.advance(Event.IDENTIFIED, now, created_external_id="70001", due_at=None)
    assert [kind for kind, _ in told(writeback)] == ["writeback.completed", "writeback.identified"]
    assert Message.objects.get(type="writeback.identified").data["created_external_id"] == "70001"


@pytest.mark.usefixtures("tasks_at_once")
def test_a_person_who_wants_it_is_mailed_how_it_ended_and_reads_no_name(
    integration: Integration, staff: User, django_capture_on_commit_callbacks: Any
) -> None:
    staff.email = "desk@example.org"
    staff.save()
    booking = make.booking(integration.clinic)
    writeback, _ = request(
        integration.clinic, booking, Asker(user=staff, by_email=True), timezone.now()
    )
    with django_capture_on_commit_callbacks(execute=True):
        writeback.advance(Event.CANCELLED, timezone.now())
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["desk@example.org"], "Book appointment: withdrawn")
    assert str(writeback.pk) in sent.body
    assert booking.patient.last_name not in sent.body + sent.subject


@pytest.mark.usefixtures("tasks_at_once")
@pytest.mark.parametrize(
    ("by_email", "fields"),
    [(False, {"email": "desk@example.org"}), (True, {"email": ""}), (True, {"is_active": False})],
)
def test_nobody_else_is_mailed(
    integration: Integration,
    by_email: bool,
    fields: dict[str, Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    person = make.member(integration.organization, Role.STAFF)
    for name, value in fields.items():
        setattr(person, name, value)
    person.save()
    asker = Asker(user=person, by_email=by_email)
    booking = make.booking(integration.clinic)
    writeback, _ = request(integration.clinic, booking, asker, timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        writeback.advance(Event.CANCELLED, timezone.now())
    assert mail.outbox == []


def test_a_person_says_over_rest_that_they_want_to_be_mailed(
    api: Any, staff: User, integration: Integration
) -> None:
    staff.email = ""
    staff.save()
    front = desk(api(staff), integration)
    refused = front.ask("post", f"{front.base}/appointments?email=true", front.slot())
    assert wrong(refused) == {"email": ["There is no address of yours to mail to."]}
    assert not Writeback.objects.exists()
    staff.email = "desk@example.org"
    staff.save()
    answer = front.ask("post", f"{front.base}/appointments?email=true", front.slot())
    assert answer.status_code == 202
    assert Writeback.objects.get().tells_by_email is True
