"""A clinic to ask changes of over REST: people, places, a profile, and short ways to ask."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from clinics.models import Appointment, Location, Operatory, Patient, Practitioner
from integrations.models import Integration
from integrations.profile_model import Profile
from integrations.profiles import start_profile
from tests import make

_keys = itertools.count(1)

#: Every word that an operation takes of a profile.
WORDS = {
    "cancel_word": "Broken",
    "no_show_word": "No Show",
    "confirmed_word": "Confirmed",
    "arrived_word": "Here",
    "appointment_types": {"Cleaning": "12", "New patient": "15"},
    "note_type": "Clinical Note",
    "payment_type": "3",
    "currency": "USD",
    "longest_note": 40,
    "can_update_patients": True,
    "vocabulary": {
        "statuses": [[each, each] for each in ("Broken", "No Show", "Confirmed", "Here")],
        "appointment_types": [["12", "Cleaning"], ["15", "New patient"]],
        "note_types": [["Clinical Note", "Clinical Note"], ["PatNote", "PatNote"]],
        "payment_types": [["3", "Check"], ["4", "Cash"]],
        "unread": {},
    },
}


@dataclass
class Desk:
    """Somebody who asks, at one clinic."""

    client: APIClient
    integration: Integration
    patient: Patient
    practitioner: Practitioner
    operatory: Operatory
    location: Location

    @property
    def base(self) -> str:
        return f"/api/v1/clinics/{self.integration.clinic_id}"

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Response:
        """Ask under a key of its own, unless one is named."""
        headers = {"Idempotency-Key": key or f"desk {next(_keys)}"}
        address = path if path.startswith("/api/") else f"{self.base}/{path}"
        return getattr(self.client, method)(address, body, headers=headers)

    def slot(self, **fields: Any) -> dict[str, Any]:
        """A body that books half an hour, the day after tomorrow."""
        start = noon()
        values = {
            "patient": str(self.patient.pk),
            "practitioner": str(self.practitioner.pk),
            "operatory": str(self.operatory.pk),
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=30)).isoformat(),
        }
        values |= fields
        return {name: value for name, value in values.items() if value is not None}

    def appointment(self, **fields: Any) -> Appointment:
        """An appointment in our copy, in three days."""
        start = noon(3)
        values = {
            "patient": self.patient,
            "practitioner": self.practitioner,
            "operatory": self.operatory,
            "location": self.location,
            "starts_at": start,
            "ends_at": start + timedelta(minutes=30),
            "status": "booked",
        }
        return make.record(Appointment, self.integration.clinic, **(values | fields))

    def profile(self, **fields: Any) -> Profile:
        """Give the clinic a profile that has every word, with these changes."""
        profile = start_profile(self.integration)
        values = WORDS | {"vocabulary_read_at": timezone.now()} | fields
        Profile.objects.filter(pk=profile.pk).update(**values)
        profile.refresh_from_db()
        return profile


def desk(client: APIClient, integration: Integration) -> Desk:
    clinic = integration.clinic
    return Desk(
        client,
        integration,
        make.record(Patient, clinic, first_name="Ada", last_name="Invented", guarantor_id="77"),
        make.record(Practitioner, clinic, first_name="Mara", last_name="Dentist"),
        make.record(Operatory, clinic, name="Chair 1"),
        make.record(Location, clinic, name="Main street", timezone=clinic.timezone),
    )


def noon(days: int = 2) -> datetime:
    """Noon in UTC, some days from now."""
    ahead = timezone.now().astimezone(UTC) + timedelta(days=days)
    return ahead.replace(hour=12, minute=0, second=0, microsecond=0)


def code(answer: Response, status: int = 409) -> str:
    """Return the code of a refusal, which has this status."""
    assert answer.status_code == status, answer.content
    return answer.json()["error"]["code"]


def wrong(answer: Response) -> dict[str, Any]:
    """Return what is wrong with which field."""
    assert code(answer, 400) == "invalid"
    return answer.json()["error"]["details"]
