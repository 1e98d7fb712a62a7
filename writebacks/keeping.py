"""Put what the PMS confirmed into our copy, without waiting for the next sync to bring it.

A record that is changed so loses its hash: the next sync writes it as the PMS has it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clinics import changes
from clinics.models import Appointment, AppointmentStatus, Patient, Record
from integrations.profiles import profile_of, status_word
from writebacks.models import Writeback
from writebacks.operations import RECORDED_AS, NewStatus, Operation
from writebacks.requests import Incomplete, NewPatient, PatientChange, Rescheduling, read


def keep(writeback: Writeback, now: datetime) -> None:
    """Carry a confirmed writeback over into our own records. Safe to repeat."""
    changes.announce(writeback.clinic_id)
    match writeback.operation:
        case Operation.BOOK if writeback.created_external_id:
            _appointment(writeback, now)
        case Operation.CREATE_PATIENT if writeback.created_external_id:
            _patient(writeback, now)
        case Operation.RESCHEDULE | Operation.UPDATE_PATIENT:
            _changed(writeback, now)
        case Operation.CANCEL | Operation.SET_STATUS:
            status = NewStatus(writeback.command["status"])
            word = status_word(profile_of(writeback.integration), status) or ""
            told = {"status": RECORDED_AS[status], "pms_status": word}
            _change(Appointment, writeback.appointment_id, now, told)


def _appointment(writeback: Writeback, now: datetime) -> None:
    """Keep a booking. What a sync has brought already is newer than what was asked for."""
    asked = writeback.command
    Appointment.objects.get_or_create(
        clinic_id=writeback.clinic_id,
        external_id=writeback.created_external_id,
        defaults={
            "organization_id": writeback.organization_id,
            "patient_id": asked["patient"],
            "practitioner_id": asked["practitioner"],
            "operatory_id": asked["operatory"],
            "location_id": asked["location"],
            "appointment_type_id": asked.get("appointment_type"),
            "starts_at": datetime.fromisoformat(asked["starts_at"]),
            "ends_at": datetime.fromisoformat(asked["ends_at"]),
            "description": asked["description"],
            "status": AppointmentStatus.BOOKED,
            "sync_status": Record.SyncStatus.SYNCED,
            "last_synced_at": now,
            "updated_at": now,
        },
    )


def _patient(writeback: Writeback, now: datetime) -> None:
    asked = read(writeback.operation, writeback.clinic, writeback.command)
    assert isinstance(asked, NewPatient)  # noqa: S101 (for the type checker)
    patient, _ = Patient.objects.get_or_create(
        clinic_id=writeback.clinic_id,
        external_id=writeback.created_external_id,
        defaults={
            "organization_id": writeback.organization_id,
            "first_name": asked.first_name,
            "last_name": asked.last_name,
            "birth_date": asked.birth_date,
            "email": asked.email,
            "phone": asked.phone,
            "sync_status": Record.SyncStatus.SYNCED,
            "last_synced_at": now,
            "updated_at": now,
        },
    )
    if writeback.patient_id != patient.pk:
        Writeback.objects.filter(pk=writeback.pk).update(patient=patient)
        writeback.patient = patient


def _changed(writeback: Writeback, now: datetime) -> None:
    try:
        asked = read(writeback.operation, writeback.clinic, writeback.command)
    except Incomplete:
        return  # a record that it names has gone since: a sync knows more than we do
    if isinstance(asked, Rescheduling):
        names = ("practitioner", "operatory", "location", "starts_at", "ends_at")
        told = {name: getattr(asked, name) for name in names}
        _change(Appointment, asked.appointment.pk, now, told)
    elif isinstance(asked, PatientChange):
        _change(Patient, asked.patient.pk, now, asked.changes)


def _change(model: type[Record], pk: Any, now: datetime, changes: dict[str, Any]) -> None:
    record = model._default_manager.select_for_update(no_key=True).get(pk=pk)
    for name, value in {**changes, "payload_hash": "", "updated_at": now}.items():
        setattr(record, name, value)
    record.save()
