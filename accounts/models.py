"""The logins of people, and the API keys of programs. Of every secret only its hash is stored."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now

from clinics.models import Organization
from clinics.permissions import KeyScope

#: Requests a minute of a key that says nothing else, and the most that one may be given.
USUAL_RATE = 600
HIGHEST_RATE = 6_000

#: How long an API key works that says nothing else, and the longest that one may.
USUAL_LIFE = timedelta(days=365)
LONGEST_LIFE = timedelta(days=730)


class TokenFamily(models.Model):
    """One login of one person: every refresh token that followed from it, and its access tokens.

    It holds as long as nobody revoked it, its end has not come, and the person's password is what
    it was.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    #: As Django's sessions hold it: another one once the password or `signed_out_at` changed.
    auth_hash = models.CharField(max_length=128)
    created_at = models.DateTimeField(default=utc_now)
    ends_at = models.DateTimeField(help_text="When even steady use ends; then a login is due.")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "token families"
        indexes = [models.Index(fields=["ends_at"], name="token_family_end")]

    def __str__(self) -> str:
        return f"login of {self.created_at:%d %b %Y, %H:%M}"


class RefreshToken(models.Model):
    """One refresh token; used ones stay with their family, so that a second use is noticed."""

    family = models.ForeignKey(TokenFamily, on_delete=models.CASCADE, related_name="tokens")
    hashed = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=utc_now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"refresh token {self.pk}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Keys by whether they work."""

    def working(self, now: datetime) -> Self:
        """Return those that are neither revoked nor expired."""
        return self.filter(revoked_at=None, expires_at__gt=now)


class ApiKey(models.Model):
    """What a program of an organization logs in with. Rows stay, also when the key has ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="api_keys"
    )
    name = models.CharField(max_length=100, help_text="Which program it is for.")
    prefix = models.CharField(
        max_length=8, editable=False, help_text="The part that may be shown, to tell keys apart."
    )
    hashed = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(
        models.CharField(max_length=10, choices=[(each.value, each.value) for each in KeyScope])
    )
    #: As an array, which no deletion of a clinic can empty: empty would mean all of them.
    clinics = ArrayField(
        models.UUIDField(),
        default=list,
        blank=True,
        help_text="None chosen: all of the organization's.",
    )
    rate_limit = models.PositiveIntegerField(
        default=USUAL_RATE,
        validators=[MinValueValidator(1), MaxValueValidator(HIGHEST_RATE)],
        help_text=f"Requests a minute, at most {HIGHEST_RATE:,}.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False
    )
    created_by_key = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="made",
        help_text="The key that asked for it, by making or replacing; it is revoked with that one.",
    )
    created_at = models.DateTimeField(default=utc_now, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(
        null=True, editable=False, help_text="To the minute, not to the second."
    )
    revoked_at = models.DateTimeField(null=True, editable=False)
    replaced_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="replaces"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(scopes=[]), name="api_key_has_scopes"),
        ]
        indexes = [models.Index(fields=["organization", "-created_at"], name="api_key_of_org")]

    def __str__(self) -> str:
        return f"{self.name} (fd_{self.prefix}…)"

    def standing(self, now: datetime) -> str:
        """Return in a word whether it works: works, being replaced, expired or revoked."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        return "being replaced" if self.replaced_by_id else "works"
