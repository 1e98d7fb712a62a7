"""The writing endpoints: what the gateway checks before it queues a write.

A write is only queued; its number stands inside a sentence of the receipt. What the gateway
refuses at once and what only fails at the practice is mostly undocumented. Unverified, here: forms,
legal values and lengths are checked at once; whether a patient, a provider or an operatory exists
is known at the practice alone.

A medical note's text, a description or a note must have no "special characters", says the
documentation; it does not say which, and none is refused here.
"""

import re
from collections.abc import Collection, Sequence
from datetime import date, time
from decimal import Decimal

from werkzeug.wrappers import Response

from . import locations, records, vocabulary, writes
from .call import Call, iso_day, parsed, whole_number
from .errors import not_simulated, refused, write_accepted, wrong
from .offices import OFFICES
from .vocabulary import PAYMENT_TYPES, PaymentKind

APPOINTMENT_REQUIRED = (
    *("patient_id", "provider_id", "practice_id"),
    *("date", "time", "length", "operatory"),
)
PATIENT_REQUIRED = ("firstname", "lastname", "provider_id", "practice_id")
CHANGE_REQUIRED = ("practice_id", "provider_id")
STATUS_REQUIRED = ("op", "path", "value", "practice_id", "appointment_sr_no")
STATUS_PATH = "/appointment_status"
NOTE_REQUIRED = ("patient_id", "type", "text", "date", "provider_id", "practice_id")
PAYMENT_REQUIRED = (
    *("patient_id", "guarantor_id", "procedure_code", "procedure_description"),
    *("provider_id", "amount", "practice_id", "transaction_date"),
)

# What PATCH /patient can change, of the fields that the documentation names for Dolphin
# Management. It says that mail, telephones and address cannot be changed, and not whether they are
# refused or passed over; here every other field is refused.
PATIENT_CHANGEABLE = (
    *("firstname", "lastname", "preferred_name", "birthdate", "gender"),
    *("salutation", "status", "provider_id"),
)
LONGEST_PREFERRED_NAME = 50

# Documented fields of POST /transaction that lead elsewhere: payments spread over procedures,
# refunds and cards.
PAYMENT_NOT_SIMULATED = frozenset(
    {
        *("is_payment_by_procedure", "is_payment_by_procedure_code", "is_payment_refund"),
        *("is_perform_credit_adjustment_writeback", "transaction_sr_no"),
        *("card_holder_name", "card_number", "cvv", "expiration_month", "expiration_year"),
    }
)


def post_appointment(call: Call) -> Response:
    """POST /appointment: book."""
    body = _body(call, APPOINTMENT_REQUIRED)
    _check_times(body)
    _check_status("status", body.get("status"))
    _check_details(call, body, "new_appointment", {"type": "appttype"})
    return _accept(call, "appointments", body)


def put_appointment(call: Call, sr_no: str) -> Response:
    """PUT /appointments/{sr_no}: move an appointment or change what it is."""
    body = _body(call, CHANGE_REQUIRED)
    _check_times(body)
    _check_status("status", body.get("status"))
    _check_details(call, body, "update_appointment", {"type": "ApptType"})
    return _accept(call, "appointments", body, sr_no)


def patch_appointment(call: Call, sr_no: str) -> Response:
    """PATCH /appointments/{sr_no}: set its status, and nothing else."""
    body = _body(call, STATUS_REQUIRED)
    if body["op"] != "replace":
        raise wrong("op", "must be replace")
    if body["path"] != STATUS_PATH:
        raise wrong("path", f"must be {STATUS_PATH}")
    if body["appointment_sr_no"] != sr_no:
        raise wrong("appointment_sr_no", "must be the one in the address")
    _check_status("value", body["value"])
    return _accept(call, "appointments", body, sr_no)


def post_patient(call: Call) -> Response:
    """POST /patient: register."""
    body = _body(call, PATIENT_REQUIRED)
    _check_birthdate(call, body)
    return _accept(call, "patients", body)


def patch_patient(call: Call, patient_id: str) -> Response:
    """PATCH /patient/{id}: change what a patient is called and the like.

    Only Dolphin Management (the knob `dolphin`) and OrthoTrac can do it. How the gateway refuses
    it for others is unverified: here like any API that the caller has no right to.
    """
    if not call.stage.knobs.runs_dolphin(call.office_id):
        raise refused("API2004")
    body = _body(call, ("practice_id",))
    if body.get("patient_id", patient_id) != patient_id:
        raise wrong("patient_id", "must be the one in the address")
    for name in body:
        if name not in {"practice_id", "patient_id", "check_spu", *PATIENT_CHANGEABLE}:
            raise wrong(name, "cannot be changed in this practice management system")
    if not any(body.get(name, "").strip() for name in PATIENT_CHANGEABLE):
        raise refused("API1026", "At least one optional parameter must be provided.")
    _check_birthdate(call, body)
    _check_length(body, "preferred_name", LONGEST_PREFERRED_NAME)
    categories = {"gender": "Gender", "status": "Status", "salutation": "Salutation"}
    _check_details(call, body, "update_patient", categories)
    return _accept(call, "patients", body, patient_id)


def post_medical_note(call: Call) -> Response:
    """POST /medical_notes: write a note into a patient's record."""
    body = _body(call, NOTE_REQUIRED)
    parsed("date", body["date"], iso_day, "must be a date, yyyy-mm-dd")
    _check_one_of("type", body["type"], vocabulary.NOTE_TYPES)
    _check_length(body, "text", call.stage.knobs.note_length)
    for_appointment = body["type"] == vocabulary.APPOINTMENT_NOTE
    if for_appointment and not body.get("appointment_sr_no", "").strip():
        raise wrong("appointment_sr_no", "is required for this type of note")
    return _accept(call, "medical_notes", body)


def post_transaction(call: Call) -> Response:
    """POST /transaction: record a payment that was made, or an adjustment.

    Whether an amount may be negative is undocumented; here it may.
    """
    body = _body(call, PAYMENT_REQUIRED)
    for name in body:
        if name in PAYMENT_NOT_SIMULATED and body[name].strip().lower() not in ("", "false"):
            raise not_simulated(name)
    known = PAYMENT_TYPES.get(body["procedure_code"])
    if known is None or known.kind is PaymentKind.INSURANCE:
        raise wrong("procedure_code", "must be one of payment_types that is no insurance's")
    if body["procedure_description"] != known.description:
        raise wrong("procedure_description", "must be the one of the procedure_code")
    rule = "must be an amount, and not zero"
    if parsed("amount", body["amount"], _amount, rule) == 0:
        raise wrong("amount", rule)
    for name in ("transaction_date", "transaction_entry_date"):
        parsed(name, body.get(name, ""), iso_day, "must be a date, yyyy-mm-dd")
    return _accept(call, "transactions", body)


def _body(call: Call, required: Sequence[str]) -> dict[str, str]:
    body = call.fields()
    for name in required:
        if not body.get(name, "").strip():
            raise wrong(name, "is required")
    practice_id = body["practice_id"]
    known = records.practice_of(call.office_id, practice_id) is not None
    if not known or not locations.is_on(call.stage.books, call.office_id, practice_id):
        raise refused("API2007")
    return body


def _check_times(body: dict[str, str]) -> None:
    parsed("date", body.get("date", ""), iso_day, "must be a date, yyyy-mm-dd")
    parsed("time", body.get("time", ""), _time, "must be a time, HH:mm")
    length = parsed(
        "length", body.get("length", ""), whole_number, "must be a whole number of minutes"
    )
    if length == 0:
        raise wrong("length", "must be 1 or more")


def _check_birthdate(call: Call, body: dict[str, str]) -> None:
    birthdate = parsed(
        "birthdate", body.get("birthdate", ""), iso_day, "must be a date, yyyy-mm-dd"
    )
    today: date = call.now.astimezone(OFFICES[call.office_id].zone).date()
    if birthdate is not None and birthdate > today:
        raise wrong("birthdate", "must not be in the future")


def _check_status(name: str, value: str | None) -> None:
    if value:
        _check_one_of(name, value, vocabulary.STATUSES)


def _check_details(
    call: Call, body: dict[str, str], writeback_type: str, categories: dict[str, str]
) -> None:
    """Refuse a field whose value is not among those of its category in writeback_details."""
    known = vocabulary.details(call.stage.knobs, call.office_id, writeback_type)
    for name, category in categories.items():
        if value := body.get(name, "").strip():
            _check_one_of(name, value, known[category])


def _check_one_of(name: str, value: str, legal: Collection[str]) -> None:
    if value not in legal:
        raise wrong(name, f"must be one of {', '.join(legal)}")


def _check_length(body: dict[str, str], name: str, longest: int) -> None:
    if len(body.get(name, "")) > longest:
        raise wrong(name, f"must have {longest} characters or fewer")


def _accept(call: Call, api: str, body: dict[str, str], target: str = "") -> Response:
    """Queue the write. Only a caller who asks for it learns that the agent is offline."""
    if body.get("check_spu", "").lower() == "true" and call.stage.knobs.offline(call.office_id):
        raise refused("API2017")
    method = call.request.method
    call.write_id = writes.add(
        call.stage,
        app_id=call.app_id or "",
        office_id=call.office_id,
        request_key=call.request_key,
        method=method,
        api=api,
        target=target,
        body=body,
    )
    # Samples of writes' answers carry this content type, although the body is JSON.
    receipt = write_accepted(method, api, call.write_id, call.base)
    return receipt.response("text/html; charset=UTF-8")


def _time(text: str) -> time:
    if not re.fullmatch(r"\d\d:\d\d", text, re.ASCII):
        raise ValueError(text)
    return time.fromisoformat(text)


def _amount(text: str) -> Decimal:
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,4})?", text, re.ASCII):
        raise ValueError(text)
    return Decimal(text)
