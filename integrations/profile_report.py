"""The guided check of a profile: what is offered, set, suggested and missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from integrations.contract import Term
from integrations.profile_model import LIST_NAMES, WORD_LISTS, Profile
from integrations.profiles import missing
from integrations.session import system_of

#: What a PMS's words for these look like in the systems that we know of, the likeliest first.
_LOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    # Where a PMS wants to know why, the one that says least.
    "cancel_word": (r"cancel.*\bother\b", r"cancel", r"broken"),
    "no_show_word": (r"no[ _-]?show", r"did not (come|arrive)", r"missed", r"broken"),
    "confirmed_word": (r"(?<!un)(?<!not )confirm",),
    "arrived_word": (r"\barrived", r"\bchecked[ _-]?in", r"\bhere\b"),
    "note_type": (r"clinical", r"treatment"),
}


def suggestions(profile: Profile) -> dict[str, Term]:
    """Return what looks like the word for each field that has none, for people to judge.

    Nothing of it is ever taken by itself: a word may mean otherwise in this practice.
    """
    found = {}
    for field, looks in _LOOKS.items():
        offered = profile.offers(WORD_LISTS[field]) or ()
        fitting = (
            term
            for look in looks
            for term in offered
            if re.search(look, f"{term.value} {term.label}", re.IGNORECASE)
        )
        if not getattr(profile, field) and (term := next(fitting, None)):
            found[field] = term
    return found


def report(profile: Profile) -> dict[str, Any]:
    """Return the whole check as JSON: what is offered, set, suggested and missing."""
    gaps = missing(profile)
    return {
        "clinic": str(profile.integration.clinic_id),
        "pms": profile.integration.pms,
        "read_at": profile.vocabulary_read_at and profile.vocabulary_read_at.isoformat(),
        "checked_at": profile.checked_at and profile.checked_at.isoformat(),
        "operations": sorted(system_of(profile.integration).operations),
        "offers": {
            name: [{"value": term.value, "label": term.label} for term in offered]
            for name in LIST_NAMES
            if (offered := profile.offers(name)) is not None
        },
        "unread": profile.vocabulary.get("unread", {}),
        "set": {
            "default_practitioner": profile.default_practitioner_id
            and str(profile.default_practitioner_id),
            "default_operatory": profile.default_operatory_id and str(profile.default_operatory_id),
            "appointment_types": profile.appointment_types,
            **{field: getattr(profile, field) or None for field in WORD_LISTS},
            "currency": profile.currency or None,
            "longest_note": profile.longest_note,
            "hours": profile.hours,
            "practitioner_hours": profile.practitioner_hours,
            "closures": profile.closures,
            "checks_slots": profile.checks_slots,
            "can_update_patients": profile.can_update_patients,
        },
        "suggestions": {field: term.value for field, term in suggestions(profile).items()},
        "missing": [asdict(gap) | {"code": gap.code} for gap in gaps],
        "is_complete": not any(gap.blocks for gap in gaps),
    }
