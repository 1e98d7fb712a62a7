"""The functions that write patients, whose parameters are called otherwise than what is read.

A parameter that is not known is silently ignored and the answer still says success, as users of
live accounts saw. `phone`, which parts of the reference show, is taken for one of those
(unverified).
"""

from datetime import date

from werkzeug.wrappers import Response

from . import records, writes
from .answers import wrong
from .call import Call
from .records import Record

REQUIRED = ("first_name", "last_name", "date_of_birth")
FIELDS = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "date_of_birth": "DOB",
    "email": "Email",
    "mobile": "Mobile",
    "home": "Home",
    "work": "Work",
    "address_line_1": "Addr1",
    "address_line_2": "Addr2",
    "address_line_3": "Addr3",
    "city": "City",
    "state": "State",
    "postcode": "Postcode",
    "country": "Country",
    "client_notes": "Notes",
    "alert_notes": "Alerts",
}


def add_patient(call: Call) -> Response:
    """Register a patient. That the same person can be registered twice is unverified."""
    call.require(*REQUIRED)
    number = call.stage.books.next_id(call.office_id, records.PATIENT)
    own = {
        "ID": number,
        "LocationID": call.account.locations[0].id,
        "DateCreated": records.written(call.now),
        "DateModified": records.written(call.now),
    }
    record = records.patient({**_given(call), **own})
    writes.accept(call)
    writes.store(call, records.PATIENT, record, new=True)
    return call.result({"patient_id": number})


def edit_patient(call: Call) -> Response:
    """Change what is known of a patient. A field without a value is emptied (unverified)."""
    call.require("patient_id")
    number = call.text("patient_id")
    before = records.existing(call.stage.books, call.office_id, records.PATIENT, number)
    if before is None:
        raise wrong("patient_id", "is unknown")
    values = _given(call)
    for name in REQUIRED:
        if values.get(FIELDS[name]) == "":
            raise wrong(name, "must not be empty")
    after = {**before, **values}
    if after != before:
        after["DateModified"] = records.written(call.now)
    writes.accept(call)
    writes.store(call, records.PATIENT, after)
    return call.result({"patient_id": number})


def _given(call: Call) -> Record:
    born, today = call.day("date_of_birth"), _today(call)
    if born is not None and born > today:
        raise wrong("date_of_birth", "must not be in the future")
    return {field: call.text(name) for name, field in FIELDS.items() if name in call.parameters}


def _today(call: Call) -> date:
    return call.now.astimezone(call.account.zone).date()
