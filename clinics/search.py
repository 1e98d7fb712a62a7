"""Find patients by what a person types: exact values, since the database holds only ciphertext."""

from __future__ import annotations

import re
from collections.abc import Iterable
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
        named |= _with_email(text)
    elif found := _NAME_AND_DATE.fullmatch(text):
        named |= _with_name(found[1], _date(found[2]))
    else:
        zones = Clinic.objects.order_by().values_list("timezone", flat=True).distinct()
        named |= _with_phone(text, {region_of(zone) for zone in zones})
    return queryset.filter(named, removed_at=None)


def known_by(
    clinic: Clinic,
    *,
    phone: str = "",
    email: str = "",
    name: str = "",
    birth_date: date | None = None,
) -> QuerySet[Patient]:
    """Return the clinic's patients with this number, with this address, or of this name and birth
    date; whichever is not empty. Who is no more in the PMS is not found.

    Raises ValueError for what nobody can be found by: text that is no number, or no name.
    """
    if phone:
        named = _with_phone(phone, [region_of(clinic.timezone)])
    elif email:
        named = _with_email(email)
    else:
        named = _with_name(name, birth_date)
    if not named:
        raise ValueError("nothing to find anybody by")
    return Patient.objects.filter(named, clinic=clinic, removed_at=None)


def _with_phone(text: str, regions: Iterable[str]) -> Q:
    """Return what is true of who has this number, in one of the countries; empty for no number."""
    numbers = {normal_phone(text, region) for region in regions} - {""}
    named = Q()
    for index in ("phone_index", "other_phone_index"):
        if hashes := [_hashed(index, number) for number in sorted(numbers)]:
            named |= Q(**{f"{index}__in": hashes})
    return named


def _with_email(text: str) -> Q:
    normal = normal_email(text)
    return Q(email_index=_hashed("email_index", normal)) if normal else Q()


def _with_name(name: str, birth_date: date | None) -> Q:
    normal = normal_name(name, birth_date)
    return Q(name_index=_hashed("name_index", normal)) if normal else Q()


def _hashed(index: str, normal: str) -> str:
    hashed: str = Patient._meta.get_field(index).hashed(normal)  # type: ignore[union-attr]
    return hashed


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
