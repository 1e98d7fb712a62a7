"""Gather a credential without letting it stand where others read: never an argument."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from integrations.contract import Manifest
from integrations.management import prompts

#: Before the name of a field, in capitals: CREDENTIAL_API_KEY.
PREFIX: Final = "CREDENTIAL_"
STDIN: Final = "-"


def gather(
    manifest: Manifest, path: str, *, may_ask: bool, say: Callable[[str], object]
) -> dict[str, str]:
    """Return the values of the manifest's credential: of a file (or stdin), else of the
    environment, else as a person types them. What is left empty is left out.

    Raises ValueError with a message that holds no value.
    """
    given = _of_file(path, manifest) if path else {}
    values: dict[str, str] = {}
    for part in manifest.credential:
        value = given.get(part.name) or os.environ.get(PREFIX + part.name.upper(), "").strip()
        if not value and may_ask and not path:
            asks = prompts.ask_secret if part.is_secret else prompts.ask_optional
            value = asks(part.label)
        if value:
            values[part.name] = value
    if manifest.credential and not values:
        names = ", ".join(each.name for each in manifest.credential)
        raise ValueError(
            f"No credential is given. Write {names} as JSON into a file for --credential-file, "
            f"or set {PREFIX}{manifest.credential[0].name.upper()} and the like."
        )
    return values


def options_of(path: str) -> dict[str, Any]:
    """Return the JSON object in a file. Raises ValueError."""
    return dict(_object(_read(path), f"{path} must hold a JSON object."))


def _of_file(path: str, manifest: Manifest) -> dict[str, str]:
    wrong = 'The credential must be a JSON object of strings, such as {"api_key": "…"}.'
    given = _object(_read(path), wrong)
    known = [each.name for each in manifest.credential]
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(
            f"{manifest.title} takes no {', '.join(unknown)}; it takes {', '.join(known)}."
        )
    if not all(isinstance(value, str) for value in given.values()):
        raise ValueError(wrong)
    return {name: value.strip() for name, value in given.items()}


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == STDIN else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ValueError(f"{path} cannot be read: {why}.") from None


def _object(text: str, wrong: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # whose message would quote what it read
        raise ValueError(wrong) from None
    if not isinstance(found, dict):
        raise ValueError(wrong)
    return found
