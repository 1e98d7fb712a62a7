"""The numbers of one clinic and period, in the words of the API, from the rollups.

What each means is in metrics/definitions.py. None means that there is not enough data to say: a
share of nothing, or a comparison with a time of which we know only a part.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from clinics.models import Clinic
from metrics import overview
from metrics.calendar import Period
from metrics.definitions import GROUPS


def of(
    clinic: Clinic, period: Period, today: date, groups: Collection[str] = tuple(GROUPS)
) -> dict[str, Any]:
    """Return the numbers of a period, by one query; `today` is the clinic's own date."""
    return overview.of([overview.Asked(clinic.pk, period, today)], groups)[clinic.pk]
