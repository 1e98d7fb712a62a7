"""Take over what a newly connected PMS holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice

from django.utils import timezone

from clinics.models import Location
from clinics.records import PmsRecord, Unreadable
from clinics.services import Stored, store
from integrations.contract import Priority
from integrations.models import Integration, IntegrationStatus
from integrations.session import open_session

logger = logging.getLogger(__name__)

#: Records stored in one transaction.
BATCH = 500
#: Which appointments are taken over: a week back, as the regular sync does, and the coming weeks.
DAYS_BACK, DAYS_AHEAD = 7, 60

Progress = Callable[[str, Stored], None]


def import_all(integration: Integration, progress: Progress | None = None) -> dict[str, Stored]:
    """Store every record of the clinic's PMS; `progress` hears of each kind when it is done.

    Safe to repeat: what has not changed is not written. Raises a PmsError where the PMS stops
    answering; what was stored until then stays. A record that cannot be kept stops no other.
    """
    adapter = open_session(integration, Priority.LOW, correlation="import").adapter
    counts: dict[str, Stored] = {}

    def take(kind: str, records: Iterator[PmsRecord | Unreadable]) -> None:
        counts[kind] = Stored()
        while batch := list(islice(records, BATCH)):
            good = [record for record in batch if isinstance(record, PmsRecord)]
            counts[kind] += store(integration.clinic, good, now=timezone.now())
            for record in batch:
                if isinstance(record, Unreadable):
                    counts[kind] += Stored(unreadable=1)
                    logger.warning(
                        "integration %s: one of its %s %s", integration.pk, kind, record.reason
                    )
        if progress:
            progress(kind, counts[kind])

    take("locations", adapter.locations())
    take("practitioners", adapter.practitioners())
    take("operatories", adapter.operatories())
    take("patients", adapter.patients())
    zones = dict(
        Location.objects.filter(clinic=integration.clinic).values_list("external_id", "timezone")
    )
    today = timezone.now().astimezone(integration.clinic.zone).date()
    first, last = today - timedelta(DAYS_BACK), today + timedelta(DAYS_AHEAD)
    take("appointments", adapter.appointments(first, last, zones))
    done = Integration.objects.filter(pk=integration.pk)
    done.update(status=IntegrationStatus.ACTIVE, error_message="")
    done.filter(imported_at=None).update(imported_at=timezone.now())
    return counts
