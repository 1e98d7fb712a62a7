"""Asking for a booking: written down once, whatever is repeated or happens at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection
from django.utils import timezone

from clinics.models import Clinic, User
from integrations.models import Integration
from tests import make
from writebacks import services
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.requests import Booking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def submit(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stand in for the task, to see what is handed on."""
    delay = Mock()
    monkeypatch.setattr("writebacks.tasks.submit.delay", delay)
    return delay


def ask(
    clinic: Clinic, booking: Booking, user: User | None = None, key: str = "key", **options: Any
) -> tuple[Writeback, bool]:
    hashed = services.request_hash(Operation.BOOK, clinic, booking.as_json())
    asker = services.Asker(user=user, idempotency_key=key, request_hash=hashed)
    now = options.pop("now", None) or timezone.now()
    return services.request(clinic, booking, asker, now, **options)


def test_a_booking_is_written_down_in_our_words_and_in_the_pmss(
    integration: Integration, staff: User
) -> None:
    clinic, now = integration.clinic, timezone.now()
    booking = make.booking(clinic)
    writeback, is_new = ask(clinic, booking, user=staff, now=now)
    assert is_new
    stored = Writeback.objects.get()
    assert stored == writeback
    assert (stored.status, stored.due_at, stored.requested_by) == ("queued", now, staff)
    assert stored.expires_at == booking.starts_at
    assert (stored.method, stored.endpoint) == ("POST", "/appointment")
    assert stored.request_body == {
        "patient_id": booking.patient.external_id,
        "provider_id": booking.practitioner.external_id,
        "practice_id": booking.location.external_id,
        "operatory": booking.operatory.external_id,
        "date": "2030-03-06",
        "time": "09:00",
        "length": "30",
        "description": "Check-up",
        "check_spu": "true",
    }
    event = stored.events.get()
    assert (event.event, event.to_status, event.person) == ("requested", "queued", staff)


def test_it_is_handed_to_a_worker_only_once_it_is_committed(
    integration: Integration, submit: Mock, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        writeback, _ = ask(integration.clinic, make.booking(integration.clinic))
        submit.assert_not_called()
    submit.assert_called_once_with(str(writeback.pk), writeback.due_at.isoformat())


def test_the_same_key_with_the_same_booking_gives_the_same_writeback(
    integration: Integration, submit: Mock, django_capture_on_commit_callbacks: Any
) -> None:
    booking = make.booking(integration.clinic)
    first, _ = ask(integration.clinic, booking)
    with django_capture_on_commit_callbacks(execute=True):
        second, is_new = ask(integration.clinic, booking)
    assert (second.pk, is_new) == (first.pk, False)
    assert Writeback.objects.count() == 1
    submit.assert_not_called()


def test_the_same_key_with_another_booking_is_refused_and_changes_nothing(
    integration: Integration,
) -> None:
    booking = make.booking(integration.clinic)
    ask(integration.clinic, booking)
    later = make.booking(
        integration.clinic, booking.starts_at + timedelta(hours=1), patient=booking.patient
    )
    with pytest.raises(services.KeyReused):
        ask(integration.clinic, later)
    assert Writeback.objects.count() == 1


def test_two_organizations_may_use_the_same_key(integration: Integration) -> None:
    other = make.integration(make.clinic())
    ask(integration.clinic, make.booking(integration.clinic))
    _, is_new = ask(other.clinic, make.booking(other.clinic))
    assert is_new


def test_a_clinic_without_a_pms_is_refused(clinic: Clinic) -> None:
    with pytest.raises(services.NotConnected):
        ask(clinic, make.booking(clinic))
    assert not Writeback.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twenty_requests_at_once_with_one_key_make_one_writeback(submit: Mock) -> None:
    integration = make.integration(make.clinic())
    booking = make.booking(integration.clinic)

    def request(_: int) -> tuple[str, bool]:
        try:
            writeback, is_new = ask(integration.clinic, booking)
            return str(writeback.pk), is_new
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(request, range(20)))
    assert len({pk for pk, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1
    assert Writeback.objects.count() == 1
    submit.assert_called_once()
