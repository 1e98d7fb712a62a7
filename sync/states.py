"""The words of a run: what it reads, why it was made, and how it stands. Pure data."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices


class Mode(TextChoices):
    """What a run reads."""

    INCREMENTAL = "incremental", "What changed"
    COMPREHENSIVE = "comprehensive", "Everything"
    UPCOMING = "upcoming", "Today's and tomorrow's appointments"
    #: Kept for older programs; answered as deprecated.
    BASIC = "basic", "What changed (older word)"
    PATIENTS_ONLY = "patients-only", "Changed patients only"


#: Modes that are kept for older programs, each with the one to use instead.
DEPRECATED: Final = {Mode.BASIC: Mode.INCREMENTAL, Mode.PATIENTS_ONLY: Mode.INCREMENTAL}


class Trigger(TextChoices):
    """Why a run was made."""

    PERSON = "person", "A person or a program asked"
    SCHEDULE = "schedule", "Its time had come"
    NIGHT = "night", "The night's full pass"
    WEBHOOK = "webhook", "The PMS said that something changed"
    SPARE = "spare", "Calls were left over"


class Status(TextChoices):
    """How a run stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    #: For budget, for the PMS to come back, or for its own loading to end: it goes on by itself.
    WAITING = "waiting", "Waiting"
    COMPLETED = "completed", "Completed"
    #: All was read; more records seemed to have vanished than a person should not look at.
    HELD = "held", "Needs a look"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN: Final = (Status.QUEUED, Status.RUNNING, Status.WAITING)
ENDED: Final = (Status.COMPLETED, Status.HELD, Status.FAILED, Status.CANCELLED)
