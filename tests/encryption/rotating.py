"""Run the rotation as an operator does, and count what each key is needed for."""

from __future__ import annotations

import io

from django.core.management import call_command

from encryption import rotation
from encryption.keys import keyring


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_keys", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def under(key_id: str) -> dict[str, int]:
    """How many rows of which table need a key."""
    counts = {rows.model._meta.label: rotation.using(rows, key_id) for rows in rotation.querysets()}
    return {label: count for label, count in counts.items() if count}


def new_id() -> str:
    return keyring().keys.first
