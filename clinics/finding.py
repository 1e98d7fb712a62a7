"""Find rows by what people call them: a clinic by its name, and anything by the start of its id."""

from __future__ import annotations

from string import hexdigits
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from clinics.models import Clinic

#: Names and ids that a message shows.
SHOWN: Final = 10
#: Characters of an id that tell it from a name.
SHORTEST: Final = 4

M = TypeVar("M", bound=Model)


class NotFound(LookupError):
    """Nothing is called so, or several are; the message says what there is, or what to do."""


def clinic_called(text: str) -> Clinic:
    """Return the clinic of this name, or whose id begins so. Raises NotFound."""
    found = list(Clinic.objects.filter(Q(name__iexact=text))[:SHOWN])
    if not found and len(text) >= SHORTEST:
        found = list(by_start_of_id(Clinic.objects.all(), text)[:SHOWN])
    if not found:
        names = ", ".join(Clinic.objects.order_by("name").values_list("name", flat=True)[:SHOWN])
        raise NotFound(f"There is no clinic {text!r}. There are: {names or 'none yet'}.")
    if len(found) > 1:
        ids = ", ".join(str(each.pk) for each in found)
        raise NotFound(f"{text!r} is the name of several: {ids}. Write the id of one.")
    return found[0]


def one_by_id(rows: QuerySet[M], text: str, *, listed_by: str) -> M:
    """Return the row whose id begins so. Raises NotFound with the command that lists them."""
    what = rows.model._meta.verbose_name
    found = list(by_start_of_id(rows, text)[:SHOWN])
    if not found:
        raise NotFound(
            f"There is no {what} whose id begins with {text!r}; "
            f"`manage.py {listed_by}` shows those that there are."
        )
    if len(found) > 1:
        ids = ", ".join(str(each.pk) for each in found)
        raise NotFound(f"{text!r} begins several ids: {ids}. Write more of the one.")
    return found[0]


def by_start_of_id(rows: QuerySet[M], text: str) -> QuerySet[M]:
    """Return the rows whose id begins so, with or without hyphens; none for what is no id."""
    bounds = id_bounds(text)
    return rows.filter(pk__range=bounds) if bounds else rows.none()


def id_bounds(text: str) -> tuple[UUID, UUID] | None:
    """Return the first and the last id that begin so: the index of ids answers for a range."""
    digits = text.strip().replace("-", "")
    if not 0 < len(digits) <= 32 or set(digits) - set(hexdigits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
