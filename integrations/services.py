"""Take over what a newly connected PMS holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.utils import timezone

from clinics.models import Location
from clinics.records import PmsRecord, Unreadable
from clinics.services import Stored, store
from integrations.contract import Adapter, Priority
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Feed, Page, Resource
from integrations.session import open_session

logger = logging.getLogger(__name__)

#: Which appointments are taken over: a week back, as the regular sync does, and the coming weeks.
DAYS_BACK, DAYS_AHEAD = 7, 60

Progress = Callable[[str, Stored], None]


def import_all(integration: Integration, progress: Progress | None = None) -> dict[str, Stored]:
    """Store every record of the clinic's PMS; `progress` hears of each kind when it is done.

    Safe to repeat: what has not changed is not written. Raises a PmsError where the PMS stops
    answering; what was stored until then stays. A record that cannot be kept stops no other.
    """
    adapter = open_session(integration, Priority.LOW, correlation="import").adapter
    today = timezone.now().astimezone(integration.clinic.zone).date()
    counts: dict[str, Stored] = {}
    for resource in adapter.lists:
        counts[resource] = Stored()
        is_bound = resource is Resource.APPOINTMENTS
        feed = Feed(
            resource=resource,
            first=today - timedelta(DAYS_BACK) if is_bound else None,
            last=today + timedelta(DAYS_AHEAD) if is_bound else None,
            timezones=_zones(integration),
        )
        for page in _pages(adapter, feed):
            counts[resource] += _keep(integration, resource, page)
        if progress:
            progress(resource, counts[resource])
    done = Integration.objects.filter(pk=integration.pk)
    done.update(status=IntegrationStatus.ACTIVE, error_message="")
    done.filter(imported_at=None).update(imported_at=timezone.now())
    return counts


def _pages(adapter: Adapter, feed: Feed) -> Iterator[Page]:
    position = ""
    while True:
        page = adapter.page(feed, position, timezone.now())
        yield page
        if not page.next:
            return
        position = page.next


def _keep(integration: Integration, resource: Resource, page: Page) -> Stored:
    good = [record for record in page.records if isinstance(record, PmsRecord)]
    stored = store(integration.clinic, good, now=timezone.now())
    for record in page.records:
        if isinstance(record, Unreadable):
            stored += Stored(unreadable=1)
            logger.warning(
                "integration %s: one of its %s %s", integration.pk, resource, record.reason
            )
    return stored


def _zones(integration: Integration) -> dict[str, str]:
    sites = Location.objects.filter(clinic=integration.clinic)
    return dict(sites.values_list("external_id", "timezone"))
