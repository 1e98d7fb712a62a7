"""Whom a clinic is to call: its limits, how current its list is, and each call with its outcome."""

from __future__ import annotations

import uuid
from dataclasses import fields

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now as utc_now

from accounts.models import ApiKey
from clinics.models import Clinic, Organization, Patient
from encryption.fields import EncryptedCharField
from outreach.outcomes import LONGEST, Outcome
from outreach.scoring import LEAST, Engagement, Facts, Limits, Reason, Risk
from outreach.wording import from_json, next_step, words

_USUAL = Limits()


def _days(default: int, help_text: str, most: int = 1100) -> models.PositiveSmallIntegerField:
    limits = [MinValueValidator(1), MaxValueValidator(most)]
    return models.PositiveSmallIntegerField(default=default, validators=limits, help_text=help_text)


def _percent(default: int, help_text: str) -> models.PositiveSmallIntegerField:
    return models.PositiveSmallIntegerField(
        default=default, validators=[MaxValueValidator(100)], help_text=help_text
    )


def _rule(name: str, condition: Q, message: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=condition, name=f"thresholds_{name}", violation_error_message=message
    )


class Thresholds(models.Model):
    """From where on something counts at a clinic, in the words of scoring.Limits."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    clinic = models.OneToOneField(
        Clinic, on_delete=models.CASCADE, related_name="outreach_thresholds"
    )
    active_days = _days(_USUAL.active_days, "Active: a visit within so many days.")
    high_after_days = _days(_USUAL.high_after_days, "High risk after so many days without contact.")
    medium_after_days = _days(_USUAL.medium_after_days, "Medium risk after so many.")
    unbooked_after_days = _days(
        _USUAL.unbooked_after_days, "Medium risk also after so many, where nothing is booked."
    )
    high_attendance = _percent(
        _USUAL.high_attendance, "High risk below so many percent of visits kept …"
    )
    high_attendance_visits = _days(
        _USUAL.high_attendance_visits, "… of more than so many visits.", 100
    )
    medium_attendance = _percent(_USUAL.medium_attendance, "Medium risk below so many percent …")
    medium_attendance_visits = _days(
        _USUAL.medium_attendance_visits, "… of more than so many visits.", 100
    )
    high_missed = _days(_USUAL.high_missed, "High risk from so many missed visits on …", 100)
    medium_missed = _days(_USUAL.medium_missed, "… medium risk from so many on …", 100)
    missed_days = _days(_USUAL.missed_days, "… within so many days.")
    recall_from_days = _days(
        _USUAL.recall_from_days, "Due for a recall when the last visit is so many days ago …"
    )
    recall_until_days = _days(_USUAL.recall_until_days, "… and no more after so many.", 3700)
    no_answer_days = _days(2, "Days after which somebody who did not answer comes again.", LONGEST)
    will_think_days = _days(
        7, "Days after which somebody who wanted to think comes again.", LONGEST
    )
    lists_up_to = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(LEAST)],
        help_text=f"The last priority that is listed. {LEAST} lists all who have no visit coming.",
    )

    class Meta:
        db_table = "outreach_thresholds"
        verbose_name = verbose_name_plural = "thresholds of calls"
        constraints = [
            _rule(
                "days_in_order",
                Q(high_after_days__gte=F("medium_after_days"))
                & Q(medium_after_days__gte=F("unbooked_after_days"))
                & Q(unbooked_after_days__gte=1),
                "Days without contact: high is not before medium, and medium not before that "
                "with nothing booked.",
            ),
            _rule(
                "attendance_in_order",
                Q(high_attendance__lte=F("medium_attendance"), medium_attendance__lte=100)
                & Q(high_attendance_visits__gte=F("medium_attendance_visits")),
                "Attendance: high risk takes no higher percentage than medium, and no fewer "
                "visits.",
            ),
            _rule(
                "missed_in_order",
                Q(high_missed__gte=F("medium_missed"), medium_missed__gte=1),
                "Missed visits: high risk takes no fewer than medium.",
            ),
            _rule(
                "recall_in_order",
                Q(recall_until_days__gt=F("recall_from_days")),
                "Recall: it ends after it begins.",
            ),
            _rule(
                "within_bounds",
                Q(active_days__gte=1, missed_days__gte=1, no_answer_days__gte=1)
                & Q(will_think_days__gte=1, lists_up_to__range=(1, LEAST)),
                "Days are 1 or more.",
            ),
        ]

    def __str__(self) -> str:
        return f"thresholds of {self.clinic}"

    @property
    def limits(self) -> Limits:
        """The same for scoring."""
        return Limits(**{each.name: getattr(self, each.name) for each in fields(Limits)})


def thresholds_of(clinic: Clinic) -> Thresholds:
    """Return what the clinic has said; the usual where it has said nothing."""
    found = Thresholds.objects.filter(clinic=clinic).first()
    return found or Thresholds(organization_id=clinic.organization_id, clinic=clinic)


class CallList(models.Model):
    """How current a clinic's list is; made when somebody first looks at it. Its row is locked while
    the list is worked on."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    clinic = models.OneToOneField(
        Clinic, on_delete=models.CASCADE, primary_key=True, related_name="call_list"
    )
    refreshed_at = models.DateTimeField(null=True)
    #: The clinic's own date that it is for.
    refreshed_on = models.DateField(null=True)
    looked_at = models.DateTimeField(default=utc_now)
    #: When the next night's refresh is due; None where nobody has looked for weeks.
    due_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        db_table = "outreach_lists"

    def __str__(self) -> str:
        return f"as of {self.refreshed_at}"


class Status(models.TextChoices):
    """Where a call stands."""

    OPEN = "open", "To be called"
    DONE = "done", "Called"
    #: They booked before anybody called, or while somebody did.
    BOOKED = "booked", "Booked by themselves"
    #: By the facts of today nobody needs to call any more.
    DROPPED = "dropped", "Not needed any more"


#: Statuses in which an outcome can be given: who books on the telephone closes the call sooner
#: than a person can say so.
TAKES_OUTCOME = (Status.OPEN, Status.BOOKED)


class CallTask(models.Model):
    """One patient to be called, why, and what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    # Without an index of its own: those that lead with the clinic do.
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="call_tasks", db_index=False
    )
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="call_tasks")
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    priority = models.PositiveSmallIntegerField()
    engagement = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in Engagement]
    )
    risk = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Risk])
    #: [{"code", "numbers"}], as wording.py reads them.
    reasons = models.JSONField(default=list)
    #: The order of the list: by priority, then whoever had contact last.
    place = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=utc_now, editable=False)
    changed_at = models.DateTimeField(default=utc_now, editable=False)
    #: The clinic's date before which it is not on the list: somebody put it off.
    not_before = models.DateField(null=True, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    note = EncryptedCharField(max_length=500, blank=True)
    #: When it ceased to be open, whoever did that.
    closed_at = models.DateTimeField(null=True, blank=True)
    called_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    called_by_key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, related_name="+")
    #: The clinic's date from which the patient may be listed again; None of an outcome: for good,
    #: or while the number is the wrong one.
    again_on = models.DateField(null=True, blank=True)
    #: Of a wrong number: the keyed hash of the numbers that were wrong.
    wrong_numbers = models.CharField(max_length=80, blank=True, editable=False)

    #: What showing.py puts beside a call that is shown; not in the table.
    facts: Facts
    last: CallTask | None

    class Meta:
        db_table = "outreach_tasks"
        verbose_name = "call"
        verbose_name_plural = "whom to call today"
        constraints = [
            models.UniqueConstraint(
                fields=["patient"], condition=Q(status=Status.OPEN), name="one_open_call"
            ),
            models.CheckConstraint(
                condition=(
                    Q(status=Status.DONE, closed_at__isnull=False)
                    & ~Q(outcome="")
                    & (
                        Q(called_by__isnull=False, called_by_key=None)
                        | Q(called_by=None, called_by_key__isnull=False)
                    )
                )
                | (~Q(status=Status.DONE) & Q(outcome="", called_by=None, called_by_key=None)),
                name="outcome_has_time_and_person",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.OPEN, closed_at=None)
                | (~Q(status=Status.OPEN) & Q(closed_at__isnull=False)),
                name="open_call_is_not_closed",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=["", *Outcome.values])
                & Q(status__in=Status.values, priority__range=(1, LEAST)),
                name="call_within_bounds",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "place", "id"],
                condition=Q(status=Status.OPEN),
                name="call_list",
            ),
            # For contact, conversion, and what was done today.
            models.Index(
                fields=["clinic", "closed_at"],
                condition=~Q(status=Status.OPEN),
                name="call_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_status_display()}, priority {self.priority}"

    @property
    def why(self) -> list[Reason]:
        """The reasons, as scoring gave them."""
        return from_json(self.reasons)

    @property
    def told_why(self) -> list[str]:
        """The same in words."""
        return [words(each) for each in self.why]

    @property
    def next_step(self) -> str:
        """What to try."""
        return next_step(self.why)
