"""The dispatcher, the mails about disabled webhooks, and what is deleted when."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.db.utils import IntegrityError

from clinics.models import Clinic, Membership, Organization, Role, User
from tenancy import scope
from tests import make
from tests.conftest import START, Clock
from tests.webhooks.conftest import Tell, attempts, only_delivery, receiving, says, send
from webhooks import endpoints, notices, sending, tasks
from webhooks.models import Attempt, Delivery, Endpoint, Message, Notice, Reason

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("private", "_tasks_at_once")
def test_ticks_of_the_dispatcher_bring_an_event_to_its_end(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    with receiving(endpoint, says("500 Oops"), says("503 Away"), says("200 OK")) as server:
        tell()
        assert len(server.requests) == 1, "at once, on commit"
        for _ in range(64):
            clock.advance(5)
            tasks.dispatch()
    assert len(server.requests) == 3
    assert attempts(only_delivery()) == [(500, "bad_status"), (503, "bad_status"), (200, "")]
    times = list(Attempt.objects.values_list("at", flat=True))
    assert [at - START for at in times] == [timedelta(seconds=each) for each in (0, 5, 305)]


@pytest.mark.usefixtures("private")
def test_one_tenants_work_is_done_in_its_own_scope(
    endpoint: Endpoint, tell: Tell, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def noted(*args: Any) -> int:
        found = scope.current()
        assert found
        seen.append((found.organizations, found.everywhere))
        return 0

    monkeypatch.setattr(sending, "deliver", noted)
    tasks.deliver(str(endpoint.pk))
    assert seen == [(frozenset({endpoint.organization_id}), False)]


# --- Notices ----------------------------------------------------------------------------------


@pytest.fixture
def notice(endpoint: Endpoint, manager: User, clock: Clock) -> Notice:
    endpoint.failing_since = START - timedelta(days=5)
    endpoint.save()
    assert endpoints.disable(endpoint, Reason.FAILING, clock.now)
    return Notice.objects.get()


def mailed_to() -> list[str]:
    return [address for each in mail.outbox for address in each.to]


def test_clinic_admins_are_mailed_once_that_a_webhook_was_disabled(
    notice: Notice, endpoint: Endpoint, organization: Organization, clinic: Clinic, clock: Clock
) -> None:
    others = {
        "staff": make.member(organization, Role.STAFF),
        "away": make.member(organization, Role.CLINIC_ADMIN, is_active=False),
        "foreign": make.member(make.organization(), Role.CLINIC_ADMIN),
        "narrowed": make.member(organization, Role.CLINIC_ADMIN),
    }
    for name, user in others.items():
        User.objects.filter(pk=user.pk).update(email=f"{name}@clinic.example")
    Membership.objects.filter(user=others["narrowed"]).update(clinics=[clinic.pk])
    make.member(organization, Role.CLINIC_ADMIN)  # without an address

    for _ in range(3):
        tasks.mail(notice.pk)
    (sent,) = mail.outbox
    assert sent.to == ["ada@clinic.example"]
    assert sent.subject == "Webhook disabled: receiver.example"
    assert f"telling a webhook of {organization} what happens" in sent.body
    assert "has failed since 28 Feb 2030, 15:00 UTC" in sent.body
    assert "/hook" not in sent.body, "an address may be a secret"
    notice.refresh_from_db()
    assert (notice.mailed_at, notice.mail_due_at) == (START, None)


def test_a_description_of_several_lines_makes_a_subject_of_one(
    notice: Notice, endpoint: Endpoint
) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(description="Front\r\nBcc: all@clinic.example")
    tasks.mail(notice.pk)
    (sent,) = mail.outbox
    assert sent.subject == "Webhook disabled: Front Bcc: all@clinic.example"
    assert sent.recipients() == ["ada@clinic.example"]


def test_who_is_disabled_twice_is_told_once(endpoint: Endpoint, clock: Clock) -> None:
    assert endpoints.disable(endpoint, Reason.GONE, clock.now)
    assert not endpoints.disable(endpoint, Reason.FAILING, clock.now)
    assert Notice.objects.get().reason == "gone"


def test_a_mail_server_that_fails_breaks_nothing_and_is_asked_again(
    notice: Notice, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Away:
        def send_messages(self, messages: Any) -> None:
            raise smtplib.SMTPRecipientsRefused({"ada@clinic.example": (550, b"no")})

    with monkeypatch.context() as patch:
        patch.setattr(notices, "get_connection", Away)
        tasks.mail(notice.pk)
        notice.refresh_from_db()
        assert (notice.mailed_at, notice.mail_due_at) == (None, START + timedelta(hours=1))
        assert "SMTPRecipientsRefused" in caplog.text
        assert "ada@" not in caplog.text
        tasks.mail(notice.pk)
        assert len(caplog.messages) == 1, "not before its time"
    clock.advance(3600)
    tasks.mail(notice.pk)
    assert mailed_to() == ["ada@clinic.example"]


def test_a_mail_server_that_fails_for_days_is_not_asked_for_ever(
    notice: Notice, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def send_messages(self, messages: Any) -> None:
            raise ConnectionRefusedError

    monkeypatch.setattr(notices, "get_connection", Away)
    asked = 0
    while notices.due(clock.now):
        tasks.mail(notice.pk)
        asked += 1
        clock.advance(3600)
    assert asked == 73
    notice.refresh_from_db()
    assert (notice.mail_due_at, notice.mailed_at) == (None, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_tasks_at_once")
def test_a_tick_of_the_dispatcher_mails_what_is_due(notice: Notice) -> None:
    tasks.dispatch()
    tasks.dispatch()
    assert mailed_to() == ["ada@clinic.example"]


# --- Pruning ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("private")
def test_events_are_deleted_after_their_days_with_all_that_hangs_on_them(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    with receiving(endpoint):
        tell()
        send(endpoint)
        clock.advance(29 * 24 * 3600)
        tell()
        send(endpoint)
    assert tasks.prune() == 0
    clock.advance(24 * 3600 + 1)
    assert tasks.prune() == 1
    for model in (Message, Delivery, Attempt):
        assert model.objects.count() == 1, model


def test_what_is_still_on_its_way_stays(endpoint: Endpoint, tell: Tell, clock: Clock) -> None:
    tell()
    clock.advance(40 * 24 * 3600)
    assert tasks.prune() == 0
    assert Delivery.objects.get().status == "pending"


def test_the_days_are_a_setting(
    endpoint: Endpoint, tell: Tell, clock: Clock, settings: Any
) -> None:
    settings.WEBHOOK_LOG_DAYS = 7
    tell()
    Delivery.objects.update(status="exhausted", due_at=None, ended_at=clock.now)
    clock.advance(7 * 24 * 3600 + 1)
    assert tasks.prune() == 1


def test_a_deleted_endpoint_vanishes_with_its_last_delivery(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    unused = make.webhook(endpoint.organization)
    tell()
    Delivery.objects.filter(endpoint=unused).delete()
    endpoints.delete(endpoint, clock.now)
    endpoints.delete(unused, clock.now)
    kept = make.webhook(endpoint.organization)
    assert tasks.prune() == 1
    assert set(Endpoint.objects.all()) == {endpoint, kept}
    clock.advance(31 * 24 * 3600)
    assert tasks.prune() == 2
    assert set(Endpoint.objects.all()) == {kept}


# --- What the database itself refuses ---------------------------------------------------------


def test_the_database_refuses_what_cannot_be(endpoint: Endpoint, tell: Tell, clock: Clock) -> None:
    tell()
    delivery = only_delivery()
    wrong = [
        lambda: Delivery.objects.update(due_at=None),
        lambda: Delivery.objects.update(status="delivered"),
        lambda: Delivery.objects.update(status="delivered", due_at=None),
        lambda: Delivery.objects.create(
            organization=endpoint.organization,
            endpoint=endpoint,
            message=delivery.message,
            created_at=START,
            due_at=START,
        ),
        lambda: Endpoint.objects.update(is_active=False),
        lambda: Endpoint.objects.update(disabled_reason="gone"),
        lambda: Endpoint.objects.update(deleted_at=START),
    ]
    for change in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
