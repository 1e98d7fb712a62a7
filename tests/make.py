"""Make rows for tests: invented, valid, and each unlike the one before."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from clinics.models import (
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
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from outreach.models import CallTask
from sync.models import SetAside
from webhooks import signing
from webhooks.models import Delivery, Endpoint, Message, Notice, Reason
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.requests import Booking

PASSWORD = "a-long-invented-password"
_count = itertools.count(1)


def organization() -> Organization:
    return Organization.objects.create(name=f"Organization {next(_count)}")


def clinic(owner: Organization | None = None, zone: str = "America/New_York") -> Clinic:
    return Clinic.objects.create(
        organization=owner or organization(), name=f"Clinic {next(_count)}", timezone=zone
    )


def user(**fields: Any) -> User:
    """Somebody who belongs nowhere yet."""
    return User.objects.create_user(f"user{next(_count)}", password=PASSWORD, **fields)


def member(owner: Organization, role: Role = Role.STAFF, **fields: Any) -> User:
    someone = user(**fields)
    Membership.objects.create(user=someone, organization=owner, role=role)
    return someone


def integration(of: Clinic, **fields: Any) -> Integration:
    number = next(_count)
    values = {
        "pms": "sikka",
        "base_url": "http://127.0.0.1:9/sikka/v4",
        "is_sandbox": True,
        "account": f"D{number}",
        "credential": {"app_id": "app", "app_key": "app-key", "secret_key": "secret"},
        "status": IntegrationStatus.ACTIVE,
        "imported_at": timezone.now(),
        "access_key": f"key-{number}",
        "refresh_key": f"refresh-{number}",
        "key_expires_at": timezone.now() + timedelta(hours=24),
    }
    values |= fields
    if ends_at := values["key_expires_at"]:
        values.setdefault("key_renewed_at", ends_at - timedelta(hours=24))
    return Integration.objects.create(organization=of.organization, clinic=of, **values)


def record(model: type[Any], of: Clinic, **fields: Any) -> Any:
    values = {"organization": of.organization, "clinic": of, "external_id": f"made-{next(_count)}"}
    return model.objects.create(**(values | fields))


def booking(of: Clinic, starts_at: datetime | None = None, **fields: Any) -> Booking:
    """A half hour tomorrow with people and places of this clinic, made for it."""
    start = starts_at or datetime(2030, 3, 6, 14, 0, tzinfo=UTC)
    values = {
        "patient": record(Patient, of, first_name="Ada", last_name="Invented"),
        "practitioner": record(Practitioner, of, first_name="Mara", last_name="Dentist"),
        "operatory": record(Operatory, of, name="Chair 1"),
        "location": record(Location, of, name="Main street", timezone=of.timezone),
        "starts_at": start,
        "ends_at": start + timedelta(minutes=30),
        "description": "Check-up",
    }
    return Booking(**(values | fields))


def writeback(of: Integration, **fields: Any) -> Writeback:
    """A queued booking, unless fields say otherwise."""
    asked = booking(of.clinic).as_json()
    values = {
        "organization_id": of.organization_id,
        "clinic": of.clinic,
        "integration": of,
        "patient_id": UUID(asked["patient"]),
        "operation": Operation.BOOK,
        "command": asked,
        "method": "POST",
        "endpoint": "/appointment",
        "request_body": {"patient_id": "1", "date": "2030-03-06", "check_spu": "true"},
        "idempotency_key": f"key {next(_count)}",
        "request_hash": "0" * 64,
        "due_at": timezone.now(),
    }
    return Writeback.objects.create(**(values | fields))


def set_aside(of: Integration, **fields: Any) -> SetAside:
    """A patient that could not be kept."""
    now = timezone.now()
    values = {
        "resource": Resource.PATIENTS,
        "external_id": f"made-{next(_count)}",
        "reason": "its birth date is no date",
        "first_seen_at": now,
        "last_seen_at": now,
    }
    return SetAside.objects.create(
        integration=of, organization_id=of.organization_id, **(values | fields)
    )


def call_task(of: Clinic, **fields: Any) -> CallTask:
    """A patient to be called first of all, and the call."""
    if "patient" not in fields:
        fields["patient"] = record(Patient, of, first_name="Ada", last_name="Invented")
    values = {
        "priority": 1,
        "engagement": "dormant",
        "risk": "high",
        "reasons": [{"code": "no_contact", "numbers": [90]}],
        "place": 100_000,
    }
    return CallTask.objects.create(organization=of.organization, clinic=of, **(values | fields))


def webhook(of: Organization, **fields: Any) -> Endpoint:
    """An active webhook that wants every event of every clinic."""
    values = {
        "url": f"https://receiver{next(_count)}.example/hook",
        "secret": signing.new_secret(),
        "created_at": timezone.now(),
    }
    return Endpoint.objects.create(organization=of, **(values | fields))


def delivery(to: Endpoint, of: Clinic, **fields: Any) -> Delivery:
    """An event of a clinic, to be told now, unless fields say otherwise."""
    now = timezone.now()
    message = Message.objects.create(
        pk=uuid4(),
        organization_id=to.organization_id,
        clinic=of,
        type="writeback.completed",
        data={"patient": "Ada Invented"},
        created_at=now,
    )
    values = {"type": message.type, "created_at": now, "due_at": now}
    return Delivery.objects.create(
        organization_id=to.organization_id, endpoint=to, message=message, **(values | fields)
    )


def notice(of: Endpoint, **fields: Any) -> Notice:
    """That a webhook failed for days; mailed already, unless fields say otherwise."""
    values = {"at": timezone.now(), "reason": Reason.FAILING}
    return Notice.objects.create(
        organization_id=of.organization_id, endpoint=of, **(values | fields)
    )
