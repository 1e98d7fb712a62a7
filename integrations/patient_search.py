"""Who is this? By our own copy of the clinic's patients first, then by its PMS itself."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from clinics import search
from clinics.models import Clinic, Patient
from clinics.records import PatientRecord
from clinics.services import store
from integrations import live
from integrations.contract import Adapter
from integrations.queries import Ability, PatientQuery

#: Patients of one answer: more share a number or an address only where it is nobody's own.
MOST: Final = 50
#: Ways to part a name into first and last ones; each costs a call, and none of them is certain.
PARTINGS: Final = 3


class Source(enum.StrEnum):
    """Who gave the answer."""

    OWN_COPY = "own_copy"
    PMS = "pms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whom:
    """Whom to look for: by a number, by an address, or by a name with birth date."""

    phone: str = ""
    email: str = ""
    name: str = ""
    birth_date: date | None = None

    @property
    def ability(self) -> Ability:
        """What a PMS has to be able to."""
        if self.phone:
            return Ability.SEARCH_BY_PHONE
        return Ability.SEARCH_BY_EMAIL if self.email else Ability.SEARCH_BY_NAME

    def queries(self) -> Iterator[PatientQuery]:
        """Yield how to ask a PMS, the likeliest first: nobody knows where a last name begins."""
        if not self.name:
            yield PatientQuery(phone=self.phone, email=self.email)
            return
        words = self.name.split()
        for count in range(1, min(PARTINGS, max(1, len(words) - 1)) + 1):
            yield PatientQuery(
                first_name=" ".join(words[:-count]),
                last_name=" ".join(words[-count:]),
                birth_date=self.birth_date,
            )


@dataclass(frozen=True, slots=True)
class Found:
    """Who was found, and by whom. Nobody by our own copy: the PMS cannot be asked that."""

    patients: list[Patient]
    source: Source


def own(clinic: Clinic, whom: Whom) -> list[Patient]:
    """Return whom our own copy knows. Raises ValueError for what nobody can be found by."""
    known = search.known_by(
        clinic,
        phone=whom.phone,
        email=whom.email,
        name=whom.name,
        birth_date=whom.birth_date,
    )
    return list(known.order_by("pk")[:MOST])


def find(clinic: Clinic, whom: Whom, clock: live.Clock) -> Found:
    """Return whom our own copy knows; where it knows nobody, whom the PMS does, once stored.

    Raises ValueError as `own` does, and what asking the PMS raises.
    """
    if patients := own(clinic, whom):
        return Found(patients, Source.OWN_COPY)
    try:
        adapter = live.adapter_for(live.integration_of(clinic), whom.ability, clock)
    except (live.NotConnected, live.NotOffered):
        return Found([], Source.OWN_COPY)
    records = _asked(adapter, whom)
    store(clinic, records, now=clock())
    rows = Patient.objects.filter(
        clinic=clinic, external_id__in=[each.external_id for each in records]
    )
    return Found(list(rows.order_by("pk")[:MOST]), Source.PMS)


def _asked(adapter: Adapter, whom: Whom) -> list[PatientRecord]:
    for query in whom.queries():
        if records := adapter.search_patients(query):
            return records
    return []
