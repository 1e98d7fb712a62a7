"""Find patients by what a person types: exact values, since the database holds only ciphertext."""

from __future__ import annotations

import re
from datetime import date

from django.db.models import Q, QuerySet

from clinics.identity import normal_email, normal_name, normal_phone, region_of
from clinics.models import Clinic, Patient

#: What `patients` understands, for the person who types.
HELP = (
    "In full: a telephone number, an e-mail address, a name with its birth date "
    "(Ada Invented 1980-01-31), or the PMS's id"
)
_NAME_AND_DATE = re.compile(r"(.*\S)\s+(\d{4}-\d{2}-\d{2})", re.DOTALL)


def patients(queryset: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """Narrow patients to those whom the text names exactly; HELP says how. "" names none.

    A telephone number without its country's code is tried in the country of each clinic. Who is no
    more in the PMS is not found.
    """
    text = text.strip()
    if not text:
        return queryset.none()
    # A PMS's id may look like anything.
    named = Q(external_id=text)
    if "@" in text:
        named |= Q(email_index=_hashed("email_index", normal_email(text)))
    elif found := _NAME_AND_DATE.fullmatch(text):
        if normal := normal_name(found[1], _date(found[2])):
            named |= Q(name_index=_hashed("name_index", normal))
    else:
        zones = Clinic.objects.order_by().values_list("timezone", flat=True).distinct()
        numbers = {normal_phone(text, region) for region in {region_of(zone) for zone in zones}}
        for index in ("phone_index", "other_phone_index"):
            if hashes := [_hashed(index, number) for number in sorted(numbers - {""})]:
                named |= Q(**{f"{index}__in": hashes})
    return queryset.filter(named, removed_at=None)


def _hashed(index: str, normal: str) -> str:
    hashed: str = Patient._meta.get_field(index).hashed(normal)  # type: ignore[union-attr]
    return hashed


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
