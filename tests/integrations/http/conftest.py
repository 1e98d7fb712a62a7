"""A session of requests that belongs to one test, so that no connection outlives its server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integrations.http import transport


@pytest.fixture(autouse=True)
def _own_session() -> Iterator[None]:
    transport._local.__dict__.clear()
    yield
    transport._session(True).close()
    transport._local.__dict__.clear()
