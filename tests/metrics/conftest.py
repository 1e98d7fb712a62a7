"""A web server for the tests of what is live."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.metrics.web import Web, serving


@pytest.fixture
def web(transactional_db: None) -> Iterator[Web]:
    with serving() as running:
        yield running
