"""The audit's tables: what happened, what waits for a seal, and the seals.

Triggers of the database write and guard them (audit/migrations): entries of changes come from the
changed tables themselves, and no row of an entry or a seal is ever changed or deleted.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import Q


class Action(models.TextChoices):
    """What was done."""

    VIEW = "view", "Looked at"
    LIST = "list", "Listed"
    SEARCH = "search", "Searched"
    CREATE = "create", "Created"
    UPDATE = "update", "Changed"
    DELETE = "delete", "Deleted"
    LOGIN = "login", "Logged in"
    LOGIN_FAILED = "login_failed", "Failed to log in"
    LOGOUT = "logout", "Logged out"
    REFRESH_REUSED = "refresh_reused", "Used a refresh token again"


class Entry(models.Model):
    """One statement that changed rows, or one read of them: who, what and when, never a value.

    No column is a foreign key: an entry outlives what it tells of.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(help_text="By the database's clock, whatever a writer says.")
    organization_id = models.UUIDField(
        null=True, help_text="Whose rows; none for logins and for what belongs to no tenant."
    )
    user_id = models.BigIntegerField(
        null=True, help_text="The person who did it, or whose login failed."
    )
    membership_id = models.BigIntegerField(null=True, help_text="What allowed it to them.")
    action = models.TextField(choices=Action)
    record_type = models.TextField(help_text="The kind of record in words, such as patient.")
    record_ids = ArrayField(models.TextField(), help_text="All records of the statement or page.")
    patient_ids = ArrayField(models.UUIDField(), help_text="The patients that it is about.")
    fields = ArrayField(models.TextField(), help_text="Columns that changed, by name.")
    key_id = models.TextField(blank=True, help_text="The program's key that it was done with.")
    role = models.TextField(blank=True, help_text="A role, grant, task or command.")
    address = models.TextField(blank=True, help_text="Where the request came from.")
    details = models.JSONField(help_text="Counts and the like; no patient's data.")

    class Meta:
        db_table = "audit_entries"
        verbose_name_plural = "entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization_id", "at"], name="entry_of_organization"),
            models.Index(
                fields=["user_id", "at"], condition=Q(user_id__isnull=False), name="entry_of_user"
            ),
            # Rows lie in the order of time: this costs next to nothing and finds a day.
            BrinIndex(fields=["at"], name="entry_day"),
        ]

    def __str__(self) -> str:
        return f"Entry {self.pk}"


class Subject(models.Model):
    """The patients of an entry, to search by.

    A table of its own, since row-level security keeps an index over an array from being used: the
    operators of arrays are not among those that PostgreSQL trusts to tell nothing of hidden rows.
    """

    entry_id = models.BigIntegerField(primary_key=True)
    patient_ids = ArrayField(models.UUIDField())

    class Meta:
        db_table = "audit_subjects"
        indexes = [GinIndex(fields=["patient_ids"], name="entry_of_patient")]

    def __str__(self) -> str:
        return f"Entry {self.entry_id}"


class Pending(models.Model):
    """An entry that no seal holds yet."""

    entry_id = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "audit_pending"

    def __str__(self) -> str:
        return f"Entry {self.entry_id}"


class Seal(models.Model):
    """A link of the chain: the digests of some entries, and the hash of the seal before it."""

    number = models.BigIntegerField(primary_key=True, help_text="1, 2, 3 … without a gap.")
    made_at = models.DateTimeField()
    entry_ids = ArrayField(models.BigIntegerField())
    digests = models.BinaryField(help_text="32 bytes for each entry, in the order of entry_ids.")
    previous = models.BinaryField(help_text="The hash of the seal before; zeros for the first.")
    hash = models.BinaryField(help_text="SHA-256 over all of the above.")

    class Meta:
        db_table = "audit_seals"
        ordering = ["number"]

    def __str__(self) -> str:
        return f"Seal {self.number}"
