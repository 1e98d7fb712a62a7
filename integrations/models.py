"""A clinic's authorised link to its PMS, and the windows in which its calls are counted."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q
from django.utils import timezone

from clinics.models import Clinic, Organization
from encryption.fields import EncryptedCharField, EncryptedJSONField, EncryptedTextField
from integrations import registry
from integrations.contract import Limit, Manifest, Scope
from integrations.http.budget import Counter
from integrations.profile_model import Profile

__all__ = [
    "Breaker", "BudgetCap", "BudgetWindow", "Call", "CallCountField", "Integration",
    "IntegrationStatus", "Profile",
]  # fmt: skip

#: A key is renewed when this share of its life is left: after 23 of Sikka's 24 hours.
RENEW_AT_REST = 1 / 24


class IntegrationStatus(models.TextChoices):
    """How the link is."""

    SETUP_REQUIRED = "setup_required", "Setup required"
    ACTIVE = "active", "Active"
    ERROR = "error", "Error"


class Integration(models.Model):
    """One clinic's link: which PMS, where it is, with what credential, and how it fares.

    The credential and the keys are secrets: nothing prints them and no page shows them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    clinic = models.OneToOneField(Clinic, on_delete=models.PROTECT, related_name="integration")
    pms = models.CharField("PMS", max_length=20, help_text="A name in the registry: sikka.")
    base_url = models.URLField(
        "base URL", help_text="The vendor's API, the sandbox, or a proxy between."
    )
    is_sandbox = models.BooleanField(
        default=False, help_text="A simulated PMS: its patients are invented."
    )
    account = models.CharField(
        max_length=100, help_text="The vendor's id of the practice (Sikka: office_id)."
    )
    credential = EncryptedJSONField(default=dict)
    options = models.JSONField(
        default=dict,
        blank=True,
        help_text="How a PMS that is described by data is spoken to: docs/rest.md. No secrets.",
    )
    status = models.CharField(
        max_length=20, choices=IntegrationStatus, default=IntegrationStatus.SETUP_REQUIRED
    )
    error_message = EncryptedCharField(max_length=500, blank=True)
    imported_at = models.DateTimeField(
        null=True, editable=False, help_text="When all of the PMS's records were first here."
    )

    access_key = EncryptedTextField(blank=True, editable=False)
    refresh_key = EncryptedTextField(blank=True, editable=False)
    key_expires_at = models.DateTimeField(null=True, editable=False)
    key_renewed_at = models.DateTimeField(null=True, editable=False)
    key_lease_until = models.DateTimeField(null=True, editable=False)

    budget_calls = models.PositiveIntegerField(
        "calls in a window",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Of this practice's own limit. Empty: what is usual for this PMS.",
    )
    budget_reserve = models.PositiveIntegerField(
        "reserved for people",
        null=True,
        blank=True,
        help_text="Calls of each window that background work leaves alone. Empty: as usual.",
    )

    checks_paid_until = models.DateTimeField(
        null=True, editable=False, help_text="See writebacks/pace.py."
    )
    caught_up_on = models.DateField(
        null=True, editable=False, help_text="The local date of the last night's catch-up."
    )
    sync_minutes = models.PositiveIntegerField(
        "minutes between syncs",
        null=True,
        blank=True,
        validators=[MinValueValidator(5)],
        help_text="Empty: as usual for this PMS.",
    )
    full_sync_on = models.DateField(
        null=True, editable=False, help_text="The local date of the last night's full sync."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "pms_integrations"
        ordering = ["clinic__name"]
        constraints = [
            models.UniqueConstraint(fields=["pms", "base_url", "account"], name="account_once"),
            models.CheckConstraint(
                condition=Q(budget_calls=None) | Q(budget_calls__gte=1),
                name="budget_has_calls",
                violation_error_message="A practice needs at least one call.",
            ),
            models.CheckConstraint(
                condition=Q(budget_calls=None)
                | Q(budget_reserve=None)
                | Q(budget_reserve__lte=F("budget_calls")),
                name="budget_reserve_fits",
                violation_error_message="More than all calls cannot be reserved.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.manifest.title} of {self.clinic}"

    @property
    def manifest(self) -> Manifest:
        """The facts about this PMS."""
        return registry.manifest(self.pms)

    @property
    def application(self) -> str:
        """A name for the vendor's application that this link belongs to; tells no secret."""
        app = str(self.credential.get("app_id", ""))
        return hashlib.sha256(f"{self.pms} {self.base_url} {app}".encode()).hexdigest()[:20]

    @property
    def usual_limit(self) -> Limit:
        """The practice's own limit by the manifest: the first of its scope."""
        return next(each for each in self.manifest.limits if each.scope is Scope.INTEGRATION)

    @property
    def limits(self) -> list[Limit]:
        """The manifest's limits, with what this practice's budget is set to instead."""
        usual = self.usual_limit
        calls = usual.calls if self.budget_calls is None else self.budget_calls
        reserve = usual.reserve if self.budget_reserve is None else self.budget_reserve
        ours = replace(usual, calls=calls, reserve=min(reserve, calls))
        return [ours if limit is usual else limit for limit in self.manifest.limits]

    def clean(self) -> None:
        """Hold the reserve against the calls, also where only one of them is set."""
        calls = self.usual_limit.calls if self.budget_calls is None else self.budget_calls
        if self.budget_reserve is not None and self.budget_reserve > calls:
            raise ValidationError({"budget_reserve": f"There are only {calls} calls."})

    def counters(self, scopes: Sequence[Scope]) -> list[Counter]:
        """Return the counters that a call of these scopes is charged to."""
        owners = {Scope.INTEGRATION: str(self.pk), Scope.APPLICATION: self.application}
        return [
            Counter(f"{limit.scope}:{owners[limit.scope]}", limit)
            for limit in self.limits
            if limit.scope in scopes
        ]

    def practice_counter(self) -> Counter:
        """Return the counter that is this practice's own, the one that people think of."""
        return self.counters([Scope.INTEGRATION])[0]

    def key_is_due(self, now: datetime) -> bool:
        """Return whether the key should be renewed before the next call."""
        if self.key_expires_at is None or self.key_renewed_at is None:
            return True
        life = self.key_expires_at - self.key_renewed_at
        return now >= self.key_expires_at - life * RENEW_AT_REST

    def key_works(self, now: datetime) -> bool:
        """Return whether the key has not ended yet, by what the PMS said of its life."""
        return (
            bool(self.access_key)
            and self.key_expires_at is not None
            and (now < self.key_expires_at)
        )


class CallCountField(models.IntegerField):
    """A number of calls, which the database's own type keeps from falling below 0.

    PostgreSQL holds the rules of a type ready; those of a table it reads anew in each statement.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "pms_call_count"


class BudgetWindow(models.Model):
    """Calls made in one window of one limit; integrations/http/budget.py writes it."""

    key = models.CharField(max_length=80)
    seconds = models.IntegerField()
    starts_at = models.DateTimeField()
    used_high = CallCountField(default=0)
    used_low = CallCountField(default=0)

    class Meta:
        db_table = "pms_budget_windows"
        constraints = [
            models.UniqueConstraint(fields=["key", "seconds", "starts_at"], name="window_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} from {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def used(self) -> int:
        """Calls of both priorities."""
        return self.used_high + self.used_low


class BudgetCap(models.Model):
    """What a PMS itself said is left of a counter, until it resets; never more than we count."""

    key = models.CharField(max_length=80, primary_key=True)
    calls_left = models.PositiveIntegerField()
    until = models.DateTimeField()

    class Meta:
        db_table = "pms_budget_caps"

    def __str__(self) -> str:
        return f"{self.key}: {self.calls_left} left until {self.until:%Y-%m-%d %H:%M:%S}"


class Breaker(models.Model):
    """How an integration's PMS answers; integrations/http/breaker.py writes it."""

    integration = models.OneToOneField(
        Integration, on_delete=models.CASCADE, primary_key=True, related_name="breaker"
    )
    failures = models.PositiveIntegerField(default=0, help_text="In a row, on the way.")
    rests = models.PositiveIntegerField(default=0, help_text="How often it was left alone since.")
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    probe_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "pms_breakers"

    def __str__(self) -> str:
        return "away" if self.opened_at else "answers"


class Call(models.Model):
    """One attempt to call a PMS: what, when and how it went, without bodies and identifiers."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="calls")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    method = models.CharField(max_length=6)
    path = models.CharField(max_length=200, help_text="With {id} for every identifier.")
    status = models.PositiveSmallIntegerField(null=True, help_text="None: no answer came.")
    error = models.CharField(max_length=40, blank=True)
    milliseconds = models.PositiveIntegerField()
    priority = models.CharField(max_length=4)
    attempt = models.PositiveSmallIntegerField()
    budget_left = models.IntegerField(null=True, help_text="For this priority, after the call.")
    correlation = models.CharField(max_length=64, blank=True, help_text="What it was made for.")

    class Meta:
        db_table = "pms_calls"
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["integration", "-at"], name="call_of_integration"),
            models.Index(fields=["at"], name="call_age"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
