"""Records as adapters tell them, of a clinic with one of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from clinics.models import Clinic
from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PractitionerRecord,
)
from clinics.services import store

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=4)

ADA = PatientRecord(
    external_id="1",
    first_name="Ada",
    last_name="Invented",
    birth_date=date(1984, 12, 10),
    email="ada@example.org",
    phone="207-555-0123",
    is_active=True,
    other_phone="207-555-0199",
    guarantor_id="2",
    made_at=datetime(2029, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    changed_at=datetime(2030, 3, 5, 9, 0, tzinfo=UTC),
)
VISIT = AppointmentRecord(
    external_id="70001",
    patient_id="1",
    practitioner_id="DMD1",
    location_id="1",
    operatory_id="OP1",
    starts_at=datetime(2030, 3, 6, 14, 0, tzinfo=UTC),
    ends_at=datetime(2030, 3, 6, 14, 30, tzinfo=UTC),
    status="booked",
    pms_status="Unconfirmed",
    description="Check-up",
    appointment_type_id="T1",
)
SITE = LocationRecord(external_id="1", name="Main street", timezone="America/New_York")
DENTIST = PractitionerRecord(
    external_id="DMD1", first_name="Helena", last_name="Marsh", is_active=True
)
CHAIR = OperatoryRecord(external_id="OP1", name="Chair 1")
CHECK_UP = AppointmentTypeRecord(external_id="T1", name="Check-up", minutes=30, is_active=True)


def patients(count: int) -> list[PatientRecord]:
    return [replace(ADA, external_id=str(number)) for number in range(count)]


def people_and_places(clinic: Clinic) -> None:
    for record in (ADA, SITE, DENTIST, CHAIR, CHECK_UP):
        store(clinic, [record], now=NOW)
