"""What a person would choose from the sandbox's lists for the demo's practices."""

from __future__ import annotations

from django.utils import timezone

from integrations.models import Integration, Profile
from integrations.profile_model import WORD_LISTS
from integrations.profiles import profile_of, read_vocabulary
from integrations.timetable import WEEKDAYS

#: The sandbox's own words: another practice's may be other ones.
WORDS = {
    "cancel_word": "cancelled",
    "no_show_word": "no show",
    "confirmed_word": "open.confirm",
    "arrived_word": "arrived",
    "note_type": "Clinical Note",
    "payment_type": "1",
}
TYPES = {"check-up": "Exam", "cleaning": "Hygiene", "emergency": "Emergency"}
#: When the sandbox's practices have appointments.
HOURS = {day: [["08:00", "17:00"]] for day in WEEKDAYS[:5]}


def set_up_profile(integration: Integration) -> Profile:
    """Choose for a practice that has no profile yet. Raises a PmsError where the sandbox does not
    answer. What it does not offer stays not set."""
    if (profile := profile_of(integration)).checked_at:
        return profile
    profile = read_vocabulary(integration, timezone.now)
    for field, value in WORDS.items():
        if profile.takes(WORD_LISTS[field], value):
            setattr(profile, field, value)
    profile.appointment_types = {
        ours: value for ours, value in TYPES.items() if profile.takes("appointment_types", value)
    }
    profile.currency = "USD"
    profile.hours = HOURS
    profile.checked_at = timezone.now()
    profile.full_clean()
    profile.save()
    return profile
