"""A pytest plugin: the tests' own PostgreSQL and Valkey, unless the environment names some.

Loaded with `-p tests.services`, so that the addresses stand in the environment before Django's
settings are read. Workers of pytest-xdist inherit the environment and start nothing.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.embedded import EmbeddedError, EmbeddedServices, erase, urls, var_folder
from config.processes import ProcessLock


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Start what is missing. A wrapper, since pytest-django's hook must come later."""
    options = early_config.known_args_namespace
    database, redis = (not os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL"))
    if (database or redis) and not (options.help or options.version):
        try:
            services = _start(database=database, redis=redis)
        except (EmbeddedError, OSError) as error:
            raise pytest.UsageError(str(error)) from error
        early_config.add_cleanup(lambda: _discard(services))
    return (yield)


def _discard(services: EmbeddedServices) -> None:
    services.stop()
    with _alone(services.layout.var.parent):
        erase(services.layout.var)


def _start(*, database: bool, redis: bool) -> EmbeddedServices:
    home = var_folder() / "test"
    home.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        _sweep(home)
        var = Path(tempfile.mkdtemp(prefix="run-", dir=home))
        services = EmbeddedServices(var, durable=False, postgres=database, valkey=redis)
        services.start()
    addresses = urls(var)
    if database:
        # The owner's, who alone may create the test database.
        os.environ["DATABASE_URL"] = addresses.owner_database
    if redis:
        os.environ["REDIS_URL"] = addresses.redis
        os.environ["CELERY_BROKER_URL"] = addresses.broker
    return services


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one run at a time make and delete folders, so that none sweeps away another's."""
    lock = ProcessLock(home / "lock")
    deadline = time.monotonic() + 60
    while not lock.acquire():
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{lock.path} is held by {lock.holder()}")
        time.sleep(0.05)
    try:
        yield
    finally:
        lock.release()


def _sweep(home: Path) -> None:
    """Delete what runs that were killed have left."""
    for folder in home.glob("run-*"):
        erase(folder)
