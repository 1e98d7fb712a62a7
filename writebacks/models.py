"""A writeback: one change asked for in a PMS, from the request to its proven end.

Every change of status goes through `Writeback.advance`: a conditional UPDATE and an event row in
one transaction. Work is claimed by moving `due_at` past a lease, so a worker that dies loses
nothing: its rows come due again by themselves.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import ApiKey
from clinics.models import Appointment, Clinic, Organization, Patient
from encryption.fields import EncryptedCharField, EncryptedJSONField
from integrations.contract import PreparedWrite, SentWrite
from integrations.models import Integration
from writebacks.operations import CHANGES_APPOINTMENT, CREATES, Operation
from writebacks.slot_hold import SlotHold as SlotHold  # a model of this app, in a file of its own
from writebacks.states import INTERRUPTS, RESULTS, TERMINAL, Event, Status, next_status
from writebacks.turns import Turn as Turn  # another one
from writebacks.writeback_event import WritebackEvent as WritebackEvent  # and another

#: How long a claim holds. Longer than CELERY_TASK_TIME_LIMIT, after which a task is killed.
LEASE = timedelta(seconds=90)
#: The constraint that refuses a second writeback with the same id of a write in the PMS.
ONE_WRITE: Final = "pms_write_once"


class LostRace(Exception):
    """The row was not in the expected state any more: somebody else has moved it on."""


def constraint_of(error: IntegrityError) -> str:
    """Return the name of the constraint that was in the way; "" where the database tells none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") or ""


class Writeback(models.Model):
    """One asked-for change: what we were asked, what we send, and what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="writebacks")
    integration = models.ForeignKey(
        Integration, on_delete=models.PROTECT, related_name="writebacks"
    )
    #: Whom it is about, for the audit: the request itself is encrypted.
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, related_name="+")
    #: What it changes, where that is an appointment.
    appointment = models.ForeignKey(
        Appointment, on_delete=models.PROTECT, null=True, related_name="writebacks"
    )
    after = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="dependents",
        help_text="It is sent once this one is completed, and fails with it.",
    )
    retry_of = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="retried_as",
        help_text="The failed one that it repeats.",
    )
    operation = models.CharField(max_length=20, choices=Operation)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)

    #: The request in our words, to make our own record of it once it is confirmed.
    command = EncryptedJSONField()
    #: The request in the PMS's words, sent the same way each time. Empty while it waits for an
    #: earlier one, whose outcome is part of it.
    method = models.CharField(max_length=6, blank=True)
    endpoint = models.CharField(max_length=250, blank=True)
    request_body = EncryptedJSONField()
    #: After this moment a write that was not delivered is not sent any more.
    expires_at = models.DateTimeField(null=True, blank=True)

    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    requested_by_key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, null=True, related_name="+"
    )
    idempotency_key = models.CharField(
        max_length=255, blank=True, help_text="Empty for what no program asked for."
    )
    request_hash = models.CharField(max_length=64)

    external_id = models.CharField(
        max_length=100, blank=True, help_text="The PMS's id of this write."
    )
    discarded_ids = ArrayField(
        models.CharField(max_length=100),
        default=list,
        editable=False,
        help_text="Ids of writes in the PMS that somebody said are not this one.",
    )
    created_external_id = models.CharField(
        max_length=200, blank=True, help_text="The PMS's id of what the write created."
    )
    remark = EncryptedCharField(
        max_length=500, blank=True, help_text="What to know of it, done as it is; no patient data."
    )
    attempts = models.PositiveIntegerField(default=0)
    check_count = models.PositiveIntegerField(default=0)
    look_count = models.PositiveIntegerField(default=0)
    ask_failures = models.PositiveIntegerField(
        default=0, help_text="Failures in a row to ask the PMS about it."
    )
    api_calls = models.PositiveIntegerField(
        default=0,
        help_text="Calls made for it; one that several share counts for the first of them.",
    )
    waiting_for = models.CharField(
        max_length=40, blank=True, help_text="Why it is not moving: a code such as agent_offline."
    )
    failure_code = models.CharField(max_length=40, blank=True)
    error_message = EncryptedCharField(max_length=500, blank=True)

    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When something is to be done next; a claim moves it on."
    )
    awaited_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when somebody waits for the outcome on the line."
    )
    tells_by_email = models.BooleanField(
        default=False, help_text="Whether the person who asked is told by e-mail how it ended."
    )
    withdraw_asked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    submitted_at = models.DateTimeField(null=True, blank=True)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "pms_writebacks"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="idempotency_key_once",
            ),
            # Of two changes of one thing the older may be sent last, and so overtake the newer.
            models.UniqueConstraint(
                fields=["appointment"],
                condition=Q(operation__in=CHANGES_APPOINTMENT) & ~Q(status__in=TERMINAL),
                name="one_change_of_an_appointment",
            ),
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(operation=Operation.UPDATE_PATIENT) & ~Q(status__in=TERMINAL),
                name="one_change_of_a_patient",
            ),
            # Two of our writes can never claim the same write in the PMS.
            models.UniqueConstraint(
                fields=["integration", "external_id"],
                condition=~Q(external_id=""),
                name=ONE_WRITE,
            ),
            # Of a confirmed one, only the PMS's id of what it created may still be read.
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, due_at=None, completed_at__isnull=False)
                | Q(
                    status=Status.COMPLETED,
                    operation__in=CREATES,
                    created_external_id="",
                    completed_at__isnull=False,
                )
                | (~Q(status__in=TERMINAL) & Q(completed_at=None)),
                name="ended_means_nothing_due",
            ),
            models.CheckConstraint(
                condition=~Q(endpoint="") | Q(status__in=[Status.QUEUED, *sorted(TERMINAL)]),
                name="sent_means_prepared",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PENDING) | ~Q(external_id=""),
                name="pending_has_a_pms_id",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.FAILED) | ~Q(failure_code=""),
                name="failed_has_a_reason",
            ),
        ]
        indexes = [
            # In this order the dispatcher steps from one integration to the next.
            models.Index(
                fields=["status", "integration", "due_at"],
                include=["organization"],  # what the table's policy asks for
                condition=Q(due_at__isnull=False),
                name="writeback_due",
            ),
            models.Index(fields=["clinic", "-created_at"], name="writeback_of_clinic"),
            models.Index(fields=["organization", "-created_at"], name="writeback_of_org"),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()} {str(self.pk)[:8]}"

    @property
    def result(self) -> str:
        """The outcome in the three words that integrations of the PMS itself know."""
        return RESULTS[Status(self.status)]

    @property
    def prepared(self) -> PreparedWrite:
        """What is sent to the PMS."""
        return PreparedWrite(method=self.method, endpoint=self.endpoint, body=self.request_body)

    def sent(self) -> SentWrite:
        """What to look up in the PMS."""
        return SentWrite(
            prepared=self.prepared,
            sent_at=self.submitted_at or self.created_at,
            reference=self.external_id,
        )

    def advance(
        self,
        event: Event,
        now: datetime,
        *,
        note: str = "",
        calls: int = 0,
        person: Any = None,
        quiet: bool = False,
        **changes: Any,
    ) -> None:
        """Move on from the state and attempt that this object was read in, or raise LostRace.

        `note` says why, for people; it holds no patient data. `changes` are further fields. A
        `quiet` step that leads nowhere new leaves no event: it repeats the one before.
        Raises IllegalMove for an event that this state does not know.
        """
        from writebacks import ending  # what follows from it, which needs this module

        before = Status(self.status)
        after = next_status(before, event)
        if after in TERMINAL and before not in TERMINAL:
            changes = {"due_at": None} | changes | {"completed_at": now, "waiting_for": ""}
        changes["status"] = after
        with transaction.atomic():
            # The attempt is the fence: one who was sent away for good cannot come back late.
            as_read = Q(pk=self.pk, status=before, attempts=self.attempts)
            if after == before and event not in INTERRUPTS:
                # Nor does a step that leads nowhere new undo what has become due meanwhile.
                as_read &= Q(due_at=self.due_at)
            moved = Writeback.objects.filter(as_read).update(
                **changes, api_calls=F("api_calls") + calls
            )
            if not moved:
                raise LostRace(f"{self} is not {before} any more")
            if not (quiet and before == after):
                WritebackEvent.objects.create(
                    organization_id=self.organization_id,
                    writeback=self,
                    at=now,
                    event=event,
                    from_status=before,
                    to_status=after,
                    note=note[:500],
                    calls=calls,
                    person=person,
                )
            was = {name: getattr(self, name) for name in changes}
            for name, value in changes.items():
                setattr(self, name, value)
            try:
                ending.moved(self, before, now)
            except BaseException:
                # The row is as it was, and so is the object.
                for name, value in was.items():
                    setattr(self, name, value)
                raise
        self.api_calls += calls
