"""Runs of the sync: what each is to read, how far it has come, and what came of it.

A run is one row that moves by conditional UPDATEs; its checkpoint moves in the transaction of each
page's records, so a crash costs at most the page that was on its way. The checkpoint is a row of
its own: showing how a run fares never waits for its records, nor the other way round.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey
from clinics.models import Clinic, Organization
from integrations.models import Integration
from integrations.queries import Resource
from sync.states import OPEN, Mode, Status, Trigger

RESOURCES = [(each.value, each.value.replace("_", " ").capitalize()) for each in Resource]


class SyncRun(models.Model):
    """One sync of one clinic."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="sync_runs")
    integration = models.ForeignKey(Integration, on_delete=models.PROTECT, related_name="sync_runs")
    mode = models.CharField(max_length=20, choices=Mode)
    trigger = models.CharField(max_length=10, choices=Trigger)
    is_full = models.BooleanField(
        default=False, help_text="It reads all of each list, whatever changed."
    )
    may_remove = models.BooleanField(
        default=False, help_text="A person said that what has vanished really is gone."
    )
    is_urgent = models.BooleanField(
        default=False, help_text="Somebody waits: it may use the calls that are kept for people."
    )
    only = ArrayField(
        models.CharField(max_length=20, choices=RESOURCES),
        default=list,
        blank=True,
        help_text="The lists that are read; none: those of the mode.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    requested_by_key = models.ForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When to go on with it; while it runs, how long it may."
    )
    told_at = models.DateTimeField(
        null=True, blank=True, help_text="When workers were last told that it is due."
    )
    lock_key = models.IntegerField(help_text="See sync/claiming.py.")
    waiting_for = models.CharField(max_length=40, blank=True, help_text="A code: not_ready.")
    error_message = models.CharField(max_length=500, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, without a page between.")
    claims = models.PositiveIntegerField(default=0, help_text="How often a worker took it up.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    beat_at = models.DateTimeField(null=True, blank=True, help_text="When it last gave a sign.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "pms_sync_runs"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["integration"],
                condition=Q(status__in=OPEN),
                name="sync_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, due_at__isnull=False)
                | (~Q(status__in=OPEN) & Q(due_at=None, finished_at__isnull=False)),
                name="sync_open_is_due",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(status__in=OPEN), name="sync_due"),
            models.Index(fields=["integration", "-created_at"], name="sync_of_integration"),
            models.Index(fields=["organization", "-created_at"], name="sync_of_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} at {self.clinic}"

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN


class Checkpoint(models.Model):
    """How far a run has come; written together with the records of each page, by who holds it."""

    run = models.OneToOneField(
        SyncRun, on_delete=models.CASCADE, primary_key=True, related_name="checkpoint"
    )
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    #: The claim of the run that may write: one that has lost its claim changes nothing any more.
    claim = models.PositiveIntegerField(default=0)
    #: The steps as sync.plan made them, when the run began; none before.
    steps = models.JSONField(default=list)
    step = models.PositiveIntegerField(default=0, help_text="Index of the step that is under way.")
    position = models.CharField(max_length=1000, blank=True, help_text="The adapter's own.")
    is_read = models.BooleanField(
        default=False,
        help_text="All pages of the step are here; what vanished is still to be seen.",
    )
    is_second_look = models.BooleanField(
        default=False, help_text="The step's list is read once more: a row may have been hidden."
    )
    #: Of the step under way: pages stored, and the PMS's word for how many records there are.
    step_pages = models.PositiveIntegerField(default=0)
    step_records = models.PositiveIntegerField(default=0)
    step_total = models.PositiveIntegerField(null=True)
    pages = models.PositiveIntegerField(default=0)
    records = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    set_aside = models.PositiveIntegerField(default=0)
    vanished = models.PositiveIntegerField(
        default=0,
        help_text="Records not found in a full pass, where they were too many to believe.",
    )
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "pms_sync_checkpoints"

    def __str__(self) -> str:
        return f"step {self.step + 1} of {len(self.steps)}"

    @property
    def current(self) -> dict[str, Any] | None:
        """The step under way; None once all are done."""
        return self.steps[self.step] if self.step < len(self.steps) else None


class Sighting(models.Model):
    """The ids on one page of one step: what a full pass has seen, and that no page comes twice."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="sightings")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    step = models.PositiveIntegerField()
    digest = models.CharField(max_length=32, help_text="Of the page's ids.")
    external_ids = ArrayField(models.CharField(max_length=200))

    class Meta:
        db_table = "pms_sync_sightings"
        constraints = [
            models.UniqueConstraint(fields=["run", "step", "digest"], name="sync_page_once"),
        ]

    def __str__(self) -> str:
        return f"{len(self.external_ids)} records"


class Cursor(models.Model):
    """How current our copy of one list of one integration is."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="cursors")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    resource = models.CharField(max_length=20, choices=RESOURCES)
    #: All that the PMS changed before this moment is here: the start of the last whole reading.
    read_until = models.DateTimeField()
    full_at = models.DateTimeField(
        null=True, blank=True, help_text="Start of the last full pass that ended well."
    )
    full_pages = models.PositiveIntegerField(
        default=0, help_text="Pages that the last full pass took: what another one would cost."
    )
    looked_at = models.DateTimeField(help_text="Start of the last reading of any kind.")
    wanted_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the PMS last said that it changed; none once it was read since.",
    )
    changes_refused_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the PMS refused to tell what changed; none once it told that.",
    )
    vanished = models.JSONField(
        default=dict,
        blank=True,
        help_text="Date (UTC) → records that full passes believed to be gone; see believing.py.",
    )

    class Meta:
        db_table = "pms_sync_cursors"
        constraints = [
            models.UniqueConstraint(fields=["integration", "resource"], name="sync_cursor_once"),
        ]
        indexes = [
            models.Index(
                fields=["integration"],
                condition=Q(wanted_at__isnull=False),
                name="sync_cursor_wanted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource} until {self.read_until:%Y-%m-%d %H:%M}"


class SetAside(models.Model):
    """A record of the PMS that could not be kept, and why; of the record itself only the id."""

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="set_aside")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    resource = models.CharField(max_length=20, choices=RESOURCES)
    external_id = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=200)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "pms_sync_set_aside"
        verbose_name_plural = "set aside"
        ordering = ["-last_seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "resource", "external_id", "reason"],
                name="sync_set_aside_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource}: {self.reason}"

    @property
    def clinic(self) -> Clinic:
        """The clinic whose record it is."""
        return self.integration.clinic


class UnknownAccount(models.Model):
    """A practice that a PMS tells us of, and that no clinic is connected to: nobody's yet."""

    pms = models.CharField("PMS", max_length=20)
    account = models.CharField(max_length=100, help_text="The vendor's id of the practice.")
    times = models.PositiveIntegerField(default=1, help_text="Webhooks about it.")
    first_told_at = models.DateTimeField()
    last_told_at = models.DateTimeField()

    class Meta:
        db_table = "pms_unknown_accounts"
        ordering = ["-last_told_at"]
        constraints = [
            models.UniqueConstraint(fields=["pms", "account"], name="unknown_account_once"),
        ]

    def __str__(self) -> str:
        return f"{self.pms} {self.account}"
