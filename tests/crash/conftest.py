"""A Frontdesk of its own for each test, of which nothing is left afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import erase
from tests.crash.product import Frontdesk


@pytest.fixture
def frontdesk(tmp_path: Path) -> Iterator[Frontdesk]:
    running = Frontdesk(tmp_path / "var")
    yield running
    running.stop()
    for process in running.family():
        process.kill()
    erase(running.var)
