"""The agent at each practice, which carries out the queued writes in its local system.

Nothing runs in the background: at each call everything that was due by then is done, in the order
of the due times and as of the due time, so that the outcome does not depend on who looks when.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from integrations.sandbox.pms import Stage

from . import records, writes
from .offices import OFFICES
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


def _carry_out(stage: Stage, write: Write) -> tuple[str, str]:
    """Return the agent's words, and the id of what was created."""
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
    raise LookupError(f"nobody knows how to carry out {write.method} {write.api}")


def _book(stage: Stage, write: Write) -> str:
    body, office_id = write.given, write.office_id
    patient = stage.books.truth(office_id, records.PATIENT, body["patient_id"])
    if patient is None:
        raise Declined(f"Patient {body['patient_id']} does not exist")
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
            "date": _midnight(body["date"]),
            "time": body["time"],
            "length": body["length"],
            "status": records.STATUSES[body.get("status", "open.unconfirm")],
            "appointment_made_date": _midnight(_wall_clock(write)),
            "last_changed_date": _wall_clock(write),
            **{name: body[name] for name in optional if name in body},
        }
    )
    _check(stage, write, record)
    _store(stage, write, records.APPOINTMENT, number, record)
    return number


def _change(stage: Stage, write: Write) -> None:
    body, record = write.given, _existing(stage, write)
    movable = ("time", "length", "operatory", "provider_id", "description", "type")
    values = {name: body[name] for name in movable if name in body}
    if "date" in body:
        values["date"] = _midnight(body["date"])
    record = records.changed(record, values, _wall_clock(write))
    if "status" in body:
        record = records.with_status(record, records.STATUSES[body["status"]], _wall_clock(write))
    _check(stage, write, record)
    _store(stage, write, records.APPOINTMENT, write.target, record)


def _set_status(stage: Stage, write: Write) -> None:
    status = records.STATUSES[write.body["value"]]
    record = records.with_status(_existing(stage, write), status, _wall_clock(write))
    _store(stage, write, records.APPOINTMENT, write.target, record)


def _register(stage: Stage, write: Write) -> str:
    body, number = write.given, stage.books.next_id(write.office_id, records.PATIENT)
    _check_provider(write.office_id, body["provider_id"])
    known = {*records.PATIENT_FIELDS, *records.PATIENT_MORE_FIELDS} - {"patient_id", "rowhash"}
    values = {name: value for name, value in body.items() if name in known}
    if "birthdate" in values:
        values["birthdate"] = _midnight(values["birthdate"])
    own = {"patient_id": number, "created_date": _midnight(_wall_clock(write))}
    guarantor = {"guarantor_id": values.get("guarantor_id") or number}
    record = records.patient({**values, **own, **guarantor})
    _store(stage, write, records.PATIENT, number, record)
    return number


def _existing(stage: Stage, write: Write) -> records.Record:
    record = stage.books.truth(write.office_id, records.APPOINTMENT, write.target)
    if record is None:
        raise Declined(f"Appointment {write.target} does not exist")
    return record


def _check(stage: Stage, write: Write, record: records.Record) -> None:
    """Refuse what the practice's system could not keep."""
    _check_provider(write.office_id, record["provider_id"])
    operatories = [item.operatory for item in OFFICES[write.office_id].operatories]
    if record["operatory"] not in operatories:
        raise Declined(f"Operatory {record['operatory']} does not exist")
    if stage.knobs.reject_overlaps and record["status"] not in records.GIVEN_UP:
        others = stage.books.truths(write.office_id, records.APPOINTMENT)
        if any(_collide(record, other) for other in others):
            raise Declined("appointment already scheduled")


def _check_provider(office_id: str, provider_id: str) -> None:
    provider = OFFICES[office_id].provider(provider_id)
    if provider is None or not provider.active:
        raise Declined(f"Provider {provider_id} does not exist or is inactive")


def _collide(one: records.Record, other: records.Record) -> bool:
    if one["appointment_sr_no"] == other["appointment_sr_no"] or one["date"] != other["date"]:
        return False
    if other["status"] in records.GIVEN_UP:
        return False
    if all(one[who] != other[who] for who in ("provider_id", "operatory")):
        return False
    (start, end), (other_start, other_end) = _minutes(one), _minutes(other)
    return start < other_end and other_start < end


def _minutes(record: records.Record) -> tuple[int, int]:
    hours, minutes = record["time"].split(":")
    start = int(hours) * 60 + int(minutes)
    return start, start + int(record["length"])


def _store(stage: Stage, write: Write, kind: str, id: str, record: records.Record) -> None:
    seen_from = write.due_at + timedelta(seconds=stage.knobs.refresh_lag)
    stage.books.put(write.office_id, kind, id, record, loaded_at=seen_from, write_id=write.id)


def _wall_clock(write: Write) -> str:
    """Return the time on the practice's wall when the write is carried out."""
    local: datetime = write.due_at.astimezone(OFFICES[write.office_id].zone)
    return local.strftime("%Y-%m-%dT%H:%M:%S")


def _midnight(day: str) -> str:
    """Write a day, or the day of a time, as the gateway's records do."""
    return f"{day[:10]}T00:00:00"
