"""Who uses Frontdesk, and our copy of what each clinic's PMS holds.

Every table of a tenant carries its organization, also where the clinic implies it: access rules
then need no join.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now as utc_now

from clinics import identity
from encryption.blind import BlindIndexField
from encryption.fields import EncryptedCharField, EncryptedDateField


def validate_timezone(name: str) -> None:
    """Refuse what is not an IANA zone name such as America/New_York.

    Also "localtime", the machine's own: Python may know it, and the database does not.
    """
    try:
        if name == "localtime":
            raise ValueError("the machine's own zone")
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValidationError(f"{name!r} is not a time zone; write it as Europe/Berlin.") from error


class User(AbstractUser):
    """A person who logs in. What they may see comes from their memberships."""

    signed_out_at = models.DateTimeField(
        null=True, editable=False, help_text="When the person last ended all of their logins."
    )

    def get_session_auth_hash(self) -> str:
        """Return what a login holds of the person: another one after a new password or sign-out."""
        return self._since_sign_out(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same by the signing keys of before."""
        return map(self._since_sign_out, super().get_session_auth_fallback_hash())

    def _since_sign_out(self, auth_hash: str) -> str:
        if self.signed_out_at is None:
            return auth_hash
        return sha256(f"{auth_hash} {self.signed_out_at.timestamp()}".encode()).hexdigest()


class Organization(models.Model):
    """The tenant: owns users, clinics and everything below them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do in their organization."""

    CLINIC_ADMIN = "clinic_admin", "Clinic admin"
    STAFF = "staff", "Staff"
    READ_ONLY = "read_only", "Read-only"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships by time."""

    def current(self, now: datetime) -> Self:
        """Return those that have not ended."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now))


class Membership(models.Model):
    """One user's role in one organization, or at some of its clinics.

    One with an end is temporary access (support, a demonstration): it says why, and stops counting
    by itself.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role)
    #: As an array, which no deletion of a clinic can empty: empty would mean all of them. It is in
    #: the row itself, so that the row's audit and policies hold for it too.
    clinics = ArrayField(
        models.UUIDField(),
        default=list,
        blank=True,
        help_text="None chosen: all of the organization's.",
    )
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="For temporary access: when it ends by itself."
    )
    reason = models.CharField(
        max_length=200, blank=True, help_text="Needed for temporary access: what it is for."
    )
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(default=utc_now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organization"],
                condition=Q(ends_at=None),
                name="membership_once",
                violation_error_message="This person has a role in this organization already.",
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | ~Q(reason=""),
                name="temporary_access_has_reason",
                violation_error_message="Say what the temporary access is for.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.label}"

    @property
    def label(self) -> str:
        """The role in words; of temporary access also that it is."""
        return f"{self.get_role_display()}, temporary" if self.ends_at else self.get_role_display()


class Clinic(models.Model):
    """One PMS account: the unit of budget, metrics and the night's time zone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="clinics")
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, validators=[validate_timezone])
    created_at = models.DateTimeField(default=utc_now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="clinic_name_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.timezone)


class RecordQuerySet(models.QuerySet):
    """Records by whether the PMS still has them."""

    def present(self) -> Self:
        """Return those that the PMS still has, as far as we know."""
        return self.filter(removed_at=None)


class Record(models.Model):
    """What every row has that mirrors one record of a PMS."""

    #: What tells a row from all others, also before it is known which it will be.
    sealed_by = ("clinic_id", "external_id")

    class SyncStatus(models.TextChoices):
        PENDING = "pending"
        SYNCING = "syncing"
        SYNCED = "synced"
        ERROR = "error"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    # Without an index of its own: those that lead with the clinic do.
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="%(class)ss", db_index=False
    )
    external_id = models.CharField(
        max_length=200, help_text="The PMS's own id; unique within its clinic."
    )
    payload_hash = models.CharField(max_length=64, editable=False, default="")
    sync_status = models.CharField(
        max_length=10, choices=SyncStatus, default=SyncStatus.SYNCED, editable=False
    )
    sync_errors = models.CharField(
        max_length=200, blank=True, editable=False, help_text="Why its newest state is not here."
    )
    last_synced_at = models.DateTimeField(null=True, editable=False)
    made_at = models.DateTimeField(
        null=True, editable=False, help_text="When it came to be in the PMS, if that tells."
    )
    changed_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was last changed in the PMS, if that tells."
    )
    removed_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was found to be no more in the PMS."
    )
    created_at = models.DateTimeField(default=utc_now, editable=False)
    updated_at = models.DateTimeField(default=utc_now, editable=False)

    objects = RecordQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(fields=["clinic", "external_id"], name="%(class)s_once"),
        ]


class Location(Record):
    """One site of a clinic. PMS times without a zone are this site's wall clock."""

    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, validators=[validate_timezone])

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)


class Practitioner(Record):
    """A clinician who treats patients."""

    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.external_id


class Operatory(Record):
    """A chair or room."""

    name = models.CharField(max_length=200)
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="operatories", db_index=False
    )

    class Meta(Record.Meta):
        verbose_name_plural = "operatories"

    def __str__(self) -> str:
        return self.name


class AppointmentType(Record):
    """A kind of visit."""

    name = models.CharField(max_length=200)
    minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text="Its usual length; empty where the PMS tells none."
    )
    is_active = models.BooleanField(default=True)
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="appointment_types", db_index=False
    )

    def __str__(self) -> str:
        return self.name


class Patient(Record):
    """A person treated at a clinic."""

    first_name = EncryptedCharField(max_length=100, blank=True)
    last_name = EncryptedCharField(max_length=100, blank=True)
    birth_date = EncryptedDateField(null=True, blank=True)
    email = EncryptedCharField(max_length=254, blank=True)
    phone = EncryptedCharField(max_length=40, blank=True)
    other_phone = EncryptedCharField(max_length=40, blank=True)
    is_active = models.BooleanField(default=True)
    guarantor_id = models.CharField(
        max_length=200, blank=True, help_text="The PMS's id of whose account the costs go to."
    )
    merged_into_id = models.CharField(
        max_length=200, blank=True, help_text="The PMS's id of whom it was merged into."
    )

    # What clinics/search.py finds a patient by.
    phone_index = BlindIndexField(normal=identity.phone_of)
    other_phone_index = BlindIndexField(normal=identity.other_phone_of)
    email_index = BlindIndexField(normal=identity.email_of)
    name_index = BlindIndexField(normal=identity.name_of)

    class Meta(Record.Meta):
        # The hash comes first: it alone leaves a row or two, whichever clinics are searched.
        indexes = [
            models.Index(fields=["phone_index", "clinic"], name="patient_phone"),
            models.Index(fields=["other_phone_index", "clinic"], name="patient_other_phone"),
            models.Index(fields=["email_index", "clinic"], name="patient_email"),
            models.Index(fields=["name_index", "clinic"], name="patient_name"),
            # For who follows the changes, page by page.
            models.Index(fields=["clinic", "updated_at", "id"], name="patient_followed"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.external_id


class AppointmentStatus(models.TextChoices):
    """FHIR R5's appointment status codes (hl7.org/fhir/valueset-appointmentstatus.html)."""

    PROPOSED = "proposed"
    PENDING = "pending"
    BOOKED = "booked"
    ARRIVED = "arrived"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NO_SHOW = "noshow"
    ENTERED_IN_ERROR = "entered-in-error"
    CHECKED_IN = "checked-in"
    WAITLIST = "waitlist"


class Appointment(Record):
    """A visit: who, with whom, where and when (UTC)."""

    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, null=True, related_name="appointments"
    )
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.PROTECT, null=True, related_name="appointments"
    )
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, null=True, related_name="appointments"
    )
    operatory = models.ForeignKey(
        Operatory, on_delete=models.PROTECT, null=True, blank=True, related_name="appointments"
    )
    appointment_type = models.ForeignKey(
        AppointmentType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="appointments",
    )
    #: What it names by ids of the PMS that we do not know yet: {"patient": "4711"}.
    unresolved = models.JSONField(default=dict, blank=True, editable=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=20, choices=AppointmentStatus)
    pms_status = models.CharField(max_length=100, blank=True, help_text="The PMS's own word.")
    description = EncryptedCharField(max_length=500, blank=True)

    class Meta(Record.Meta):
        constraints = [
            *Record.Meta.constraints,
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="appointment_ends_after_start"
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "starts_at"], name="appointment_day"),
            # For what overlaps a time: led by the end, since most visits have ended long ago.
            models.Index(fields=["clinic", "ends_at", "starts_at"], name="appointment_overlap"),
            models.Index(
                fields=["clinic"], condition=~Q(unresolved={}), name="appointment_unresolved"
            ),
            models.Index(fields=["clinic", "updated_at", "id"], name="appointment_followed"),
        ]

    def __str__(self) -> str:
        local = self.starts_at.astimezone(self.clinic.zone)
        return f"{local:%a %d %b %Y, %H:%M}"
