"""What Frontdesk asks of an integration's profile, and how the PMS's lists get into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.text import capfirst

from clinics.models import AppointmentStatus, Operatory, Practitioner
from integrations import timetable
from integrations.contract import Priority, Vocabulary
from integrations.models import Integration
from integrations.profile_model import LIST_NAMES, WORD_LISTS, Profile
from integrations.queries import Resource
from integrations.session import open_session, system_of
from integrations.system import System

#: A status that can be asked for → the field with the PMS's word for it.
STATUS_WORDS: Final[Mapping[str, str]] = {
    AppointmentStatus.CANCELLED: "cancel_word",
    AppointmentStatus.NO_SHOW: "no_show_word",
    AppointmentStatus.ARRIVED: "arrived_word",
    # FHIR has no code for it: a booked appointment that the patient has confirmed.
    "confirmed": "confirmed_word",
}
_SET_STATUS: Final = ("confirmed_word", "arrived_word", "no_show_word")

#: Operation → what it takes of the profile: field, what is the matter without, and whether nothing
#: at all can be done then, or only what the asker says everything for.
NEEDS: Final[Mapping[str, tuple[tuple[str, str, bool], ...]]] = {
    "book": (
        ("default_practitioner", "the asker has to name a practitioner each time", False),
        ("default_operatory", "the asker has to name an operatory each time", False),
        ("appointment_type", "the asker has to name the type of each appointment", False),
        ("hours", "closed and fully booked cannot be told apart", False),
    ),
    "cancel": (("cancel_word", "nobody can call an appointment off", True),),
    "set_status": (
        ("confirmed_word", "nobody can mark an appointment as confirmed", False),
        ("arrived_word", "nobody can mark a patient as arrived", False),
        ("no_show_word", "nobody can mark a patient as not come", False),
    ),
    "create_patient": (
        ("default_practitioner", "the asker has to name a practitioner each time", False),
    ),
    "add_note": (
        ("note_type", "the asker has to name the type of each note", False),
        ("longest_note", "a note that is too long is refused by the PMS only", False),
    ),
    "record_payment": (
        ("currency", "no payment can be recorded", True),
        ("payment_type", "the asker has to name the type of each payment", False),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What an operation lacks in a profile."""

    operation: str
    field: str
    #: not_set, not_offered (any more) or inactive.
    reason: str
    #: For people, as a sentence.
    words: str
    #: Whether the operation cannot be done at all.
    blocks: bool

    @property
    def code(self) -> str:
        """For programs: cancel_word_not_set."""
        return f"{self.field}_{self.reason}"

    @property
    def title(self) -> str:
        """The operation, for people."""
        return self.operation.replace("_", " ")


def profile_of(integration: Integration) -> Profile:
    """Return its profile; one that is not saved, with nothing set, where there is none."""
    found = Profile.objects.filter(integration=integration).select_related(
        "default_practitioner", "default_operatory"
    )
    profile = found.first() or Profile(organization_id=integration.organization_id)
    profile.integration = integration
    return profile


def start_profile(integration: Integration) -> Profile:
    """Return its profile, saved with nothing set where there was none."""
    profile, _ = Profile.objects.get_or_create(
        integration=integration, defaults={"organization_id": integration.organization_id}
    )
    profile.integration = integration
    return profile


def read_vocabulary(
    integration: Integration,
    clock: Callable[[], datetime],
    *,
    priority: Priority = Priority.LOW,
    deadline: datetime | None = None,
    timeout: tuple[float, float] | None = None,
) -> Profile:
    """Ask the PMS for its lists, keep them in the profile, and return that.

    Chooses nothing. No call starts after the deadline, and none takes longer than the timeout (in
    seconds, to connect and to read). Raises a PmsError where the PMS does not answer; then the
    lists of before stay. Of two readings the one that began later stays.
    """
    started = clock()
    session = open_session(
        integration,
        priority,
        clock,
        correlation="read_vocabulary",
        deadline=deadline,
        timeout=timeout,
    )
    read = as_json(session.adapter.vocabulary())
    profile = start_profile(integration)
    older = Q(vocabulary_read_at=None) | Q(vocabulary_read_at__lt=started)
    Profile.objects.filter(older, pk=profile.pk).update(vocabulary=read, vocabulary_read_at=started)
    return profile_of(integration)


def as_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the lists as a profile keeps them: pairs of value and label, by the list's name."""
    return {
        name: dict(found) if name == "unread" else [[term.value, term.label] for term in found]
        for name, found in ((each, getattr(vocabulary, each)) for each in (*LIST_NAMES, "unread"))
    }


# --- What the rest of Frontdesk asks -------------------------------------------------------------


def status_word(profile: Profile, status: str) -> str | None:
    """Return the PMS's word for cancelled, noshow, arrived or confirmed.

    None where nobody chose one, or the PMS does not offer it any more. Raises ValueError for any
    other status.
    """
    field = STATUS_WORDS.get(status)
    if field is None:
        raise ValueError(f"No word is kept for {status}.")
    return word(profile, field)


def takes(profile: Profile, operation: str) -> bool:
    """Return whether the practice's own system does this, where that depends on the system."""
    if operation not in profile.integration.manifest.per_system:
        return True
    return operation == "update_patient" and profile.can_update_patients


def word(profile: Profile, field: str) -> str | None:
    """Return what a field of words says, note_type for one; None where it is of no use."""
    value: str = getattr(profile, field)
    return value if value and profile.takes(WORD_LISTS[field], value) else None


def appointment_type(profile: Profile, ours: str) -> str | None:
    """Return the PMS's value for our word; None where there is none that it offers."""
    value = next(
        (each for key, each in profile.appointment_types.items() if _same(key, ours)), None
    )
    return value if value and profile.takes("appointment_types", value) else None


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.strip().casefold()


def default_practitioner(profile: Profile) -> Practitioner | None:
    """Return whose a booking is when nobody is named; None where that is not said, or not active
    any more."""
    chosen = profile.default_practitioner
    return chosen if chosen and chosen.is_active else None


def default_operatory(profile: Profile) -> Operatory | None:
    """Return where a booking is when no operatory is named; None where that is not said."""
    return profile.default_operatory


def has_operatories(system: System) -> bool:
    """Return whether a practice's PMS keeps chairs or rooms at all."""
    return Resource.OPERATORIES in system.lists


def open_intervals(
    profile: Profile, practitioner: Practitioner | None, local_date: date, zone: ZoneInfo
) -> list[tuple[datetime, datetime]] | None:
    """Return when the practitioner works on a date of the site's calendar, or for None when the
    clinic is open: in UTC, in order, without overlaps.

    [] is closed. None is unknown: nobody has said, which is neither open nor closed.
    """
    key = str(practitioner.pk) if practitioner else ""
    if timetable.is_closed(profile.closures, local_date, key):
        return []
    hours = profile.practitioner_hours.get(key) or profile.hours
    return timetable.spans_of(hours, local_date, zone) if hours else None


# --- What is missing ----------------------------------------------------------------------------


def missing(profile: Profile, operations: Iterable[str] | None = None) -> list[Gap]:
    """Return what each of these operations lacks, by default of all that the practice's PMS does;
    what cannot be done without stands first."""
    system = system_of(profile.integration)
    asked = system.operations if operations is None else set(operations)
    gaps = [
        gap
        for operation in sorted(asked)
        for gap in _gaps(profile, operation, _needs(profile, operation, system))
    ]
    return sorted(gaps, key=lambda gap: not gap.blocks)


def _needs(profile: Profile, operation: str, system: System) -> Iterable[tuple[str, str, bool]]:
    """Yield what an operation takes of a profile, as far as this PMS wants it."""
    wanted = {
        "default_operatory": has_operatories(system),
        "appointment_type": profile.integration.manifest.books_by_type
        or bool(profile.appointment_type),
    }
    return (need for need in NEEDS.get(operation, ()) if wanted.get(need[0], True))


def _gaps(
    profile: Profile, operation: str, needs: Iterable[tuple[str, str, bool]]
) -> Iterable[Gap]:
    marks_nothing = not any(word(profile, field) for field in _SET_STATUS)
    for field, consequence, blocks in needs:
        if reason := _unusable(profile, field):
            yield Gap(
                operation=operation,
                field=field,
                reason=reason,
                words=f"{_complaint(profile, field, reason)}: {consequence}.",
                blocks=blocks or (operation == "set_status" and marks_nothing),
            )
    if operation == "book":
        for ours, value in profile.appointment_types.items():
            if not profile.takes("appointment_types", value):
                yield Gap(
                    operation=operation,
                    field="appointment_types",
                    reason="not_offered",
                    words=f"The PMS does not offer “{value}” any more: nobody can book “{ours}”.",
                    blocks=False,
                )


def _unusable(profile: Profile, field: str) -> str:
    """Return why a field is of no use; empty where it is."""
    value = getattr(profile, field)
    if not value:
        return "not_set"
    if field in WORD_LISTS and word(profile, field) is None:
        return "not_offered"
    if field == "default_practitioner" and not value.is_active:
        return "inactive"
    return ""


def _complaint(profile: Profile, field: str, reason: str) -> str:
    name = str(Profile._meta.get_field(field).verbose_name)  # type: ignore[union-attr]
    value = getattr(profile, field)
    return {
        "not_set": f"No {name} is set",
        "not_offered": f"{capfirst(name)} is “{value}”, which the PMS does not offer any more",
        "inactive": f"{capfirst(name)} is {value}, who is not active any more",
    }[reason]
