"""What the sandbox's shared parts and one simulated PMS know of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from .books import Books
from .clock import Clock
from .faults import Fault
from .knobs import Knobs


@dataclass
class Stage:
    """What every simulated PMS stands on: the same seed, clock, books and knobs."""

    seed: int
    clock: Clock
    books: Books
    knobs: Knobs


@dataclass(frozen=True)
class Answer:
    """A PMS's answer to one call, with what the sandbox notes about it."""

    response: Response
    app_id: str | None = None
    office_id: str | None = None
    write_id: int | None = None
    """The write that this call got accepted, if it did."""


class Pms(Protocol):
    """One simulated PMS. All methods are called inside a transaction of the books."""

    name: str
    prefix: str
    """The path it is mounted at, without a slash at the end."""

    @property
    def office_ids(self) -> Sequence[str]:
        """Return the ids of the offices (or accounts) it holds, unique over all PMSs."""

    def build(self) -> None:
        """Fill empty books with the seeded world."""

    def settle(self) -> None:
        """Do everything that was due by now."""

    def turned(self, before: Knobs) -> None:
        """Take note that the knobs have changed; the stage holds the new ones already."""

    def answer(self, request: Request, refusal: Fault | None) -> Answer:
        """Answer a call. A refusal is put into the PMS's own words, and nothing is done."""

    def expire_keys(self, office_id: str | None) -> int:
        """Let all keys (of one office) run out now. Return how many did."""

    def credentials(self, address: str) -> dict[str, Any]:
        """Return all that a client needs to begin."""

    def made(self, office_id: str) -> dict[str, Any]:
        """Return what came about at an office through writes, and the writes themselves."""
