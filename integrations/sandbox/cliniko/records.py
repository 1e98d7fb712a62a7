"""What Cliniko keeps of each kind, and how it shows a record: relations as links, not as ids.

Field names are from the vendor's OpenAPI description of August 2025; of the many fields that are
only ever empty here, most are left out. Records are kept with ids; `shown` turns them into links.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .call import Call

Record = dict[str, Any]

PATIENT = "patient"
APPOINTMENT = "appointment"
PRACTITIONER = "practitioner"
BUSINESS = "business"
APPOINTMENT_TYPE = "appointment_type"
DAILY_AVAILABILITY = "daily_availability"

# The resource's name in addresses and envelopes.
RESOURCES = {
    PATIENT: "patients",
    APPOINTMENT: "individual_appointments",
    PRACTITIONER: "practitioners",
    BUSINESS: "businesses",
    APPOINTMENT_TYPE: "appointment_types",
    DAILY_AVAILABILITY: "daily_availabilities",
}

# Documented codes of `cancellation_reason`; 31 can be read and not be written any more.
CANCELLATION_REASONS = {
    10: "Feeling Better",
    20: "Condition Worse",
    30: "Sick",
    31: "COVID-19 related",
    40: "Away",
    50: "Other",
    60: "Work",
}
WRITABLE_REASONS = frozenset(CANCELLATION_REASONS) - {31}

PATIENT_FIELDS: Record = {
    "accepted_email_marketing": None,
    "accepted_privacy_policy": None,
    "accepted_sms_marketing": None,
    "address_1": None,
    "address_2": None,
    "address_3": None,
    "appointment_notes": None,
    "city": None,
    "country": None,
    "country_code": None,
    "date_of_birth": None,
    "email": None,
    "emergency_contact": None,
    "first_name": "",
    "gender": None,
    "gender_identity": None,
    "invoice_email": None,
    "last_name": "",
    "notes": None,
    "occupation": None,
    "old_reference_id": None,
    "patient_phone_numbers": [],
    "post_code": None,
    "preferred_first_name": None,
    "receives_cancellation_emails": True,
    "receives_confirmation_emails": True,
    "referral_source": None,
    "reminder_type": "SMS & Email",
    "sex": None,
    "state": None,
    "time_zone": None,
    "title": None,
}
_PATIENT_STATES: Record = {
    "archived_at": None,
    "deleted_at": None,
    "merged_at": None,
    "merged_with_patient_id": None,
}
_APPOINTMENT_FIELDS: Record = {
    "starts_at": None,
    "ends_at": None,
    "patient_id": None,
    "practitioner_id": None,
    "business_id": None,
    "appointment_type_id": None,
    "patient_case_id": None,
    "repeated_from_id": None,
    "patient_name": "",
    "notes": None,
    "cancelled_at": None,
    "archived_at": None,
    "deleted_at": None,
    "cancellation_reason": None,
    "cancellation_reason_description": None,
    "cancellation_note": None,
    "did_not_arrive": False,
    "patient_arrived": False,
    "telehealth_url": None,
    "booking_ip_address": None,
    "invoice_status": None,
    "treatment_note_status": None,
    "email_reminder_sent": False,
    "sms_reminder_sent": False,
    "has_patient_appointment_notes": False,
    "online_booking_policy_accepted": None,
    "repeat_rule": None,
}


def patient(id: str, at: str, values: Mapping[str, Any]) -> Record:
    """Return a whole patient, created at a moment, from the fields that matter."""
    return {
        "id": id,
        "created_at": at,
        "updated_at": at,
        **PATIENT_FIELDS,
        **_PATIENT_STATES,
        **values,
    }


def appointment(id: str, at: str, values: Mapping[str, Any]) -> Record:
    """Return a whole appointment, created at a moment, from the fields that matter."""
    return {"id": id, "created_at": at, "updated_at": at, **_APPOINTMENT_FIELDS, **values}


def changed(record: Record, values: Mapping[str, Any], at: str) -> Record:
    """Return the record with new values; `updated_at` moves if any of them is another."""
    moved = any(record[name] != value for name, value in values.items())
    return {**record, **values, "updated_at": at if moved else record["updated_at"]}


def phone_number(calling_code: str, phone_type: str, number: str) -> Record:
    """Return a telephone number as Cliniko keeps it. How it normalizes one is inferred."""
    digits = "".join(letter for letter in number if letter.isdigit())
    national = digits.removeprefix("0")
    international = digits if number.strip().startswith("+") else calling_code + national
    return {
        "phone_type": phone_type,
        "number": number,
        "normalized_number": international if digits else "",
    }


def shown(call: Call, kind: str, record: Record) -> Record:
    """Return a record as the API shows it."""
    own = f"{RESOURCES[kind]}/{record['id']}"
    return {**_SHOWN[kind](call, record), **call.link(own)}


def _patient(call: Call, record: Record) -> Record:
    # `label` is from the description; that it is the full name is unverified.
    own = f"patients/{record['id']}"
    return {
        **_without(record, "merged_with_patient_id"),
        "label": f"{record['first_name']} {record['last_name']}",
        "custom_fields": None,
        "appointments": call.link(f"{own}/appointments"),
        "attendees": call.link(f"attendees?q%5B%5D=patient_id%3A%3D{record['id']}"),
        "invoices": call.link(f"{own}/invoices"),
        "medical_alerts": call.link(f"{own}/medical_alerts"),
        "patient_attachments": call.link(f"{own}/patient_attachments"),
        "merged_with_patient": _linked(call, "patients", record["merged_with_patient_id"]),
    }


def _appointment(call: Call, record: Record) -> Record:
    own = f"individual_appointments/{record['id']}"
    ids = ("patient", "practitioner", "business", "appointment_type", "patient_case")
    links = {
        name: _linked(call, RESOURCES.get(name, f"{name}s"), record[f"{name}_id"]) for name in ids
    }
    repeats = f"individual_appointments?q%5B%5D=repeated_from_id%3A%3D{record['id']}"
    return {
        **_without(record, *(f"{name}_id" for name in (*ids, "repeated_from"))),
        **links,
        "attendees": call.link(f"{own}/attendees"),
        "conflicts": call.link(f"{own}/conflicts"),
        "repeated_from": _linked(call, "individual_appointments", record["repeated_from_id"]),
        "repeats": call.link(repeats),
    }


def _practitioner(call: Call, record: Record) -> Record:
    own = f"practitioners/{record['id']}"
    hidden = ("user_id", "business_ids", "appointment_type_ids", "default_appointment_type_id")
    type_id = record["default_appointment_type_id"]
    return {
        **_without(record, *hidden),
        "user": call.link(f"users/{record['user_id']}"),
        "default_appointment_type": _linked(call, "appointment_types", type_id),
        "appointment_types": call.link(f"{own}/appointment_types"),
        "appointments": call.link(f"{own}/appointments"),
        "invoices": call.link(f"{own}/invoices"),
        "practitioner_reference_numbers": call.link(f"{own}/practitioner_reference_numbers"),
    }


def _business(call: Call, record: Record) -> Record:
    own = f"businesses/{record['id']}"
    return {
        **record,
        "appointments": call.link(f"{own}/appointments"),
        "practitioners": call.link(f"{own}/practitioners"),
    }


def _appointment_type(call: Call, record: Record) -> Record:
    own = f"appointment_types/{record['id']}"
    return {**record, "practitioners": call.link(f"{own}/practitioners")}


def _daily_availability(call: Call, record: Record) -> Record:
    return {
        **_without(record, "business_id", "practitioner_id"),
        "business": call.link(f"businesses/{record['business_id']}"),
        "practitioner": call.link(f"practitioners/{record['practitioner_id']}"),
    }


_SHOWN: dict[str, Callable[[Call, Record], Record]] = {
    PATIENT: _patient,
    APPOINTMENT: _appointment,
    PRACTITIONER: _practitioner,
    BUSINESS: _business,
    APPOINTMENT_TYPE: _appointment_type,
    DAILY_AVAILABILITY: _daily_availability,
}


def _linked(call: Call, resource: str, id: str | None) -> Record | None:
    """Return a relation. That one which is not there is null and not left out is unverified."""
    return None if id is None else call.link(f"{resource}/{id}")


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}
