"""The control: JSON over HTTP at /control, by which tests and demonstrations direct the sandbox.

    GET   /control/knobs         PATCH with some of them to turn them
    GET   /control/faults        POST {"on": "POST /appointment", "fault": "lost_answer"} adds one,
                                 with "count" and "seconds" if wanted; "on" may hold wildcards, or
                                 be "*". DELETE forgets all.
    GET   /control/clock         POST {"advance_seconds": 60}, {"now": "..."} or {"freeze": true}
    POST  /control/expire_keys   {"office_id": "D10001"}, or {} for every office
    POST  /control/reset         the world as it was at the beginning
    GET   /control/credentials   what a client needs to begin, by PMS
    GET   /control/books         what was done by writes, and which write did it; ?office_id=
    POST  /control/records       {"office_id": "D10001", "kind": "patient", "action": "update",
                                 "id": "1001", "values": {...}}: what the practice's own people do;
                                 see `pms.Change`
    POST  /control/webhooks      {"office_id": "D10001", "url": "...", "event": "patient", and what
                                 else the PMS needs} sends one of its webhooks and returns the
                                 status answered; see `webhooks`
    GET   /control/truth         all patients and appointments of ?office_id= as they are now
    GET   /control/calls         every call to a PMS, oldest first; ?office_id=, ?limit= newest ones

Control calls are neither counted nor struck by faults.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from .faults import Fault, Order
from .knobs import WrongKnob, seconds, whole
from .pms import ACTIONS, Change, Pms, WrongChange
from .webhooks import Delivery, Notifier, WrongWebhook, checked

if TYPE_CHECKING:
    from .application import Sandbox

_RULES = Map(
    [
        Rule("/control/knobs", methods=["GET"], endpoint="knobs"),
        Rule("/control/knobs", methods=["PATCH"], endpoint="turn_knobs"),
        Rule("/control/faults", methods=["GET"], endpoint="faults"),
        Rule("/control/faults", methods=["POST"], endpoint="order_fault"),
        Rule("/control/faults", methods=["DELETE"], endpoint="clear_faults"),
        Rule("/control/clock", methods=["GET"], endpoint="clock"),
        Rule("/control/clock", methods=["POST"], endpoint="set_clock"),
        Rule("/control/expire_keys", methods=["POST"], endpoint="expire_keys"),
        Rule("/control/reset", methods=["POST"], endpoint="reset"),
        Rule("/control/credentials", methods=["GET"], endpoint="credentials"),
        Rule("/control/books", methods=["GET"], endpoint="books"),
        Rule("/control/records", methods=["POST"], endpoint="change_record"),
        Rule("/control/webhooks", methods=["POST"], endpoint="webhook"),
        Rule("/control/truth", methods=["GET"], endpoint="truth"),
        Rule("/control/calls", methods=["GET"], endpoint="calls"),
    ]
)


class Refused(ValueError):
    """The control cannot do this; the text says why."""


class Control:
    """Answers control calls. Each runs inside a transaction of the books."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Response | Delivery:
        """Answer a call, or return the delivery to be sent once the books are free again."""
        try:
            endpoint, _ = _RULES.bind_to_environ(request.environ).match()
            result = getattr(self, f"_{endpoint}")(request)
            return result if isinstance(result, Delivery) else _json(result)
        except HTTPException as error:
            return _json({"error": f"{request.method} {request.path}: {error.name}"}, error.code)
        except (Refused, WrongKnob, WrongChange, WrongWebhook) as error:
            return _json({"error": str(error)}, 400)

    def _knobs(self, request: Request) -> dict[str, object]:
        return self._sandbox.stage.knobs.as_json()

    def _turn_knobs(self, request: Request) -> dict[str, object]:
        self._sandbox.turn(_body(request))
        return self._sandbox.stage.knobs.as_json()

    def _faults(self, request: Request) -> list[dict[str, object]]:
        return [vars(order) for order in self._sandbox.faults.orders]

    def _order_fault(self, request: Request) -> list[dict[str, object]]:
        self._sandbox.faults.order(_order(_body(request)))
        return self._faults(request)

    def _clear_faults(self, request: Request) -> list[dict[str, object]]:
        self._sandbox.faults.clear()
        return []

    def _clock(self, request: Request) -> dict[str, object]:
        clock = self._sandbox.stage.clock
        return {"now": clock.now().isoformat(), "frozen": clock.frozen}

    def _set_clock(self, request: Request) -> dict[str, object]:
        stage, body = self._sandbox.stage, _body(request)
        for name, value in body.items():
            try:
                match name:
                    case "freeze" if isinstance(value, bool):
                        stage.clock.freeze(value)
                    case "advance_seconds":
                        stage.clock.advance(seconds(value))
                    case "now" if isinstance(value, str):
                        stage.clock.set(datetime.fromisoformat(value))
                    case _:
                        raise Refused(
                            'the clock takes {"advance_seconds": 60}, '
                            '{"now": "2026-03-02T09:00:00+00:00"} or {"freeze": true}'
                        )
            except (ValueError, OverflowError) as error:
                raise Refused(f"{name}: {error}") from None
        stage.books.remember("clock", stage.clock.saved())
        return self._clock(request)

    def _expire_keys(self, request: Request) -> dict[str, object]:
        office_id = self._office(_body(request, default={}).get("office_id"))
        return {"expired": sum(pms.expire_keys(office_id) for pms in self._sandbox.mounted)}

    def _reset(self, request: Request) -> dict[str, object]:
        self._sandbox.reset()
        return self._clock(request)

    def _credentials(self, request: Request) -> dict[str, object]:
        address = request.host_url.rstrip("/")
        return {pms.name: pms.credentials(address) for pms in self._sandbox.mounted}

    def _books(self, request: Request) -> dict[str, object]:
        self._sandbox.settle()
        wanted = self._office(request.args.get("office_id"))
        calls = self._counts("office_id")
        offices = {
            office_id: {
                "pms": pms.name,
                **pms.made(office_id),
                "calls": calls.get(office_id, 0),
            }
            for pms in self._sandbox.mounted
            for office_id in pms.office_ids
            if wanted in (None, office_id)
        }
        return {"offices": offices, "applications": self._counts("app_id")}

    def _change_record(self, request: Request) -> dict[str, str]:
        body = _body(request)
        pms, office_id = self._pms(body.pop("office_id", None))
        try:
            change = Change(**body)
        except TypeError:
            raise Refused("a change has office_id, kind, action, id, into and values") from None
        if change.action not in ACTIONS.get(change.kind, ()):
            raise Refused(f"kind and action must be one of: {ACTIONS}")
        self._sandbox.settle()
        return {"id": pms.change(office_id, change)}

    def _webhook(self, request: Request) -> Delivery:
        body = _body(request)
        pms, office_id = self._pms(body.pop("office_id", None))
        url, options = checked(body)
        if not isinstance(pms, Notifier):
            raise Refused(f"{pms.name} has no webhooks")
        return pms.delivery(office_id, url, options)

    def _truth(self, request: Request) -> dict[str, Any]:
        pms, office_id = self._pms(request.args.get("office_id"))
        self._sandbox.settle()
        return pms.truth(office_id)

    def _pms(self, office_id: object) -> tuple[Pms, str]:
        """Return the PMS that an office is in, and the office's id."""
        known = self._office(office_id)
        for pms in self._sandbox.mounted:
            if known in pms.office_ids:
                return pms, str(known)
        raise Refused("office_id must be given")

    def _calls(self, request: Request) -> list[dict[str, Any]]:
        office_id = self._office(request.args.get("office_id"))
        try:
            limit = whole(request.args.get("limit", "1000"))
        except ValueError as error:
            raise Refused(f"limit {error}") from None
        rows = self._sandbox.stage.books.all(
            "SELECT * FROM (SELECT * FROM calls WHERE ? IS NULL OR office_id = ?"
            " ORDER BY id DESC LIMIT ?) ORDER BY id",
            [office_id, office_id, limit],
        )
        return [dict(row) for row in rows]

    def _office(self, office_id: object) -> str | None:
        if office_id is not None and office_id not in self._sandbox.office_ids:
            raise Refused(
                f"{office_id!r} is no office here; there are: {', '.join(self._sandbox.office_ids)}"
            )
        return None if office_id is None else str(office_id)

    def _counts(self, column: str) -> dict[str, int]:
        """Return how many calls there were, by office or by application."""
        rows = self._sandbox.stage.books.all(
            f"SELECT {column} AS caller, count(*) AS calls FROM calls"  # noqa: S608 (own SQL)
            f" WHERE {column} IS NOT NULL GROUP BY {column}"
        )
        return {row["caller"]: row["calls"] for row in rows}


def _order(body: dict[str, Any]) -> Order:
    if unknown := set(body) - {"on", "fault", "count", "seconds"}:
        raise Refused(f"a fault has no {', '.join(sorted(unknown))}")
    on = body.get("on", "*")
    if not isinstance(on, str) or (on != "*" and " /" not in on):
        raise Refused('on must be "*" or a method and a path, like "POST /appointment"')
    if body.get("fault") not in list(Fault):
        raise Refused(f"fault must be one of: {', '.join(Fault)}")
    try:
        count, length = whole(body.get("count", 1)), seconds(body.get("seconds", 5))
    except ValueError as error:
        raise Refused(f"count and seconds: {error}") from None
    return Order(on, Fault(body["fault"]), count, length)


def _body(request: Request, default: dict[str, Any] | None = None) -> dict[str, Any]:
    if not request.get_data() and default is not None:
        return default
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    return body


def _json(content: object, status: int | None = 200) -> Response:
    return Response(json.dumps(content), status=status, content_type="application/json")
