"""Send a write, and say by the answer what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from integrations.adapters.cliniko import answers, listings, phones, proof
from integrations.adapters.cliniko.calls import Calls, Item
from integrations.adapters.cliniko.fields import UnreadableRecord, identifier
from integrations.adapters.cliniko.proof import Kind
from integrations.contract import PreparedWrite, Receipt, State
from integrations.http.errors import NoAnswer, NotReached, PmsError, Refused

OVERLAPS: Final = "It overlaps another appointment of the practitioner."
UNKNOWN_OVERLAP: Final = "Whether it overlaps another appointment could not be read."


def submit(calls: Calls, prepared: PreparedWrite) -> Receipt:
    """Send a write once. What was done is completed; reading more about it changes nothing then."""
    match proof.kind_of(prepared):
        case Kind.CANCEL:
            return _cancel(calls, prepared)
        case Kind.UPDATE_PATIENT if phones.FIELD in prepared.body:
            return _changed(calls, prepared, _with_all_numbers(calls, prepared))
        case Kind.UPDATE_PATIENT | Kind.RESCHEDULE:
            return _changed(calls, prepared, prepared.body)
    return _created(calls, prepared)


def _created(calls: Calls, prepared: PreparedWrite) -> Receipt:
    sent_at, kind = calls.now, proof.kind_of(prepared)
    item, id = _record(calls, prepared, prepared.body)
    return Receipt(
        reference=proof.reference(kind, id, item, sent_at),
        state=State.COMPLETED,
        created_id=id,
        remark=_overlap(calls, id) if kind is Kind.BOOK else "",
    )


def _changed(calls: Calls, prepared: PreparedWrite, body: Mapping[str, Any]) -> Receipt:
    """Send a change; it is done where the answer shows it."""
    sent_at, kind = calls.now, proof.kind_of(prepared)
    item, id = _record(calls, prepared, body)
    if id != proof.target(prepared):
        raise NoAnswer("Cliniko's answer holds another record.")
    done = proof.shows(kind, body, item)
    if phones.FIELD in body:  # whole, by now: one that was taken out must be gone
        done = done and len(phones.numbers(item)) == len(body[phones.FIELD])
    return Receipt(
        reference=proof.reference(kind, id, item, sent_at),
        state=State.COMPLETED if done else State.PENDING,
        remark=_overlap(calls, id) if done and kind is Kind.RESCHEDULE else "",
    )


def _cancel(calls: Calls, prepared: PreparedWrite) -> Receipt:
    """Cancel, which is answered without a word; the record then tells when it was cancelled.

    That one which is cancelled already is refused is unverified; it is as it was asked to be.
    """
    sent_at, id = calls.now, proof.target(prepared)
    try:
        calls.write(prepared.method, prepared.endpoint, prepared.body)
    except Refused:
        item = _read_back(calls, id)
        if not proof.shows(Kind.CANCEL, prepared.body, item):
            raise
    else:
        item = _read_back(calls, id)
    done = not item or proof.shows(Kind.CANCEL, prepared.body, item)
    return Receipt(
        reference=proof.reference(Kind.CANCEL, id, item, sent_at),
        state=State.COMPLETED if done else State.PENDING,
    )


def _read_back(calls: Calls, id: str) -> Item:
    """Return an appointment as it is now; nothing where it cannot be read."""
    try:
        return calls.by_id(listings.APPOINTMENTS, [id]).get(id, {})
    except PmsError:
        return {}


def _record(
    calls: Calls, prepared: PreparedWrite, body: Mapping[str, Any]
) -> tuple[Mapping[str, Any], str]:
    """Send, and return the record of the answer with its id. Raises NoAnswer where it has none."""
    item = answers.record(calls.write(prepared.method, prepared.endpoint, body))
    try:
        return item, identifier(item)
    except UnreadableRecord:
        raise NoAnswer("Cliniko's answer holds no usable id.") from None


def _with_all_numbers(calls: Calls, prepared: PreparedWrite) -> dict[str, Any]:
    """Return the body with the patient's other numbers, which would be lost otherwise.

    They are read first; without an answer to that nothing was sent that could have happened.
    """
    id = proof.target(prepared)
    filters = [("q[]", each) for each in listings.PATIENTS.filters]
    try:
        patient = answers.record(calls.get(f"{listings.PATIENTS.path}/{id}", filters))
    except NoAnswer as error:
        text = f"The patient's other numbers could not be read, so nothing was sent. {error}"
        raise NotReached(text) from error
    wanted = prepared.body[phones.FIELD]
    return {**prepared.body, phones.FIELD: phones.with_first(patient, wanted)}


def _overlap(calls: Calls, id: str) -> str:
    """Ask whether an appointment overlaps others, which Cliniko allows; a remark for people.

    The write is done: whatever this runs into is not its failure.
    """
    try:
        reply = calls.get(f"{listings.APPOINTMENTS.path}/{id}/conflicts")
    except PmsError:
        return UNKNOWN_OVERLAP
    told = reply.data.get("conflicts") if isinstance(reply.data, dict) else None
    exist = told.get("exist") if isinstance(told, dict) else None
    if exist is True:
        return OVERLAPS
    return "" if exist is False else UNKNOWN_OVERLAP
