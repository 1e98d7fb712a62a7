"""Who may ask: the application's id and key, and the request keys of single offices.

A request key lives as long as the knob says; a refresh key lives until it is deleted and is the
same for every grant, as one client's log of the real gateway showed. Unverified: a new request key
leaves older ones valid, and a wrong secret or refresh key is answered like a wrong application key.
"""

from datetime import datetime, timedelta

from werkzeug.wrappers import Response

from integrations.sandbox.books import Row, moment, stamp
from integrations.sandbox.chance import token
from integrations.sandbox.pms import Stage

from . import locations
from .call import Call
from .errors import refused, session_ended, wrong
from .offices import OFFICES, app_id, app_key

TABLES = """
CREATE TABLE sikka_request_keys (
    request_key TEXT PRIMARY KEY,
    office_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    issued_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    calls INTEGER NOT NULL
);
CREATE TABLE sikka_refresh_keys (
    refresh_key TEXT PRIMARY KEY,
    office_id TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
)
"""

SCOPE = (
    "start,end,appointment_statuses,appointments,appointments_available_slots,medical_notes,"
    "note_types,operatories,patients,payment_types,practice_variables,practices,providers,"
    "transactions,authorized_practices,request_keys,writeback_details,writebacks"
)


def by_application(call: Call) -> None:
    """Admit a call that carries the application's id and key in its headers."""
    headers = call.request.headers
    _admit_application(call, headers.get("App-Id", ""), headers.get("App-Key", ""))


def by_application_in_body(call: Call) -> None:
    """Admit a call that carries the application's id and key in its JSON body."""
    fields = call.fields()
    _admit_application(call, fields.get("app_id", ""), fields.get("app_key", ""))


def by_request_key(call: Call) -> None:
    """Admit a call that carries a living request key, in its header or its query."""
    key = call.request.headers.get("Request-Key", "") or call.parameter("request_key")
    row = _find(call, key)
    if row is None:
        raise refused("API1004")
    call.app_id, call.office_id, call.request_key = row["app_id"], row["office_id"], key
    call.key_expires_at = moment(row["expires_at"])
    if call.key_expires_at <= call.now:
        raise refused("API1025")
    _check_location(call, call.office_id)
    call.stage.books.run(
        "UPDATE sikka_request_keys SET calls = calls + 1 WHERE request_key = ?", [key]
    )


def issue(call: Call) -> Response:
    """POST /request_key: issue a key for an office, by its secret or by its refresh key."""
    fields = call.fields()
    grant = fields.get("grant_type", "")
    if grant == "request_key":
        office_id = _office_by_secret(call, fields)
    elif grant == "refresh_key":
        office_id = _office_by_refresh_key(call, fields)
    else:
        raise wrong("grant_type", "must be either request_key or refresh_key")
    _check_location(call, office_id)
    call.office_id = office_id
    call.request_key = _new_key(call, office_id)
    details = _details(call)
    return call.document({**details, "refresh_key": _refresh_key(call, office_id)})


def info(call: Call) -> Response:
    """GET /request_key_info: tell about the key that is used."""
    return call.document(_details(call))


def end(call: Call) -> Response:
    """DELETE /request_key: make the key that is used invalid."""
    call.stage.books.run("DELETE FROM sikka_request_keys WHERE request_key = ?", [call.request_key])
    return session_ended().response()


def end_refresh_key(call: Call) -> Response:
    """DELETE /refresh_key: make it invalid; the next grant by secret brings a new one."""
    ended = call.stage.books.run(
        "UPDATE sikka_refresh_keys SET deleted = 1 WHERE refresh_key = ? AND deleted = 0",
        [call.request.headers.get("Refresh-Key", "")],
    )
    if not ended:
        raise refused("API2003")
    return session_ended().response()


def expire(stage: Stage, office_id: str | None) -> int:
    """Let every living key (of one office) run out now. Return how many did."""
    now = stamp(stage.clock.now())
    return stage.books.run(
        "UPDATE sikka_request_keys SET expires_at = ?"
        " WHERE expires_at > ? AND (? IS NULL OR office_id = ?)",
        [now, now, office_id, office_id],
    )


def _admit_application(call: Call, given_id: str, given_key: str) -> None:
    if not given_id:
        raise refused("API1001")
    if not given_key:
        raise refused("API1002")
    seed = call.stage.seed
    if (given_id, given_key) != (app_id(seed), app_key(seed)):
        raise refused("API2003")
    call.app_id = given_id


def _office_by_secret(call: Call, fields: dict[str, str]) -> str:
    if not fields.get("office_id"):
        raise wrong("office_id", "is required")
    if not fields.get("secret_key"):
        raise refused("API1005")
    office = OFFICES.get(fields["office_id"])
    if office is None or fields["secret_key"] != office.secret_key(call.stage.seed):
        raise refused("API2003")
    return office.office_id


def _office_by_refresh_key(call: Call, fields: dict[str, str]) -> str:
    if not fields.get("refresh_key"):
        raise wrong("refresh_key", "is required")
    row = call.stage.books.one(
        "SELECT office_id FROM sikka_refresh_keys WHERE refresh_key = ? AND deleted = 0",
        [fields["refresh_key"]],
    )
    if row is None:
        raise refused("API2003")
    return str(row["office_id"])


def _check_location(call: Call, office_id: str) -> None:
    if not locations.any_on(call.stage.books, office_id):
        raise refused("API2007")


def _new_key(call: Call, office_id: str) -> str:
    books, issued = call.stage.books, (call.stage.books.recall("sikka_keys_issued") or 0) + 1
    books.remember("sikka_keys_issued", issued)
    key = token(call.stage.seed, "request_key", issued)
    call.key_expires_at = call.now + timedelta(seconds=call.stage.knobs.key_lifetime)
    books.run(
        "INSERT INTO sikka_request_keys VALUES (?, ?, ?, ?, ?, 1)",
        [key, office_id, call.app_id, stamp(call.now), stamp(call.key_expires_at)],
    )
    return key


def _refresh_key(call: Call, office_id: str) -> str:
    books = call.stage.books
    known = books.all(
        "SELECT refresh_key, deleted FROM sikka_refresh_keys WHERE office_id = ?", [office_id]
    )
    for row in known:
        if not row["deleted"]:
            return str(row["refresh_key"])
    key = token(call.stage.seed, "refresh_key", office_id, len(known))
    books.run(
        "INSERT INTO sikka_refresh_keys (refresh_key, office_id) VALUES (?, ?)", [key, office_id]
    )
    return key


def _find(call: Call, key: str) -> Row | None:
    return call.stage.books.one("SELECT * FROM sikka_request_keys WHERE request_key = ?", [key])


def _details(call: Call) -> dict[str, str]:
    row = _find(call, call.request_key)
    if row is None:
        raise LookupError("the key of an admitted call has vanished")
    expires_at = moment(row["expires_at"])
    return {
        "href": f"{call.base}/request_key_info?request_key={call.request_key}",
        "request_key": call.request_key,
        "start_time": _without_zone(moment(row["issued_at"])),
        "end_time": _without_zone(expires_at),
        # A text with its unit, as in the documentation.
        "expires_in": f"{int((expires_at - call.now).total_seconds())} second(s)",
        "issued_to": row["office_id"],
        "status": "active",
        "request_count": str(row["calls"]),
        "scope": SCOPE,
        "domain": "Dental",
    }


def _without_zone(at: datetime) -> str:
    """Write a time as the gateway does. That it means UTC is unverified."""
    return at.strftime("%Y-%m-%dT%H:%M:%S")
