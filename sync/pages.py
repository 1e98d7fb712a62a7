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
) -> Iterator[tuple[Page, datetime]]:
    """Yield the pages from a position on, each with when it was asked for; whatever reading raises
    comes after the last good one.

    Before each further page is fetched, `goes_on` says whether there is time for it: what is
    fetched is always yielded, so that no call is made for nothing.
    Only one page is ever ahead of the one that is worked on, so memory stays as it is however long
    the list, and a crash costs one call at most. The thread that fetches has a database connection
    of its own, for what the call's guard counts, and closes it.
    """
    asked_at = clock()
    page = adapter.page(feed, position, asked_at)
    if not page.next:
        yield page, asked_at
        return
    with ThreadPoolExecutor(1, thread_name_prefix="page") as thread:
        try:
            while page.next and goes_on():
                scope = contextvars.copy_context()
                next_asked_at = clock()
                ahead: Future[Page] = thread.submit(
                    scope.run, adapter.page, feed, page.next, next_asked_at
                )
                yield page, asked_at
                page, asked_at = ahead.result(), next_asked_at
            yield page, asked_at
        finally:
            thread.submit(_close_connection)


def _close_connection() -> None:
    """Close the connection of the thread that runs this."""
    connection.close()
