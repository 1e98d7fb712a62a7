"""Database work for what lives in the event loop: in few threads, each giving its connection back.

A socket or stream is open for hours, and a web process has a handful of connections to the
database. So nothing holds one for longer than a look takes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

from asgiref.sync import sync_to_async
from django.db import connection

from tenancy import scope

T = TypeVar("T")

#: Fewer than a web process has connections: requests need some too.
THREADS: Final = 4
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live")


async def looked_up(work: Callable[..., T], *arguments: Any) -> T:
    """Do this in a thread, beginning without any access, and return what it returns."""
    todo = partial(_alone, work, *arguments)
    return await sync_to_async(todo, thread_sensitive=False, executor=_threads)()


def _alone(work: Callable[..., T], *arguments: Any) -> T:
    try:
        with scope.within(scope.NOTHING):
            return work(*arguments)
    finally:
        connection.close()  # to the pool, where there is one
