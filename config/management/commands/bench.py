"""`manage.py bench budget`: how many calls a second can be counted, durably, on this machine."""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import os
import random
import signal
import threading
import time
import uuid
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config import startup
from config.embedded import EmbeddedError, EmbeddedServices, erase, urls
from integrations.contract import Limit, Priority, Scope
from integrations.http.budget import Counter, take
from tenancy import scope

#: The floor: the least that a counter which is exact and durable costs in PostgreSQL.
RAW = """
    INSERT INTO bench_counters AS c (key, used) VALUES (%s, 1)
    ON CONFLICT (key) DO UPDATE SET used = c.used + 1 WHERE c.used < %s RETURNING used
"""
RAW_TABLE = """
    CREATE TABLE IF NOT EXISTS bench_counters (key varchar(80) PRIMARY KEY, used integer NOT NULL)
"""
#: No limit is reached: a refusal costs less, as it writes nothing.
CALLS = 1_000_000_000
MINUTE, HOUR, DAY = 60, 3600, 86_400
KEYS = (1, 100)
#: What is measured takes turns this often, so that whatever else the machine does hits all alike.
ROUNDS = 30

#: Where the processes wait for each other.
together: threading.Barrier
#: Counts one call of the key with this number.
Contender = Callable[[int], object]


class Command(BaseCommand):
    help = (
        "Measure budget decisions a second, beside a single counter statement and the library "
        "`limits` on Valkey. Runs on servers of its own, which it deletes."
    )
    # Some checks ask the database, which this command does not use.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["budget"])
        parser.add_argument(
            "--seconds", type=float, default=3.0, help="for each figure (%(default)s)"
        )
        parser.add_argument("--processes", type=int, default=4, help="(%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        processes, seconds = options["processes"], options["seconds"]
        if processes < 1 or seconds <= 0:
            raise CommandError("--processes and --seconds must be more than 0")
        self.stdout.write(
            f"{processes} processes, {seconds:g} s for each figure, {os.cpu_count()} CPUs; "
            "PostgreSQL with fsync, Valkey with fsync once a second"
        )
        if find_spec("limits") is None:
            self.stdout.write("`limits` is not installed: measured without it")
        self.stdout.flush()
        try:
            with throw_away_servers():
                rates = {keys: measure(keys, processes, seconds) for keys in KEYS}
        except (EmbeddedError, startup.StartupError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped", returncode=130) from None
        self.stdout.write("\n".join(table(rates)))


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
            # The owner's, who alone may make the table of the floor.
            os.environ["DATABASE_URL"] = urls(var).owner_database
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        erase(var)


def measure(keys: int, processes: int, seconds: float) -> dict[str, float]:
    """Return how often a second each contender counted, all processes together."""
    # New interpreters, which read the addresses of the servers from the environment.
    context = multiprocessing.get_context("spawn")
    # Whoever waits for one that has failed gives up.
    barrier = context.Barrier(processes, timeout=60 + seconds)
    with context.Pool(processes, join, [barrier]) as pool:
        orders = [(number, keys, seconds / ROUNDS) for number in range(processes)]
        results = pool.starmap(hammer, orders, chunksize=1)
    return {name: sum(result[name] for result in results) for name in results[0]}


def join(barrier: threading.Barrier) -> None:
    """Make a new process one of ours."""
    global together
    together = barrier
    # Ctrl-C reaches all of them; the command ends its pool by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    django.setup()


def hammer(number: int, keys: int, seconds: float) -> dict[str, float]:
    """Let the contenders take turns, each for so long; returns how often a second each counted."""
    with connection.cursor() as cursor:
        if number == 0:
            cursor.execute(RAW_TABLE)
    together.wait()
    chance = random.Random(number)  # noqa: S311
    counts: dict[str, int] = defaultdict(int)
    spent: dict[str, float] = defaultdict(float)
    chosen = contenders()
    for count in chosen.values():
        for key in range(keys):
            count(key)
    for _ in range(ROUNDS):
        for name, count in chosen.items():
            together.wait()
            began = now = time.perf_counter()
            while now < began + seconds:
                count(chance.randrange(keys))
                counts[name] += 1
                now = time.perf_counter()
            spent[name] += now - began
    connection.close()
    return {name: counts[name] / spent[name] for name in chosen}


def contenders() -> dict[str, Contender]:
    """What is measured, the floor first."""
    found: dict[str, Contender] = {
        "one raw counter statement": raw,
        "budget, 1 limit": budget(HOUR),
        "budget, 1 limit, in a scope": in_scope(budget(HOUR)),
        "budget, 3 limits": budget(MINUTE, HOUR, DAY),
        "budget, 3 limits, 1 shared by all": budget(HOUR, DAY, shared=MINUTE),
    }
    if find_spec("limits") is not None:
        found["limits on Valkey, 1 limit"] = peer("hour")
        found["limits on Valkey, 3 limits"] = peer("minute", "hour", "day")
    return found


def raw(key: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RAW, (f"bench:{key}", CALLS))
        cursor.fetchone()


def budget(*windows: int, shared: int | None = None) -> Contender:
    """Our own, HIGH and LOW in turn: windows of each key, and one of an application over all."""
    limits = [Limit(Scope.INTEGRATION, CALLS, seconds, reserve=50) for seconds in windows]
    over_all = []
    if shared:
        limit = Limit(Scope.APPLICATION, CALLS, shared, reserve=20)
        over_all.append(Counter("bench:application", limit))
    turns = itertools.cycle([Priority.HIGH, Priority.LOW])

    def count(key: int) -> None:
        own = [Counter(f"bench:{len(windows)}:{key}", limit) for limit in limits]
        take(own + over_all, next(turns), datetime.now(UTC))

    return count


def in_scope(count: Contender) -> Contender:
    """The same for one tenant, as a worker does it: the scope goes with the statement."""
    tenant = uuid.uuid4()

    def count_for_one(key: int) -> None:
        with scope.organizations(tenant):
            count(key)

    return count_for_one


def peer(*windows: str) -> Contender:
    """The library `limits`: fixed windows too, one after the other, none given back."""
    limits: Any = importlib.import_module("limits")
    storage: Any = importlib.import_module("limits.storage")
    strategy = limits.strategies.FixedWindowRateLimiter(storage.RedisStorage(settings.REDIS_URL))
    items = [limits.parse(f"{CALLS}/{window}") for window in windows]

    def count(key: int) -> bool:
        return all(strategy.hit(item, f"bench:{key}") for item in items)

    return count


def table(rates: dict[int, dict[str, float]]) -> Iterator[str]:
    """The figures, and what share of the floor each is."""
    heads = [f"{keys} key{'s' if keys > 1 else ''}" for keys in rates]
    yield "".join([f"{'decisions a second':<36}", *(f"{head:>10}{'ratio':>8}" for head in heads)])
    columns = list(rates.values())
    floor = next(iter(columns[0]))
    for name in columns[0]:
        figures = (f"{rate[name]:>10,.0f}{rate[name] / rate[floor]:>8.2f}" for rate in columns)
        yield "".join([f"{name:<36}", *figures])
