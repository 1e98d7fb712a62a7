"""The words that an office's practice-management system knows, and the lists that tell them.

A write may only use these. What is not said to be from Sikka's public API documentation is this
simulation's own: every practice has other words, and a client has to ask for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from werkzeug.wrappers import Response

from integrations.sandbox.knobs import Knobs

from . import records
from .call import Call, Item
from .errors import wrong
from .filters import chosen, matching
from .offices import OFFICES

SERVICE_NAME = "Appointment Status"

# A writeback value of practice_variables, and the status an appointment then shows. The first
# four values are from the documentation's sample, "broken" is from its text. "cancelled",
# "arrived", "no show" and the words for the statuses are this practice's own.
STATUSES = {
    "open.unconfirm": "Unconfirmed",
    "open.confirm": "Confirmed",
    "complete.unconfirm": "Completed",
    "complete.confirm": "Completed",
    "arrived": records.ARRIVED,
    "no show": "No Show",
    "broken": "Broken",
    "cancelled": "Cancelled",
}
# The patient does not come, so the time is free again: stayed away, or called it off.
GIVEN_UP = frozenset({"Broken", "Cancelled", "No Show"})

# "General" is from the documentation's sample of an appointment.
APPOINTMENT_TYPES = ("General", "Exam", "Hygiene", "Emergency", "New Patient")

# The first two are from the documentation's sample, the third is from its text.
APPOINTMENT_NOTE = "Appointment Note"
NOTE_TYPES = ("Clinical Note", "PatNote", APPOINTMENT_NOTE)

GENDERS = ("male", "female", "unknown")
PATIENT_STATUSES = ("Active", "Inactive")
SALUTATIONS = ("Dr.", "Mr.", "Mrs.", "Ms.")


class PaymentKind(StrEnum):
    """What a code of payment_types books. The values are the parameters that ask for one kind."""

    PAYMENT = ""
    CREDIT_ADJUSTMENT = "is_adjustment_type"
    DEBIT_ADJUSTMENT = "is_debit_adjustment_type"
    INSURANCE = "is_insurance_type"


@dataclass(frozen=True)
class PaymentType:
    code: str
    description: str
    kind: PaymentKind = PaymentKind.PAYMENT


# Codes are words and not numbers: the documentation's sample has "2", "2.92" and "21", too.
PAYMENT_TYPES = {
    item.code: item
    for item in (
        PaymentType("1", "Cash Payment"),
        PaymentType("2", "Check Payment"),
        PaymentType("3", "Credit Card Payment"),
        PaymentType("2.92", "Insurance Payment by Check", PaymentKind.INSURANCE),
        PaymentType("11", "Courtesy Discount", PaymentKind.CREDIT_ADJUSTMENT),
        PaymentType("21", "Returned Check Fee", PaymentKind.DEBIT_ADJUSTMENT),
    )
}

# The kinds of writes and the names of categories are from the documentation. A category that is
# told for every office here is told for some systems only there.
DETAILS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "new_patient": {"Sex": GENDERS},
    "new_appointment": {"appttype": APPOINTMENT_TYPES},
    "update_appointment": {"ApptType": APPOINTMENT_TYPES},
    "update_patient": {
        "Gender": GENDERS,
        "Status": PATIENT_STATUSES,
        "Salutation": SALUTATIONS,
    },
    "patch_appointment": {},
    "medical_note": {},
    "lab_result": {},
    "claim_payment": {},
}


def details(knobs: Knobs, office_id: str, writeback_type: str) -> Mapping[str, tuple[str, ...]]:
    """Return the legal values of one kind of write at an office, by category."""
    if writeback_type == "update_patient" and not knobs.runs_dolphin(office_id):
        return {}
    return DETAILS[writeback_type]


def practice_variables(call: Call) -> Response:
    """GET /practice_variables: the values that a write may set."""
    items = [
        {
            **_of_practice(call, practice_id, "practice_variables"),
            "description": value,
            "service_name": SERVICE_NAME,
            "service_item": status,
            "value": value,
        }
        for practice_id in _practices(call)
        for value, status in STATUSES.items()
    ]
    found = matching(call, items, ["practice_id", "service_name", "service_item"])
    return call.listing_of([chosen(call, item, ["service_item"]) for item in found])


def appointment_statuses(call: Call) -> Response:
    """GET /appointment_statuses: the words that appointments carry."""
    items = [
        {**_of_practice(call, practice_id, f"appointment_statuses/{status}"), "status": status}
        for practice_id in _practices(call)
        for status in dict.fromkeys(STATUSES.values())
    ]
    return call.listing_of(matching(call, items, ["practice_id", "status"]))


def note_types(call: Call) -> Response:
    """GET /note_types: the values of a medical note's type."""
    items = [
        {
            **_of_practice(call, practice_id, f"note_types/{note_type}"),
            "description": "",
            "type": note_type,
            "cust_id": records.CUST_ID,
            "item": "",
        }
        for practice_id in _practices(call)
        for note_type in NOTE_TYPES
    ]
    return call.listing_of(matching(call, items, ["practice_id", "type"]))


def payment_types(call: Call) -> Response:
    """GET /payment_types: codes and descriptions of transactions, of every kind unless asked.

    No office here asks for the details of a card: with that parameter nothing is found.
    """
    kinds = [
        kind for kind in PaymentKind if kind and call.parameter(kind.value).lower() == "true"
    ] or list(PaymentKind)
    if call.parameter("are_credit_card_details_required").lower() == "true":
        kinds = []
    items = [
        {
            **_of_practice(call, practice_id, f"payment_types/{known.code}"),
            "description": known.description,
            "code": known.code,
            "cust_id": records.CUST_ID,
            "payment_type_status": "Active",
        }
        for practice_id in _practices(call)
        for known in PAYMENT_TYPES.values()
        if known.kind in kinds
    ]
    found = matching(call, items, ["practice_id", "code"])
    return call.listing_of(
        [chosen(call, item, ["cust_id", "payment_type_status"]) for item in found]
    )


def writeback_details(call: Call) -> Response:
    """GET /writeback_details: the legal values of one kind of write, by category."""
    writeback_type = call.required("writeback_type")
    if writeback_type not in DETAILS:
        raise wrong("writeback_type", f"must be one of {', '.join(DETAILS)}")
    known = details(call.stage.knobs, call.office_id, writeback_type)
    items = [
        {
            **_of_practice(call, practice_id, f"writeback_details/{category}"),
            "description": "",
            "cust_id": records.CUST_ID,
            "category": category,
            "item": value,
        }
        for practice_id in _practices(call)
        for category, values in known.items()
        for value in values
    ]
    return call.listing_of(matching(call, items, ["category", "item"]))


def _practices(call: Call) -> list[str]:
    return [practice.practice_id for practice in OFFICES[call.office_id].practices]


def _of_practice(call: Call, practice_id: str, path: str) -> Item:
    practice = call.practice(practice_id)
    return {
        "href": f"{practice}/{path}",
        "practice_id": practice_id,
        "practice_href": practice,
    }
