"""What the sandbox's shared parts and one simulated PMS know of each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


class WrongChange(ValueError):
    """A change that cannot be made at the practice; the text says why."""


@dataclass(frozen=True)
class Change:
    """Something that the practice's own people do in their system, in words that suit every PMS.

    `kind` is patient or appointment. `action` is one of ACTIONS. `id` is the PMS's id of the record
    ("" to create one), `into` the patient that a merge leaves. `values` of a patient: first_name,
    last_name, birth_date (yyyy-mm-dd or ""), email, phone; of an appointment: patient_id,
    practitioner_id, location_id, operatory_id, starts_at (ISO 8601 with an offset), minutes,
    description. What is not named gets a usual value, or stays as it is.
    """

    kind: str
    action: str
    id: str = ""
    into: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


#: What can be done, by kind. Which of these a PMS knows is its own matter: others are WrongChange.
ACTIONS = {
    "patient": ("create", "update", "archive", "unarchive", "merge", "delete"),
    "appointment": ("create", "update", "cancel", "no_show", "complete", "archive", "delete"),
}


@dataclass(frozen=True)
class Answer:
    """A PMS's answer to one call, with what the sandbox notes about it."""

    response: Response
    app_id: str | None = None
    office_id: str | None = None
    write_id: int | None = None
    """The write that this call got accepted, if it did."""
    late: float = 0.0
    """Seconds that such a call takes at the PMS; the answer is held back for so long."""


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

    def change(self, office_id: str, change: Change) -> str:
        """Make a change at the practice, and return the id of the record. Raises WrongChange."""

    def truth(self, office_id: str) -> dict[str, Any]:
        """Return what is true at the practice now, in the words of `Change`.

        {"patients": {id: {first_name, last_name, birth_date, email, phone, is_active}},
        "appointments": {id: {patient_id, practitioner_id, location_id, starts_at, ends_at (UTC),
        status, description}}}. `status` is booked, arrived, fulfilled, cancelled or noshow. An
        archived patient is there and not active; whatever was deleted or merged into another, and
        an archived appointment, is not there.
        """
