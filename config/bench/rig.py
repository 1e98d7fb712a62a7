"""What every bench needs: throw-away servers, and processes that start together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from config import startup
from config.embedded import EmbeddedError, EmbeddedServices, erase, urls

#: Where the processes wait for each other.
together: threading.Barrier


@contextmanager
def throw_away_servers() -> Iterator[None]:
    """Let programs that start in here find an empty database, durable as the real one, and Valkey.

    On the disk where the real ones are, since a folder in memory would know no fsync.
    """
    var = Path(settings.FRONTDESK_VAR) / "bench"
    if var.exists() and not erase(var):
        raise EmbeddedError("another bench is running: wait for it to end")
    services = EmbeddedServices(var)
    before = dict(os.environ)
    try:
        with services:
            environment = startup.environment(var, services)
            os.environ.clear()
            os.environ.update(environment)
            startup.migrate(var, services, os.environ)
            # The owner's, who alone may make tables and switch triggers off.
            os.environ["DATABASE_URL"] = urls(var).owner_database
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        erase(var)


def measure(
    hammer: Callable[..., dict[str, float]], processes: int, seconds: float, *arguments: Any
) -> dict[str, float]:
    """Return how often a second each contender was done, all processes together.

    Each process calls `hammer(number, seconds, *arguments)` and returns its own rates, by name.
    """
    # New interpreters, which read the addresses of the servers from the environment.
    context = multiprocessing.get_context("spawn")
    # Whoever waits for one that has failed gives up.
    barrier = context.Barrier(processes, timeout=60 + seconds)
    with context.Pool(processes, join, [barrier]) as pool:
        orders = [(number, seconds, *arguments) for number in range(processes)]
        results = pool.starmap(hammer, orders, chunksize=1)
    return {name: sum(result[name] for result in results) for name in results[0]}


def join(barrier: threading.Barrier) -> None:
    """Make a new process one of ours."""
    global together
    together = barrier
    # Ctrl-C reaches all of them; the command ends its pool by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    django.setup()
