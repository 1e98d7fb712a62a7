"""Who is told what, and how it went.

An Endpoint is an address of an organization's own program. A Message is one event; a Delivery is
that message on its way to one endpoint, whose `due_at` says when it is tried next; a claim moves it
on, so what a dead worker held comes due again. Each try is an Attempt.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now

from accounts.models import ApiKey
from clinics.models import Clinic, Organization
from encryption.fields import EncryptedCharField, EncryptedJSONField
from webhooks import events

#: How long a claim holds. Longer than CELERY_TASK_TIME_LIMIT, after which a task is killed.
LEASE = timedelta(seconds=90)
LONGEST_URL = 500


class Reason(models.TextChoices):
    """Why an endpoint is told nothing."""

    BY_HAND = "by_hand", "Switched off"
    GONE = "gone", "Answered that it is gone for good (410)"
    FAILING = "failing", "Everything failed for days"
    KEY_ENDED = "key_ended", "The API key that set it up has ended"


class Endpoint(models.Model):
    """An address that an organization wants to be told at."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    #: Encrypted, since some receivers' addresses are secrets: who knows them may post there.
    url = EncryptedCharField("URL", max_length=LONGEST_URL)
    description = models.CharField(max_length=200, blank=True, help_text="Which program this is.")
    #: Empty means all of them, also those to come.
    event_types = ArrayField(
        models.CharField(max_length=50, choices=list(events.TYPES.items())),
        default=list,
        blank=True,
        help_text="None chosen: all of them.",
    )
    #: As an array, which no deletion of a clinic can empty: empty would mean all of them.
    clinics = ArrayField(
        models.UUIDField(),
        default=list,
        blank=True,
        help_text="None chosen: all of the organization's.",
    )
    is_active = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=10, choices=Reason, blank=True)
    #: Deleted ones are not shown, and vanish with the last of their deliveries.
    deleted_at = models.DateTimeField(null=True, editable=False)

    secret = EncryptedCharField(max_length=100, editable=False, blank=True)
    #: Signs beside the new one until then.
    old_secret = EncryptedCharField(max_length=100, editable=False, blank=True)
    old_secret_until = models.DateTimeField(null=True, editable=False)

    #: Who last said where it is sent and what; with the key, it ends.
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    set_by_key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(default=utc_now, editable=False)

    last_success_at = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(
        null=True, editable=False, help_text="The first failure since the last success."
    )
    failures = models.PositiveIntegerField(
        default=0, editable=False, help_text="Failures since the last success."
    )
    #: A worker is at it until then, at the longest.
    busy_until = models.DateTimeField(null=True, editable=False)
    #: After a failure it is left alone until then.
    rests_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "webhook"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_active=True, disabled_at=None, disabled_reason="", deleted_at=None)
                | (Q(is_active=False, disabled_at__isnull=False) & ~Q(disabled_reason="")),
                name="webhook_disabled_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at"], name="webhook_of_org"),
        ]

    def __str__(self) -> str:
        return self.description or self.host or f"webhook {str(self.pk)[:8]}"

    @property
    def host(self) -> str:
        """The part of the address that may be shown to whoever sees the endpoint."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    def secrets(self, now: datetime) -> list[str]:
        """Return what signs now, the newest first."""
        old = [self.old_secret] if self.old_secret_until and now < self.old_secret_until else []
        return [self.secret, *old]


class Message(models.Model):
    """One event, as it is told. Its id is the event's own: the same event twice is one message."""

    id = models.UUIDField(primary_key=True, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, null=True, related_name="+")
    type = models.CharField(max_length=50)
    data = EncryptedJSONField(encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["organization", "created_at"], name="webhook_message_of_org")
        ]

    def __str__(self) -> str:
        return f"{self.type} {str(self.pk)[:8]}"


class Status(models.TextChoices):
    """How it stands with a delivery."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    EXHAUSTED = "exhausted", "Exhausted"
    CANCELLED = "cancelled", "Cancelled"


class Delivery(models.Model):
    """One message on its way to one endpoint.

    `exhausted`: every attempt failed. `cancelled`: its endpoint was disabled or deleted meanwhile.
    Either may be sent again by hand (replay.py), as the same event.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries")
    #: The message's own: who looks over how things stand sees no messages.
    type = models.CharField(max_length=50)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    attempts = models.PositiveIntegerField(default=0, help_text="All that were made.")
    step = models.PositiveIntegerField(
        default=0, help_text="Attempts since it was asked for, or asked for again."
    )
    due_at = models.DateTimeField(
        null=True, help_text="When it is tried next; a claim moves it on."
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "message"], name="delivered_once"),
            models.CheckConstraint(
                condition=Q(status=Status.PENDING, due_at__isnull=False, ended_at=None)
                | (~Q(status=Status.PENDING) & Q(due_at=None, ended_at__isnull=False)),
                name="delivery_ended_means_nothing_due",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                condition=Q(due_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(fields=["endpoint", "-created_at"], name="delivery_of_webhook"),
            models.Index(fields=["organization", "-created_at"], name="delivery_of_org"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {str(self.message_id)[:8]}"


#: What an attempt says whose worker has not come back yet, or never will.
UNFINISHED = "unfinished"


class Attempt(models.Model):
    """One try of a delivery. Neither what was sent nor what was answered is kept."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(
        max_length=20, blank=True, help_text="A code; empty where it was delivered."
    )
    milliseconds = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"


class Notice(models.Model):
    """That an endpoint was disabled, for people to see, and to be mailed to its clinic admins."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="notices")
    at = models.DateTimeField()
    reason = models.CharField(max_length=10, choices=Reason)
    failing_since = models.DateTimeField(null=True)
    #: When the mail is tried next, or again; empty once it has left, or was given up.
    mail_due_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True, help_text="When the mail server took it.")

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(
                fields=["mail_due_at"], condition=Q(mail_due_at__isnull=False), name="notice_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}, {self.at:%d %b %Y, %H:%M} UTC"
