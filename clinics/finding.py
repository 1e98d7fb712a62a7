"""Find a clinic by what people call it: its name, or the start of its id."""

from __future__ import annotations

import re
from typing import Final

from django.db.models import Q

from clinics.models import Clinic

#: Names and ids that a message shows.
SHOWN: Final = 10
_START_OF_ID: Final = re.compile(r"[0-9a-fA-F-]{4,36}")


class NotFound(LookupError):
    """It is no clinic's name, or that of several; the message says what there is."""


def clinic_called(text: str) -> Clinic:
    """Return the clinic of this name, or whose id begins so. Raises NotFound."""
    found = list(Clinic.objects.filter(Q(name__iexact=text))[:SHOWN])
    if not found and _START_OF_ID.fullmatch(text):
        found = list(Clinic.objects.filter(pk__istartswith=text)[:SHOWN])
    if not found:
        names = ", ".join(Clinic.objects.order_by("name").values_list("name", flat=True)[:SHOWN])
        raise NotFound(f"There is no clinic {text!r}. There are: {names or 'none yet'}.")
    if len(found) > 1:
        ids = ", ".join(str(each.pk) for each in found)
        raise NotFound(f"{text!r} is the name of several: {ids}. Write the id of one.")
    return found[0]
