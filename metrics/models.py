"""A clinic's numbers: days and hours added up, what has to be added up anew, and what was told.

The rollups follow from the appointments alone and can be made anew at any time; nothing here holds
a patient's data but the ids in `Touched`, which live for moments.
"""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.timezone import now as utc_now

from clinics.models import Clinic, Organization


class OfClinic(models.Model):
    """What every row here has: its tenant and its clinic."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        abstract = True


class ClinicDay(OfClinic):
    """One date of a clinic's own calendar, by when appointments start."""

    date = models.DateField()
    #: Every appointment that stands or was kept or missed; neither cancelled nor proposed.
    bookings = models.PositiveIntegerField(default=0)
    #: Of those: arrived, checked in or fulfilled.
    attended = models.PositiveIntegerField(default=0)
    #: Of those: nobody came.
    missed = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    #: Patients whose first visit, kept or booked, is on this date.
    new_patients = models.PositiveIntegerField(default=0)
    #: Patients who become active on this date, and who cease to be: their last visit is too long
    #: ago. The sum of one less the other up to a date is how many are active then.
    gained = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "clinic_metrics"
        constraints = [
            models.UniqueConstraint(fields=["clinic", "date"], name="clinic_day_once"),
            models.CheckConstraint(
                condition=Q(attended__lte=models.F("bookings") - models.F("missed")),
                name="clinic_day_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date}: {self.bookings} bookings"


class BookingHour(OfClinic):
    """The bookings of one hour of a clinic's date; an hour that comes twice is one."""

    date = models.DateField()
    hour_of_day = models.PositiveSmallIntegerField()
    #: 0 is Monday.
    day_of_week = models.PositiveSmallIntegerField()
    booking_count = models.PositiveIntegerField()

    class Meta:
        db_table = "booking_trends"
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "date", "hour_of_day"], name="booking_hour_once"
            ),
            models.CheckConstraint(
                condition=Q(hour_of_day__lte=23, day_of_week__lte=6, booking_count__gte=1),
                name="booking_hour_within_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.hour_of_day}:00: {self.booking_count}"


class Touched(OfClinic):
    """A visit that has come, gone or changed, written by a trigger beside the appointment's change.

    The moment, and not the date: that follows from the clinic's time zone, which may change before
    this is worked off. There is no rule that there be one of each: a row that is just being worked
    off would swallow a later change.
    """

    starts_at = models.DateTimeField()
    patient_id = models.UUIDField(null=True)

    class Meta:
        db_table = "metrics_touched"
        indexes = [models.Index(fields=["clinic"], name="touched_of_clinic")]

    def __str__(self) -> str:
        return f"{self.starts_at}"


class Standing(OfClinic):
    """How far a clinic's numbers have come; its row is locked while they are worked on."""

    clinic = models.OneToOneField(
        Clinic, on_delete=models.CASCADE, primary_key=True, related_name="metrics_standing"
    )
    #: Rises with all that is told to who watches; never falls.
    version = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(null=True, help_text="When the numbers last changed.")
    #: All of it has to be added up anew: new definitions, another time zone, or a first time.
    is_outdated = models.BooleanField(default=True)
    rebuilt_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(
        default=utc_now,
        help_text="When something changes by itself: a new day begins, or the numbers are stale.",
    )

    class Meta:
        db_table = "metrics_standings"

    def __str__(self) -> str:
        return f"version {self.version}"


class Told(OfClinic):
    """What who watches was told: the numbers of one version, kept for a while to resume from."""

    version = models.PositiveBigIntegerField()
    at = models.DateTimeField(default=utc_now)
    #: {"week": {...}, "month": {...}, "lastUpdated", "status", "insightsAt"} in the API's words.
    numbers = models.JSONField()

    class Meta:
        db_table = "metrics_told"
        constraints = [
            models.UniqueConstraint(fields=["clinic", "version"], name="told_once"),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class Weekday(models.IntegerChoices):
    """The day with which a clinic's week begins."""

    MONDAY = 0, "Monday"
    SUNDAY = 6, "Sunday"


def usual_minutes() -> dict[str, float]:
    """Return no minutes: what a clinic has not said is not counted."""
    return {}


class Preferences(OfClinic):
    """What a clinic says about how its numbers are to be counted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.OneToOneField(
        Clinic, on_delete=models.CASCADE, related_name="metrics_preferences"
    )
    week_starts_on = models.PositiveSmallIntegerField(choices=Weekday, default=Weekday.MONDAY)
    active_days = models.PositiveSmallIntegerField(
        default=365,
        validators=[MinValueValidator(30), MaxValueValidator(1100)],
        help_text="A patient is active for so many days from each visit on.",
    )
    value_per_hour = models.DecimalField(
        max_digits=9,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What an hour of treatment is worth to the clinic, in its own currency; without "
        "it no money is shown.",
    )
    currency = models.CharField(max_length=3, blank=True, help_text="ISO 4217, such as AUD.")
    minutes_saved = models.JSONField(
        default=usual_minutes,
        blank=True,
        help_text="Minutes of the front desk's time that one confirmed writeback saves, by kind: "
        '{"book": 4, "cancel": 2}.',
    )

    class Meta:
        db_table = "metrics_preferences"
        verbose_name = "preferences of metrics"
        verbose_name_plural = "preferences of metrics"

    def __str__(self) -> str:
        return f"metrics of {self.clinic}"


class Insight(OfClinic):
    """What the PMS does not track, as last worked out for a clinic."""

    clinic = models.OneToOneField(
        Clinic, on_delete=models.CASCADE, primary_key=True, related_name="metrics_insight"
    )
    #: Name → {"value", "unit", "version", "n", "enough", ...}; metrics/insights.
    figures = models.JSONField(default=dict)
    computed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=utc_now)

    class Meta:
        db_table = "metrics_insights"

    def __str__(self) -> str:
        return f"as of {self.computed_at}"
