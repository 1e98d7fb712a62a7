"""The agent at each practice, which carries out the queued writes in its local system.

Nothing runs in the background: at each call everything that was due by then is done, in the order
of the due times and as of the due time, so that the outcome does not depend on who looks when.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from integrations.sandbox.books import moment, stamp
from integrations.sandbox.pms import Stage

from . import records, writes
from .offices import OFFICES
from .truth import standing
from .vocabulary import GIVEN_UP, PAYMENT_TYPES, STATUSES, PaymentKind
from .writes import State, Write


class Declined(Exception):
    """The practice's system refuses the write, for this reason."""


def settle(stage: Stage) -> None:
    """Carry out everything that was due by now at the offices whose agent is connected."""
    for write in writes.due(stage):
        try:
            if write.doomed:
                raise Declined(write.doomed)
            result, created_id = _carry_out(stage, write)
        except Declined as reason:
            writes.finish(stage.books, write.id, State.FAILED, write.due_at, str(reason))
        else:
            writes.finish(stage.books, write.id, State.COMPLETED, write.due_at, result, created_id)


def reconnect(stage: Stage, office_ids: Iterable[str]) -> None:
    """Let agents come back: what they have missed is due now, not when it would have been."""
    writes.put_off(stage.books, office_ids, stage.clock.now())


def disconnect(stage: Stage, office_ids: Iterable[str]) -> None:
    """Note when agents were connected for the last time: now."""
    seen = stage.books.recall("sikka_last_seen") or {}
    now = stamp(stage.clock.now())
    stage.books.remember("sikka_last_seen", seen | dict.fromkeys(office_ids, now))


def last_seen(stage: Stage, office_id: str) -> datetime:
    """Return when an office's agent was connected for the last time.

    One that was offline from the beginning counts as seen when the sandbox's books began.
    """
    now = stage.clock.now()
    if not stage.knobs.offline(office_id):
        return now
    seen = stage.books.recall("sikka_last_seen") or {}
    return moment(seen[office_id]) if office_id in seen else now


def _carry_out(stage: Stage, write: Write) -> tuple[str, str]:
    """Return the agent's words, and the id of what was created.

    The words for a new patient are from the documentation's sample, the others are formed alike.
    """
    match write.method, write.api:
        case "POST", "appointments":
            return "New Appointment inserted successfully", _book(stage, write)
        case "POST", "patients":
            return "New Patient inserted successfully", _register(stage, write)
        case "PUT", "appointments":
            _change(stage, write)
            return "Appointment updated successfully", ""
        case "PATCH", "appointments":
            _set_status(stage, write)
            return "Appointment status updated successfully", ""
        case "PATCH", "patients":
            _change_patient(stage, write)
            return "Patient updated successfully", ""
        case "POST", "medical_notes":
            return "New Medical Note inserted successfully", _note(stage, write)
        case "POST", "transactions":
            return "New Transaction inserted successfully", _pay(stage, write)
    raise LookupError(f"nobody knows how to carry out {write.method} {write.api}")


def _book(stage: Stage, write: Write) -> str:
    body, office_id = write.given, write.office_id
    patient = _existing(stage, write, records.PATIENT, body["patient_id"])
    name = f"{patient['firstname']} {patient['lastname']}"
    number = stage.books.next_id(office_id, records.APPOINTMENT)
    optional = ("description", "note", "type", "procedure_codes")
    record = records.appointment(
        {
            "appointment_sr_no": number,
            "patient_id": body["patient_id"],
            "guarantor_id": body.get("guarantor_id", patient["guarantor_id"]),
            "patient_name": name,
            "guarantor_name": name,
            "provider_id": body["provider_id"],
            "practice_id": body["practice_id"],
            "operatory": body["operatory"],
            "date": records.midnight(body["date"]),
            "time": body["time"],
            "length": body["length"],
            "status": STATUSES[body.get("status", "open.unconfirm")],
            "appointment_made_date": records.midnight(_wall_clock(write)),
            "last_changed_date": _wall_clock(write),
            **{name: body[name] for name in optional if name in body},
        }
    )
    _check(stage, write, record)
    _store(stage, write, records.APPOINTMENT, number, record)
    return number


def _change(stage: Stage, write: Write) -> None:
    body = write.given
    record = _existing(stage, write, records.APPOINTMENT, write.target)
    movable = ("time", "length", "operatory", "provider_id", "description", "type")
    values = {name: body[name] for name in movable if name in body}
    if "date" in body:
        values["date"] = records.midnight(body["date"])
    record = records.changed(record, values, _wall_clock(write))
    if "status" in body:
        record = records.with_status(record, STATUSES[body["status"]], _wall_clock(write))
    _check(stage, write, record)
    _store(stage, write, records.APPOINTMENT, write.target, record)


def _set_status(stage: Stage, write: Write) -> None:
    status = STATUSES[write.body["value"]]
    record = _existing(stage, write, records.APPOINTMENT, write.target)
    record = records.with_status(record, status, _wall_clock(write))
    _store(stage, write, records.APPOINTMENT, write.target, record)


def _register(stage: Stage, write: Write) -> str:
    body, number = write.given, stage.books.next_id(write.office_id, records.PATIENT)
    _check_provider(write.office_id, body["provider_id"])
    known = {*records.PATIENT_FIELDS, *records.PATIENT_MORE_FIELDS} - {"patient_id", "rowhash"}
    values = {name: value for name, value in body.items() if name in known}
    if "birthdate" in values:
        values["birthdate"] = records.midnight(values["birthdate"])
    own = {"patient_id": number, "created_date": records.midnight(_wall_clock(write))}
    guarantor = {"guarantor_id": values.get("guarantor_id") or number}
    record = records.patient({**values, **own, **guarantor})
    _store(stage, write, records.PATIENT, number, record)
    return number


def _change_patient(stage: Stage, write: Write) -> None:
    record = _existing(stage, write, records.PATIENT, write.target)
    values = {
        name: value for name, value in write.given.items() if name in record and name != "rowhash"
    }
    if "birthdate" in values:
        values["birthdate"] = records.midnight(values["birthdate"])
    if "provider_id" in values:
        _check_provider(write.office_id, values["provider_id"])
    _store(stage, write, records.PATIENT, write.target, records.with_rowhash({**record, **values}))


def _note(stage: Stage, write: Write) -> str:
    body, number = write.given, stage.books.next_id(write.office_id, records.NOTE)
    _existing(stage, write, records.PATIENT, body["patient_id"])
    _check_provider(write.office_id, body["provider_id"])
    if "appointment_sr_no" in body:
        _existing(stage, write, records.APPOINTMENT, body["appointment_sr_no"])
    optional = ("description", "transaction_sr_no")
    record = records.note(
        {
            "note_id": number,
            "patient_id": body["patient_id"],
            "provider_id": body["provider_id"],
            "practice_id": body["practice_id"],
            "date": records.midnight(body["date"]),
            "procedure_date": records.midnight(body["date"]),
            "type": body["type"],
            "text": body["text"],
            **{name: body[name] for name in optional if name in body},
        }
    )
    _store(stage, write, records.NOTE, number, record)
    return number


def _pay(stage: Stage, write: Write) -> str:
    """Enter a payment or an adjustment. The amount keeps its sign, which is unverified."""
    body, number = write.given, stage.books.next_id(write.office_id, records.TRANSACTION)
    _existing(stage, write, records.PATIENT, body["patient_id"])
    # Here every guarantor is a patient, too.
    _existing(stage, write, records.PATIENT, body["guarantor_id"], "Guarantor")
    _check_provider(write.office_id, body["provider_id"])
    known = PAYMENT_TYPES[body["procedure_code"]]
    record = records.transaction(
        {
            "transaction_sr_no": number,
            "patient_id": body["patient_id"],
            "guarantor_id": body["guarantor_id"],
            "provider_id": body["provider_id"],
            "practice_id": body["practice_id"],
            # The words of the types are this practice's own.
            "transaction_type": "Payment" if known.kind is PaymentKind.PAYMENT else "Adjustment",
            "transaction_date": records.midnight(body["transaction_date"]),
            "transaction_entry_date": records.midnight(
                body.get("transaction_entry_date", _wall_clock(write))
            ),
            "procedure_code": known.code,
            "procedure_description": known.description,
            "payment_type": body.get("payment_type", known.description),
            "amount": f"{Decimal(body['amount']):.4f}",
            "note": body.get("note", ""),
            "cheque_no": body.get("cheque_no", ""),
        }
    )
    _store(stage, write, records.TRANSACTION, number, record)
    return number


def _existing(stage: Stage, write: Write, kind: str, id: str, noun: str = "") -> records.Record:
    """Return a record as it stands at the practice, or decline a write that needs it."""
    record = stage.books.truth(write.office_id, kind, id)
    if record is None or records.is_deleted(record):
        raise Declined(f"{noun or kind.capitalize()} {id} does not exist")
    return record


def _check(stage: Stage, write: Write, record: records.Record) -> None:
    """Refuse what the practice's system could not keep."""
    _check_provider(write.office_id, record["provider_id"])
    operatories = [item.operatory for item in OFFICES[write.office_id].operatories]
    if record["operatory"] not in operatories:
        raise Declined(f"Operatory {record['operatory']} does not exist")
    if stage.knobs.reject_overlaps and record["status"] not in GIVEN_UP:
        others = standing(stage, write.office_id, records.APPOINTMENT)
        if any(_collide(record, other) for other in others):
            raise Declined("appointment already scheduled")


def _check_provider(office_id: str, provider_id: str) -> None:
    provider = OFFICES[office_id].provider(provider_id)
    if provider is None or not provider.active:
        raise Declined(f"Provider {provider_id} does not exist or is inactive")


def _collide(one: records.Record, other: records.Record) -> bool:
    if one["appointment_sr_no"] == other["appointment_sr_no"] or one["date"] != other["date"]:
        return False
    if other["status"] in GIVEN_UP:
        return False
    if all(one[who] != other[who] for who in ("provider_id", "operatory")):
        return False
    (start, end), (other_start, other_end) = records.minutes(one), records.minutes(other)
    return start < other_end and other_start < end


def _store(stage: Stage, write: Write, kind: str, id: str, record: records.Record) -> None:
    seen_from = write.due_at + timedelta(seconds=stage.knobs.refresh_lag)
    stage.books.put(write.office_id, kind, id, record, loaded_at=seen_from, write_id=write.id)


def _wall_clock(write: Write) -> str:
    """Return the time on the practice's wall when the write is carried out."""
    local: datetime = write.due_at.astimezone(OFFICES[write.office_id].zone)
    return local.strftime("%Y-%m-%dT%H:%M:%S")
