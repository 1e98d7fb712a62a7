"""Read options, which people write by hand: each complaint names the key and what is wanted there.

What stands there instead is never told: somebody may have put a secret into the wrong place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: Names of what lets a caller in. It has no place in options, and none in an address.
SECRETS: Final = frozenset(
    {"access_token", "api_key", "apikey", "key", "password", "secret", "token"}
)
#: A dotted path in the PMS's JSON; a number is a place in a list, from 0.
DOTTED: Final = re.compile(r"[^.\s]+(\.[^.\s]+)*")
#: What a header's name is made of (RFC 9110, 5.6.2).
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER: Final = "header:"


def wrong(where: str, wanted: str) -> ValueError:
    """Return the complaint that one key is not as it has to be."""
    return ValueError(f"options{f'.{where}' if where else ''}: {wanted}")


@dataclass(slots=True)
class Section:
    """One object of the options. `finish` complains of keys that nobody asked for."""

    where: str
    values: Mapping[str, Any]
    known: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, where: str, value: Any) -> Section:
        """Return a section. Raises ValueError for what is not an object."""
        if not isinstance(value, Mapping):
            raise wrong(where, "must be an object")
        return cls(where, value)

    def at(self, key: str) -> str:
        """Return how a key of this section is called in a complaint."""
        return f"{self.where}.{key}" if self.where else key

    def value(self, key: str, default: Any = None) -> Any:
        """Return what stands at a key; null is the same as nothing."""
        self.known.add(key)
        found = self.values.get(key)
        return default if found is None else found

    def text(self, key: str, default: str = "") -> str:
        """Return a text in one line."""
        found = self.value(key, default)
        if not isinstance(found, str) or not (found.isprintable() and len(found) <= 500):
            raise wrong(self.at(key), "must be a text of one line")
        return found

    def needed(self, key: str) -> str:
        """Return a text that must be there."""
        if not (found := self.text(key)):
            raise wrong(self.at(key), "must be given")
        return found

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        """Return one of some words."""
        found = self.value(key, default)
        if not isinstance(found, str) or found not in choices:
            raise wrong(self.at(key), f"must be one of {', '.join(choices)}")
        return found

    def whole(self, key: str, default: int, least: int, most: int) -> int:
        """Return a whole number within bounds, both included."""
        found = self.value(key, default)
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
            raise wrong(self.at(key), f"must be a whole number from {least} to {most}")
        return found

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        found = self.value(key, default)
        if not isinstance(found, bool):
            raise wrong(self.at(key), "must be true or false")
        return found

    def words(self, key: str, default: Collection[str]) -> frozenset[str]:
        """Return a list of words, in lower case."""
        found = self.value(key)
        if found is None:
            return frozenset(default)
        if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
            raise wrong(self.at(key), "must be a list of texts")
        return frozenset(word.strip().casefold() for word in found)

    def path(self, key: str, default: str = "", *, ids: int = 0) -> str:
        """Return the path of a call, with exactly so many {id} in it."""
        found = self.text(key, default)
        rest = found.replace("{id}", "")
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]*)+", rest) or "//" in found or "/." in rest:
            raise wrong(self.at(key), "must be a path below the base URL, such as /clients")
        if found.count("{id}") != ids:
            how = "must hold {id} once, such as /clients/{id}" if ids else "must not hold {id}"
            raise wrong(self.at(key), how)
        return found

    def dotted(self, key: str, default: str = "") -> tuple[str, ...]:
        """Return where something stands in an answer; () for the answer itself."""
        return dotted(self.at(key), self.text(key, default)) if self.value(key, default) else ()

    def place(self, key: str, default: str = "") -> Place:
        """Return where something stands in an answer's body or headers."""
        text = self.text(key, default)
        if text.lower().startswith(HEADER):
            name = text[len(HEADER) :]
            if not HEADER_NAME.fullmatch(name):
                raise wrong(self.at(key), "must name a header, such as header:Link")
            return Place(header=name)
        return Place(path=dotted(self.at(key), text) if text else ())

    def params(self, key: str) -> dict[str, str]:
        """Return parameters that are sent as they are. No secrets: addresses end up in logs."""
        found = Section.of(self.at(key), self.value(key, {}))
        for name in found.values:
            if name.casefold() in SECRETS:
                raise wrong(
                    found.at(name), "a key in the address ends up in logs: see auth for other ways"
                )
            if not isinstance(found.values[name], str | int):
                raise wrong(found.at(name), "must be a text, a whole number, true or false")
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in found.values.items()
        }

    def finish(self) -> None:
        """Complain of the first key that nobody asked for, and say which one it may stand for."""
        for key in self.values:
            if key in self.known:
                continue
            if str(key).casefold() in SECRETS:
                raise wrong(self.at(key), "secrets belong into the credential, not here")
            near = difflib.get_close_matches(str(key), sorted(self.known), n=1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise wrong(self.at(key), f"is not known here{meant}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in an answer: a path in its JSON, or a header. Neither: nowhere."""

    path: tuple[str, ...] = ()
    header: str = ""

    def __bool__(self) -> bool:
        return bool(self.path or self.header)


def dotted(where: str, value: Any) -> tuple[str, ...]:
    """Return a dotted path in parts. Raises ValueError."""
    if not isinstance(value, str) or not DOTTED.fullmatch(value):
        raise wrong(where, "must be a dotted path in the PMS's JSON, such as client.id")
    return tuple(value.split("."))
