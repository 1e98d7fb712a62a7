"""Read a list of a PMS to its end, as the sync does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from integrations.contract import Adapter
from integrations.queries import Feed, Page, Resource

#: No list of a test has more pages: one that has goes in a circle.
MOST_PAGES = 200


def pages(
    adapter: Adapter, feed: Feed, now: datetime | None = None, position: str = ""
) -> Iterator[Page]:
    """Yield every page of a list from a position on, each from what the one before told."""
    for _ in range(MOST_PAGES):
        page = adapter.page(feed, position, now or datetime.now(UTC))
        yield page
        if not page.next:
            return
        position = page.next
    raise AssertionError("a list without an end")


def records(
    adapter: Adapter, resource: Resource, now: datetime | None = None, **more: Any
) -> list[Any]:
    """Return every record of a list; `more` are further fields of the feed."""
    feed = Feed(resource=resource, **more)
    return [record for page in pages(adapter, feed, now) for record in page.records]
