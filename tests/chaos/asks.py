"""What is asked for in a fault run, and what each ask has to leave in the PMS's books.

Every ask can be told from all others by what it writes, so that one that is written twice, or was
refused and is there all the same, shows in the books without the product's help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Named:
    """A record: our id and the PMS's."""

    id: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Room:
    """A practitioner, a chair and a site that go together."""

    practitioner: Named
    operatory: Named
    location: Named


@dataclass(frozen=True, slots=True)
class Clinic:
    """What an asker can read of a clinic, in the order of the PMS's ids."""

    id: str
    office: str
    zone: ZoneInfo
    patients: Sequence[Named]
    rooms: Sequence[Room]
    appointments: Sequence[tuple[Named, Room]]


@dataclass(frozen=True, slots=True)
class Effect:
    """One write that an ask is to bring about, as the PMS's books have it."""

    operation: str
    office: str
    method: str
    api: str
    #: What of the write's body tells it from all others; all of it must be there.
    body: Mapping[str, str]
    target: str = ""
    #: The record that it makes or changes, and what that shows afterwards.
    kind: str = "appointment"
    shows: Mapping[str, str] = field(default_factory=dict)

    def fits(self, write: Mapping[str, Any]) -> bool:
        """Return whether a write in the books is this one."""
        same = (write["method"], write["api"], write["target"])
        return same == (self.method, self.api, self.target) and all(
            write["body"].get(name) == value for name, value in self.body.items()
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to Frontdesk."""

    number: int
    kind: str
    key: str
    method: str
    path: str
    body: Mapping[str, Any]
    #: In the order in which they come about; the last one is the writeback that is answered.
    effects: tuple[Effect, ...]
    #: Codes with which it may be refused; with any other the refusal is a finding.
    may_be_refused: frozenset[str] = frozenset()
    must_be_refused: bool = False
    repeated: bool = False
    withdrawn: bool = False
    #: Asks with the same slot cannot all be had.
    slot: str = ""
