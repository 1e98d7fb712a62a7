"""The pages of a step, the next one fetched while the last is being stored."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from django.db import connection

from integrations.contract import Adapter
from integrations.queries import Feed, Page

Clock = Callable[[], datetime]


def pages(
    adapter: Adapter, feed: Feed, position: str, clock: Clock, goes_on: Callable[[], bool]
) -> Iterator[Page]:
    """Yield the pages from a position on; whatever reading raises comes after the last good one.

    Before each further page is fetched, `goes_on` says whether there is time for it: what is
    fetched is always yielded, so that no call is made for nothing.
    Only one page is ever ahead of the one that is worked on, so memory stays as it is however long
    the list, and a crash costs one call at most. The thread that fetches has a database connection
    of its own, for what the call's guard counts, and closes it.
    """
    page = adapter.page(feed, position, clock())
    if not page.next:
        yield page
        return
    with ThreadPoolExecutor(1, thread_name_prefix="page") as thread:
        try:
            while page.next and goes_on():
                scope = contextvars.copy_context()
                ahead: Future[Page] = thread.submit(
                    scope.run, adapter.page, feed, page.next, clock()
                )
                yield page
                page = ahead.result()
            yield page
        finally:
            thread.submit(_close_connection)


def _close_connection() -> None:
    """Close the connection of the thread that runs this."""
    connection.close()
