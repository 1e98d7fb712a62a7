"""The endpoints that tell what became of a write.

GET /writeback_status tells it for one office's key, GET /writebacks for the whole application;
DELETE /writebacks takes a pending one back.
"""

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from . import writes
from .call import Call, Item
from .errors import refused, write_withdrawn, wrong
from .writes import State, Write

# From Sikka's public API documentation.
LONGEST_LIST = timedelta(days=7)

# "appointment" is from the documentation's sample of the list; the others, formed alike, are
# unverified.
API_NAMES = {
    "appointments": "appointment",
    "patients": "patient",
    "medical_notes": "medical_note",
    "transactions": "transaction",
}


def status(call: Call) -> Response:
    """GET /writeback_status: one write of the key's own office."""
    write = writes.find(call.stage.books, _required_id(call))
    if write is None or write.office_id != call.office_id or write.state is State.WITHDRAWN:
        return Response(status=204)
    # The documentation's sample of this endpoint, unlike others, is an envelope within a list.
    return call.listing([_status_item(call, write)], 1, wrapped=True)


def listed(call: Call) -> Response:
    """GET /writebacks: all writes of the application in a window of days, for every office.

    That the days are UTC's and that the oldest write comes first is unverified.
    """
    first, last = call.day("startdate"), call.day("enddate")
    if first is None or last is None:
        raise wrong("startdate" if first is None else "enddate", "is required")
    if not timedelta() <= last - first <= LONGEST_LIST:
        raise wrong("enddate", "must not be before startdate nor more than 7 days after it")
    found = writes.submitted(
        call.stage.books,
        call.app_id or "",
        since=_midnight(first),
        before=_midnight(last + timedelta(days=1)),
        write_id=call.number("id"),
    )
    return call.listing_of([_list_item(call, write) for write in found])


def withdraw(call: Call) -> Response:
    """DELETE /writebacks: take back a write that is still pending.

    What happens to a finished one is undocumented; here it is refused as a conflict of parameters.
    """
    write_id = _required_id(call)
    write = writes.find(call.stage.books, write_id)
    if write is None or write.app_id != call.app_id or write.state is State.WITHDRAWN:
        raise refused("API2009")
    call.office_id = write.office_id
    if not writes.finish(call.stage.books, write_id, State.WITHDRAWN, call.now, "withdrawn"):
        raise wrong("id", "belongs to a writeback request that is not pending any more")
    return write_withdrawn().response()


def _required_id(call: Call) -> int:
    call.required("id")
    return call.number("id") or 0


def _status_item(call: Call, write: Write) -> Item:
    ended, pending = write.ended_at, write.state is State.PENDING
    failed = write.state is State.FAILED
    received = _seconds(write.submitted_at)
    changed_patient = write.target if write.api == "patients" else ""
    return {
        "id": str(write.id),
        "office_id": write.office_id,
        "method": write.method,
        "api": write.api,
        "payload_body": _echo(call, write),
        "appointment_sr_no": write.target if write.api == "appointments" else "",
        "request_time": received,
        # Empty while pending, as in a public client's recording; "Failed" is unverified.
        "is_completed": "" if pending else "True",
        "has_error": "" if pending else str(failed),
        "completed_time": _seconds(ended) if ended else "",
        "current_status": f"{received} : Writeback request received" if pending else write.result,
        "result": write.result,
        "practice_id": write.body["practice_id"],
        "status": "Pending" if pending else "Failed" if failed else "Success",
        "patient_id": write.body.get("patient_id", changed_patient),
        "created_id": write.created_id,
    }


def _list_item(call: Call, write: Write) -> Item:
    done, failed = call.stage.knobs.closing_words
    results = {State.PENDING: "pending", State.COMPLETED: done, State.FAILED: failed}
    took = write.ended_at - write.submitted_at if write.ended_at else None
    return {
        "href": f"{call.base}/writebacks/{write.id}",
        "description": "",
        "id": str(write.id),
        "result": results[write.state],
        "office_id": write.office_id,
        "method": write.method,
        "completed_time": _seconds(write.ended_at) if write.ended_at else "",
        "api_name": API_NAMES[write.api],
        "api_request_body": _echo(call, write),
        "command_time": _seconds(write.submitted_at),
        "duration_in_second": str(int(took.total_seconds())) if took is not None else "",
    }


def _echo(call: Call, write: Write) -> str:
    """Return the request as the gateway repeats it: like a form, but without percent-encoding.

    The order of the fields and the names at the end are from the documentation's sample of a PATCH;
    that other methods look alike is unverified.
    """
    fields = {
        "request_key": f"{write.request_key[:10]}***********{write.request_key[-6:]}",
        **write.body,
        "apiname": f"{write.method} {write.api}",
    }
    if write.target:
        fields["id"] = write.target
    if call.stage.knobs.encode_echo:
        return urlencode(fields)
    return "&".join(f"{name}={value}" for name, value in fields.items())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _seconds(at: datetime) -> str:
    """Write a time without a zone. That it means UTC is unverified."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")
