"""Patients, appointments, notes and transactions as Sikka shows them, and which fields unasked.

Field names and the split between default and `fields=get_all` are from the samples in Sikka's
public API documentation; of the many fields that are only ever empty here, some are left out.
Times are the practice's wall clock, without a zone.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from .offices import OFFICES, Practice, Provider

Record = dict[str, str]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


APPOINTMENT = "appointment"
PATIENT = "patient"
NOTE = "medical_note"
TRANSACTION = "transaction"
PROVIDER = "provider"

# Every office has one customer number in these samples.
CUST_ID = "1"

APPOINTMENT_FIELDS = _words(
    """
    patient_id guarantor_id provider_id practice_id amount status note surface_quadrant_type
    appointment_sr_no date time length description appointment_made_date type procedure_code1
    procedure_code1_amount procedure_code2 procedure_code2_amount procedure_code3
    procedure_code3_amount patient_name guarantor_name procedure_code1_time procedure_code2_time
    procedure_code3_time surface_quadrant
    """
)
APPOINTMENT_MORE_FIELDS = _words(
    """
    hygienist operatory last_changed_date is_companion sooner_if_possible is_confirmed
    confirmed_on_date schedule treatment_class cancelled cancelled_date location procedure_codes
    cust_id original_provider status_in_office multiple_statuses performed arrival_status
    arrival_time in_chair_time walkout_time service_category rowhash
    """
)

PATIENT_FIELDS = _words(
    """
    patient_id guarantor_id firstname middlename lastname preferred_name salutation birthdate
    status address_line1 address_line2 city state zipcode cell email first_visit last_visit
    provider_id practice_id primary_insurance_company_id primary_relationship
    primary_medical_insurance primary_medical_insurance_id primary_medical_relationship
    primary_medical_subscriber_id subscriber_id other_referral patient_referral referred_out
    fee_no guarantor_first_name guarantor_last_name created_date preferred_contact
    preferred_communication_method
    """
)
PATIENT_MORE_FIELDS = _words(
    """
    patient_note medical_note alert_note other_note gender homephone workphone other_phone
    country billing_type secondary_insurance_company_id secondary_relationship marital_status
    hygienist cust_id email_alert text_alert voice_alert chart_number rowhash
    """
)

NOTE_FIELDS = _words(
    """
    patient_id provider_id practice_id transaction_sr_no surface clinical_condition_id date
    description type tooth_number procedure_date text procedure_code_id time_stamp
    other_description error_code
    """
)
NOTE_MORE_FIELDS = _words("created_by cust_id note_id communication_method")

TRANSACTION_FIELDS = _words(
    """
    patient_id guarantor_id provider_id practice_id transaction_sr_no transaction_type
    transaction_date procedure_code procedure_description amount transaction_entry_date
    estimated_insurance_payment tooth_from tooth_to quantity claim_sr_no payment_type surface
    note created_by last_updated_by primary_insurance_estimate
    """
)
TRANSACTION_MORE_FIELDS = _words(
    """
    invoice_number invoice_status invoice_item pre_authorization_id is_group_transaction
    cheque_no clinical_condition_id collection_provider_id secondary_insurance_estimate
    surface_quadrant_type appointment_sr_no cust_id rowhash
    """
)

# A field that no reader sees: it marks the last version of a record that was deleted.
DELETED = "deleted"

# The status of a patient who is there: its word is this practice's own.
ARRIVED = "Arrived"


def appointment(values: Mapping[str, str]) -> Record:
    """Return a whole appointment from the fields that matter."""
    blank = dict.fromkeys((*APPOINTMENT_FIELDS, *APPOINTMENT_MORE_FIELDS), "")
    zeros = {f"procedure_code{n}_{what}": "0" for n in (1, 2, 3) for what in ("amount", "time")}
    status = values.get("status", "")
    return with_rowhash(
        {
            **blank,
            **zeros,
            "amount": "0.0000",
            "type": "General",
            "cust_id": CUST_ID,
            "is_confirmed": _flag(status == "Confirmed"),
            "cancelled": _flag(status == "Cancelled"),
            **values,
        }
    )


def with_status(record: Record, status: str, wall_clock: str) -> Record:
    """Return the appointment in a new status, with the fields that follow from it."""
    cancelled, confirmed = status == "Cancelled", status == "Confirmed"
    # That these two fields follow from a status is unverified.
    arrival = {"arrival_status": ARRIVED, "arrival_time": wall_clock[11:16]}
    return changed(
        record,
        {
            **(arrival if status == ARRIVED else {}),
            "status": status,
            "is_confirmed": _flag(confirmed),
            "confirmed_on_date": wall_clock if confirmed else record["confirmed_on_date"],
            "cancelled": _flag(cancelled),
            "cancelled_date": wall_clock if cancelled else "",
        },
        wall_clock,
    )


def changed(record: Record, values: Mapping[str, str], wall_clock: str) -> Record:
    return with_rowhash({**record, **values, "last_changed_date": wall_clock})


def patient(values: Mapping[str, str]) -> Record:
    """Return a whole patient from the fields that matter."""
    blank = dict.fromkeys((*PATIENT_FIELDS, *PATIENT_MORE_FIELDS), "")
    return with_rowhash({**blank, "status": "Active", "fee_no": "0", "cust_id": CUST_ID, **values})


def deleted(record: Record) -> Record:
    """Return the last version of a record: what it was, with the mark that it is gone."""
    return {**record, DELETED: "True"}


def is_deleted(record: Record) -> bool:
    return DELETED in record


def provider(item: Provider) -> Record:
    return {
        "provider_id": item.provider_id,
        "provider_type": item.provider_type,
        "firstname": item.first_name,
        "lastname": item.last_name,
        "specialty": "Hygiene" if item.provider_type == "Hygienist" else "General Practice",
        "practice_id": item.practice_id,
        "status": "Active" if item.active else "Inactive",
        "is_hidden": "False",
        "cust_id": CUST_ID,
    }


def note(values: Mapping[str, str]) -> Record:
    """Return a whole medical note from the fields that matter."""
    blank = dict.fromkeys((*NOTE_FIELDS, *NOTE_MORE_FIELDS), "")
    zeros = dict.fromkeys(("transaction_sr_no", "clinical_condition_id", "procedure_code_id"), "0")
    return {**blank, **zeros, "cust_id": CUST_ID, **values}


def transaction(values: Mapping[str, str]) -> Record:
    """Return a whole transaction from the fields that matter."""
    blank = dict.fromkeys((*TRANSACTION_FIELDS, *TRANSACTION_MORE_FIELDS), "")
    zeros = {"estimated_insurance_payment": "0", "primary_insurance_estimate": "0.0000"}
    return with_rowhash({**blank, **zeros, "cust_id": CUST_ID, **values})


def with_rowhash(record: Record) -> Record:
    content = "|".join(value for name, value in record.items() if name != "rowhash")
    digest = hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest().upper()
    pairs = [digest[start : start + 2] for start in range(0, len(digest), 2)]
    return {**record, "rowhash": "-".join(pairs)}


def appointment_links(base: str, record: Mapping[str, str]) -> Record:
    practice = f"{base}/practices/{record['practice_id']}"
    return {
        "href": f"{practice}/appointments/{record['appointment_sr_no']}",
        "patient_href": f"{practice}/patients/{record['patient_id']}",
        "provider_href": f"{practice}/providers/{record['provider_id']}",
        "practice_href": practice,
        "guarantor_href": "",
    }


def patient_links(base: str, record: Mapping[str, str]) -> Record:
    practice = f"{base}/practices/{record['practice_id']}"
    patient_id = record["patient_id"]
    return {
        "href": f"{practice}/patients/{patient_id}",
        "provider_href": f"{practice}/providers/{record['provider_id']}",
        "practice_href": practice,
        "appointment_href": f"{practice}/appointments?patient_id={patient_id}",
        "guarantor_href": f"{practice}/guarantors/{record['guarantor_id']}",
    }


def note_links(base: str, record: Mapping[str, str]) -> Record:
    practice = f"{base}/practices/{record['practice_id']}"
    return {
        # It ends without the note's own number, as in the samples.
        "href": f"{practice}/medical_notes",
        "patient_href": f"{practice}/patients/{record['patient_id']}",
        "provider_href": f"{practice}/providers/{record['provider_id']}",
        "practice_href": practice,
        "transaction_href": f"{practice}/transactions/{record['transaction_sr_no']}",
        "procedure_code_href": f"{practice}/procedure_codes/{record['procedure_code_id']}",
    }


def transaction_links(base: str, record: Mapping[str, str]) -> Record:
    practice = f"{base}/practices/{record['practice_id']}"
    return {
        "href": f"{practice}/transactions/{record['transaction_sr_no']}",
        "patient_href": f"{practice}/patients/{record['patient_id']}",
        "provider_href": f"{practice}/providers/{record['provider_id']}",
        "practice_href": practice,
        "guarantor_href": f"{practice}/guarantors/{record['guarantor_id']}",
        "claim_href": f"{practice}/claims/{record['claim_sr_no']}",
    }


def provider_links(base: str, record: Mapping[str, str]) -> Record:
    practice = f"{base}/practices/{record['practice_id']}"
    return {
        "href": f"{practice}/providers/{record['provider_id']}",
        "practice_href": practice,
    }


def moment(record: Mapping[str, str], zone: ZoneInfo) -> datetime:
    """Return when an appointment begins. An hour that comes twice counts as the first one."""
    return datetime.fromisoformat(f"{record['date'][:10]}T{record['time']}").replace(tzinfo=zone)


def minutes(record: Mapping[str, str]) -> tuple[int, int]:
    """Return when an appointment begins and ends, in minutes since midnight."""
    hours, minutes = record["time"].split(":")
    start = int(hours) * 60 + int(minutes)
    return start, start + int(record["length"])


def midnight(day: str) -> str:
    """Write a day, or the day of a time, as the gateway's records do."""
    return f"{day[:10]}T00:00:00"


def practice_of(office_id: str, practice_id: str) -> Practice | None:
    practices = OFFICES[office_id].practices
    return next((item for item in practices if item.practice_id == practice_id), None)


def _flag(value: bool) -> str:
    return "True" if value else "False"
