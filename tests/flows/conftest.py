"""A clinic connected to a running sandbox, with Celery's tasks run on the spot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.celery import app as celery_app
from integrations.sandbox import RunningSandbox, running
from tests.conftest import Clock
from tests.flows.practices import Practice as Practice
from tests.flows.practices import open_practice


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[RunningSandbox]:
    """A sandbox whose agent takes exactly 20 seconds for a write; it lives in the test's clock."""
    with running(seed=7, delay="20-20") as sandbox:
        yield sandbox


@pytest.fixture
def tasks_at_once() -> Iterator[None]:
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


@pytest.fixture
def practice(
    transactional_db: None,
    tasks_at_once: None,
    sandbox: RunningSandbox,
    clock: Clock,
) -> Practice:
    """Maple Street Dental in New York, 10:00 on a Tuesday, freshly imported."""
    return open_practice("sikka", sandbox, clock)
