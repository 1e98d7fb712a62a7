"""Keys of the tests' own, in a file that a test may change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from encryption import keyfile, keys


@pytest.fixture
def key_file(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """The file that the keyring reads: one key `old`, and the index key."""
    path = tmp_path / "keys"
    keyfile.make_once(path, lambda: keys.new_text("old"))
    settings.ENCRYPTION_KEYS, settings.ENCRYPTION_KEYS_FILE = "", path
    keys.keyring.cache_clear()
    yield path
    keys.keyring.cache_clear()


def put_first(path: Path, key_id: str) -> None:
    """Make a key and put it first in the file."""
    entry = keys.new_entry(key_id)
    keyfile.change(path, lambda text: f"{entry}\n{text}")
