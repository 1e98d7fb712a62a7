"""What became of writes: read back from the records that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from integrations.adapters.cliniko import listings, proof
from integrations.adapters.cliniko.calls import Calls, Item
from integrations.adapters.cliniko.fields import written
from integrations.adapters.cliniko.listings import Listing
from integrations.adapters.cliniko.proof import Kind
from integrations.contract import Lookup, Outcome, SentWrite, State

#: The list that has the records of each kind of write.
LISTED: Final = {
    Kind.BOOK: listings.APPOINTMENTS,
    Kind.RESCHEDULE: listings.APPOINTMENTS,
    Kind.CANCEL: listings.APPOINTMENTS,
    Kind.CREATE_PATIENT: listings.PATIENTS,
    Kind.UPDATE_PATIENT: listings.PATIENTS,
}
BOTH: Final = (listings.APPOINTMENTS, listings.PATIENTS)
#: Ids of patients in one question.
MOST_PATIENTS: Final = 100


def outcomes(calls: Calls, writes: Sequence[SentWrite]) -> Iterator[tuple[str, Outcome]]:
    """Read the records of known references back, a hundred with a call.

    A write is completed only where its record shows what was asked.
    """
    for listing in BOTH:
        asked = {
            write.reference: write
            for write in writes
            if LISTED[proof.kind_of(write.prepared)] is listing and proof.record_id(write.reference)
        }
        if not asked:
            continue
        items = calls.by_id(listing, {proof.record_id(reference) for reference in asked})
        for reference, write in asked.items():
            id, kind = proof.record_id(reference), proof.kind_of(write.prepared)
            if id not in items:
                continue
            done = proof.shows(kind, write.prepared.body, items[id])
            yield (
                reference,
                Outcome(
                    state=State.COMPLETED if done else State.PENDING,
                    created_id=id if done and kind.creates else "",
                ),
            )


def created_ids(writes: Sequence[SentWrite]) -> Iterator[tuple[str, str]]:
    """Tell which records the writes have made: their references name them."""
    for write in writes:
        id = proof.record_id(write.reference)
        if id and proof.kind_of(write.prepared).creates:
            yield write.reference, id


def find(calls: Calls, writes: Sequence[SentWrite]) -> list[Lookup]:
    """Look for writes whose answers were lost, in as few calls as there are kinds of question."""
    made = {kind: _made(calls, writes, kind) for kind in Kind if kind.creates}
    changed = {listing.name: calls.by_id(listing, _targets(writes, listing)) for listing in BOTH}
    lookups = []
    for write in writes:
        kind = proof.kind_of(write.prepared)
        if kind.creates:
            items, is_whole = made[kind]
            lookups.append(proof.lookup(write, items, covered=is_whole))
        else:
            item = changed[LISTED[kind].name].get(proof.target(write.prepared))
            lookups.append(proof.lookup(write, [item] if item else [], covered=True))
    return lookups


def _made(calls: Calls, writes: Sequence[SentWrite], kind: Kind) -> tuple[list[Item], bool]:
    """Return what was made since the first of the writes of a kind was sent, and whether that is
    all. Patients are not asked for by what they are called: that would stand in an address."""
    lost = [write for write in writes if proof.kind_of(write.prepared) is kind]
    if not lost:
        return [], True
    first = min(write.sent_at for write in lost) - proof.CLOCK_SKEW
    filters = [f"created_at:>={written(first)}"]
    patients = {str(write.prepared.body.get("patient_id")) for write in lost}
    if kind is Kind.BOOK and len(patients) <= MOST_PATIENTS:
        filters.append(f"patient_id:={','.join(sorted(patients))}")
    return calls.all(LISTED[kind], filters)


def _targets(writes: Sequence[SentWrite], listing: Listing) -> set[str]:
    """Return the ids of what the writes change in a list."""
    kinds = [(proof.kind_of(write.prepared), write) for write in writes]
    return {
        proof.target(write.prepared)
        for kind, write in kinds
        if not kind.creates and LISTED[kind] is listing
    }
