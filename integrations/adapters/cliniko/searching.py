"""Whom Cliniko is asked for, and whether an answer is one of them. Pure functions."""

from __future__ import annotations

from clinics.records import PatientRecord
from integrations.queries import PatientQuery


def filters(query: PatientQuery) -> list[str]:
    """Return the filters for a query; none where Cliniko cannot be asked for that.

    It has no filter for telephone numbers.
    """
    if query.email.strip():
        return [f"email:={query.email.strip()}"]
    if query.first_name.strip() and query.last_name.strip() and query.birth_date:
        return [
            f"first_name:={query.first_name.strip()}",
            f"last_name:={query.last_name.strip()}",
            f"date_of_birth:={query.birth_date.isoformat()}",
        ]
    return []


def fits(query: PatientQuery, record: PatientRecord) -> bool:
    """Return whether a patient is one that was asked for.

    A filter that was passed over must not show somebody else.
    """
    if query.email.strip():
        return _same(query.email, record.email)
    return (
        record.birth_date == query.birth_date
        and _same(query.first_name, record.first_name)
        and _same(query.last_name, record.last_name)
    )


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
