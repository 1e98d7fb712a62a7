"""One value of a record: where it stands in the PMS's JSON, and how it is written there.

The same description reads and writes, so that what a write asked for can be told from its body and
held against what the PMS then shows. Pure functions; whatever cannot be read is UnreadableField.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

#: The steps from an answer to a value in it.
Path = tuple[str, ...]

#: An id is never cut: two might become one.
LONGEST_ID: Final = 200
YES: Final = frozenset({"true", "t", "1", "yes", "y"})
NO: Final = frozenset({"false", "f", "0", "no", "n"})
DAYS: Final = {
    "iso": ("%Y-%m-%d", re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})")),
    "dmy": ("%d/%m/%Y", re.compile(r"(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4})")),
    "mdy": ("%m/%d/%Y", re.compile(r"(?P<m>\d{1,2})[/.-](?P<d>\d{1,2})[/.-](?P<y>\d{4})")),
}
#: How some databases write that there is no date.
NO_DATE: Final = re.compile(r"0000-00-00([T ][0:.]+Z?)?")


class Kind(enum.StrEnum):
    """What sort of value it is; it follows from our field."""

    TEXT = "text"
    ID = "id"
    COUNT = "count"
    DATE = "date"
    MOMENT = "moment"
    FLAG = "flag"


#: The ways in which a PMS may write each kind; the first is the usual one.
FORMATS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.TEXT: ("text",),
    # number: written as a JSON number; link: read from the end of an address.
    Kind.ID: ("text", "number", "link"),
    Kind.COUNT: ("number",),
    Kind.DATE: ("iso", "dmy", "mdy"),
    # iso: with a zone, or without one as the site's wall clock; offset: the same, but written in
    # the site's own time; wall: always the wall clock, whatever zone stands there.
    Kind.MOMENT: ("iso", "offset", "wall", "unix", "unix_ms"),
    # set, unset: whether anything stands there, such as the time of a deletion.
    Kind.FLAG: ("words", "set", "unset"),
}


class UnreadableField(ValueError):
    """A value that cannot be read. The message names our field, and never the value."""


class ZoneUnknown(UnreadableField):
    """A time is a wall clock, and nobody knows of which zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where one of our fields stands in the PMS's JSON; several places are joined by `glue`."""

    name: str
    kind: Kind
    paths: tuple[Path, ...]
    format: str
    glue: str = " "
    #: For a flag in words, in lower case.
    yes: frozenset[str] = YES
    no: frozenset[str] = NO

    # --- Reading -----------------------------------------------------------------------------

    def raw(self, item: Any) -> Any:
        """Return what stands there; None for nothing."""
        if len(self.paths) == 1:
            path = self.paths[0]
            # A member of the object itself, as nearly always, takes no walk.
            is_flat = len(path) == 1 and isinstance(item, dict)
            found = item.get(path[0]) if is_flat else at(item, path)
            return None if found == "" else found
        texts = [self._text(at(item, path)) for path in self.paths]
        return self.glue.join(text for text in texts if text) or None

    def text(self, item: Any) -> str:
        """Return it as text; "" where there is nothing."""
        return self._text(self.raw(item))

    def id(self, item: Any) -> str:
        """Return it as an id; "" where there is none."""
        value = self.raw(item)
        text = self._text(None if isinstance(value, float) else value)
        if self.format == "link":
            text = text.split("?")[0].rstrip("/").rpartition("/")[2]
        if value is not None and not is_usable_id(text):
            raise UnreadableField(f"has no usable {self.name}")
        return text

    def count(self, item: Any) -> int | None:
        """Return it as a number of at least 1; None where there is none."""
        value = self.raw(item)
        if value is None or isinstance(value, bool):
            return None
        try:
            found = int(value)
        except (TypeError, ValueError, OverflowError):
            raise self._unreadable() from None
        return found if 0 < found < 1_000_000 else None

    def date(self, item: Any) -> date | None:
        """Return it as a date, of which a time may follow; None where there is none."""
        text = self.text(item)
        if not text or _is_no_date(text):
            return None
        found = DAYS[self.format][1].match(text)
        if found is None or text[found.end() : found.end() + 1].isdigit():
            raise self._unreadable()
        try:
            return date(int(found["y"]), int(found["m"]), int(found["d"]))
        except ValueError:
            raise self._unreadable() from None

    def moment(self, item: Any, zone: ZoneInfo | None) -> datetime | None:
        """Return it in UTC; None where there is none.

        Of a wall clock's hour that comes twice it is the first one; a time that clocks leave out is
        taken by the offset before the change, as Python does. Raises ZoneUnknown where it is a wall
        clock and the zone is None.
        """
        value = self.raw(item)
        if value is None or (isinstance(value, str) and _is_no_date(value)):
            return None
        try:
            if self.format in {"unix", "unix_ms"}:
                seconds = float(value) / (1000 if self.format == "unix_ms" else 1)
                return datetime.fromtimestamp(seconds, UTC)
            clock = _clock(self._text(value))
            if self.format == "wall":
                clock = clock.replace(tzinfo=None)
            if clock.tzinfo is None:
                if zone is None:
                    raise ZoneUnknown("is at a site whose time zone is not known")
                clock = clock.replace(tzinfo=zone)
            return clock.astimezone(UTC)
        except ZoneUnknown:
            raise
        except (TypeError, ValueError, OverflowError, OSError):
            raise self._unreadable() from None

    def flag(self, item: Any) -> bool | None:
        """Return whether it is so; None where there is nothing that says."""
        value = self.raw(item)
        if self.format in {"set", "unset"}:
            nothing = isinstance(value, str) and _is_no_date(value)
            return (bool(value) and not nothing) == (self.format == "set")
        if value is None:
            return None
        word = str(value).strip().casefold()
        if word in self.yes:
            return True
        if word in self.no:
            return False
        raise UnreadableField(f"has a {self.name} that is neither yes nor no")

    # --- Writing -----------------------------------------------------------------------------

    def written(self, value: Any) -> Iterator[tuple[Path, Any]]:
        """Yield where in a body this value stands, and how. "" and None say that there is none."""
        if len(self.paths) > 1:
            # Only a time is written in two parts: its date and its clock.
            parts = str(self._encoded(value)).partition("T")
            yield from zip(self.paths, (parts[0], parts[2]), strict=True)
        else:
            yield self.paths[0], self._encoded(value)

    def _encoded(self, value: Any) -> Any:
        if isinstance(value, datetime):
            match self.format:
                case "unix":
                    return int(value.timestamp())
                case "unix_ms":
                    return int(value.timestamp()) * 1000
                case "wall":
                    return value.replace(tzinfo=None).isoformat(timespec="seconds")
                case "offset":
                    return value.isoformat(timespec="seconds")
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, date):
            return value.strftime(DAYS[self.format][0])
        if self.kind is Kind.ID and self.format == "number" and value:
            return int(value)
        return value

    # --- What goes wrong ---------------------------------------------------------------------

    def _text(self, value: Any) -> str:
        if isinstance(value, str):
            return value.strip()
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            raise self._unreadable()
        return str(value)

    def _unreadable(self) -> UnreadableField:
        return UnreadableField(f"has a {self.name} that cannot be read")


def at(item: Any, path: Path) -> Any:
    """Return what stands at a path in JSON; None where nothing does."""
    for step in path:
        if isinstance(item, dict):  # as nearly always
            item = item.get(step)
        elif isinstance(item, list) and step.isdecimal() and len(step) < 4:
            item = item[int(step)] if int(step) < len(item) else None
        else:
            return None
    return item


def is_usable_id(text: str) -> bool:
    """Return whether an id can be kept and asked for: a path takes "." and ".." for its own."""
    return text.isprintable() and 0 < len(text) <= LONGEST_ID and text not in {".", ".."}


def _is_no_date(text: str) -> bool:
    return text.startswith("0000") and NO_DATE.fullmatch(text.strip()) is not None


def _clock(text: str) -> datetime:
    """Read an ISO time, also as some frameworks print it: "2030-03-05 09:00:00 UTC", " +0100"."""
    if text[10:11] == "T" and text[16:17] == ":":  # as nearly all come
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    text = re.sub(r"\s*(UTC|GMT)$", "+00:00", text)
    text = re.sub(r"\s+([+-]\d\d:?\d\d)$", r"\1", text)
    if not re.match(r"\d{4}-?\d\d-?\d\d[T ]\d", text):
        raise ValueError  # a day without a time is none
    return datetime.fromisoformat(text)
