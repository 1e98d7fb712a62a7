"""The writing endpoints, and those that tell what became of a write.

A write is only queued. Its number stands inside a sentence of the receipt; what became of it is
told by GET /writeback_status for one office's key, and by GET /writebacks for the whole
application.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from . import records, writes
from .call import Call, Item, iso_day, parsed, whole_number
from .errors import refused, write_accepted, write_withdrawn, wrong
from .writes import State, Write

APPOINTMENT_REQUIRED = (
    *("patient_id", "provider_id", "practice_id"),
    *("date", "time", "length", "operatory"),
)
PATIENT_REQUIRED = ("firstname", "lastname", "provider_id", "practice_id")
CHANGE_REQUIRED = ("practice_id", "provider_id")
STATUS_REQUIRED = ("op", "path", "value", "practice_id", "appointment_sr_no")
STATUS_PATH = "/appointment_status"

# From Sikka's public API documentation.
LONGEST_LIST = timedelta(days=7)

API_NAMES = {"appointments": "appointment", "patients": "patient"}


def post_appointment(call: Call) -> Response:
    """POST /appointment: book."""
    body = _body(call, APPOINTMENT_REQUIRED)
    _check_times(body)
    _check_status("status", body.get("status"))
    return _accept(call, "appointments", body)


def put_appointment(call: Call, sr_no: str) -> Response:
    """PUT /appointments/{sr_no}: move an appointment or change what it is."""
    body = _body(call, CHANGE_REQUIRED)
    _check_times(body)
    _check_status("status", body.get("status"))
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
    parsed("birthdate", body.get("birthdate", ""), iso_day, "must be a date, yyyy-mm-dd")
    return _accept(call, "patients", body)


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


def _body(call: Call, required: Sequence[str]) -> dict[str, str]:
    body = call.fields()
    for name in required:
        if not body.get(name, "").strip():
            raise wrong(name, "is required")
    if records.practice_of(call.office_id, body["practice_id"]) is None:
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


def _check_status(name: str, value: str | None) -> None:
    if value and value not in records.STATUSES:
        raise wrong(name, f"must be one of {', '.join(records.STATUSES)}")


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
    receipt = write_accepted(method, call.write_id, call.base)
    return receipt.response("text/html; charset=UTF-8")


def _status_item(call: Call, write: Write) -> Item:
    ended, pending = write.ended_at, write.state is State.PENDING
    failed = write.state is State.FAILED
    received = _seconds(write.submitted_at)
    return {
        "id": str(write.id),
        "office_id": write.office_id,
        "method": write.method,
        "api": write.api,
        "payload_body": _echo(call, write),
        "appointment_sr_no": write.target,
        "request_time": received,
        # Empty while pending, as in a public client's recording; "Failed" is unverified.
        "is_completed": "" if pending else "True",
        "has_error": "" if pending else str(failed),
        "completed_time": _seconds(ended) if ended else "",
        "current_status": f"{received} : Writeback request received" if pending else write.result,
        "result": write.result,
        "practice_id": write.body["practice_id"],
        "status": "Pending" if pending else "Failed" if failed else "Success",
        "patient_id": write.body.get("patient_id", ""),
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


def _time(text: str) -> time:
    if not re.fullmatch(r"\d\d:\d\d", text, re.ASCII):
        raise ValueError(text)
    return time.fromisoformat(text)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _seconds(at: datetime) -> str:
    """Write a time without a zone. That it means UTC is unverified."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")
