"""The simulated gateway as a whole: which address leads where, and the way of every call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import http_date
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from integrations.sandbox.faults import Fault
from integrations.sandbox.knobs import Knobs
from integrations.sandbox.pms import Answer, Change, Stage
from integrations.sandbox.webhooks import Delivery

from . import (
    access,
    agent,
    events,
    finances,
    limits,
    locations,
    practice,
    reads,
    records,
    slots,
    submissions,
    truth,
    vocabulary,
    webhooks,
    world,
    writebacks,
    writes,
)
from .call import Call
from .errors import MESSAGES, NOT_SIMULATED, THROTTLED, Refused, not_simulated, refused
from .offices import OFFICES, WINDOWS_ZONES, app_id, app_key

TABLES = (access.TABLES, limits.TABLES, writes.TABLES)

REFUSALS = {
    Fault.ERROR: MESSAGES["API2001"],
    Fault.UNAVAILABLE: MESSAGES["API2002"],
    Fault.DAILY_QUOTA: MESSAGES["API2012"],
}


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    admit: Callable[[Call], None]
    view: Callable[..., Response]


ROUTES = (
    Route("GET", "/authorized_practices", access.by_application, reads.authorized_practices),
    Route(
        "GET",
        "/authorized_practices/<office_id>",
        access.by_application,
        reads.authorized_practices,
    ),
    Route("GET", "/practice_location", access.by_application, locations.practice_locations),
    Route("POST", "/practice_location", access.by_application, locations.switch),
    Route("POST", "/request_key", access.by_application_in_body, access.issue),
    Route("DELETE", "/request_key", access.by_request_key, access.end),
    Route("GET", "/request_key_info", access.by_request_key, access.info),
    Route("DELETE", "/refresh_key", access.by_application, access.end_refresh_key),
    Route("GET", "/practices", access.by_request_key, reads.practices),
    Route("GET", "/providers", access.by_request_key, reads.providers),
    Route("GET", "/operatories", access.by_request_key, reads.operatories),
    Route("GET", "/practice_variables", access.by_request_key, vocabulary.practice_variables),
    Route("GET", "/appointment_statuses", access.by_request_key, vocabulary.appointment_statuses),
    Route("GET", "/note_types", access.by_request_key, vocabulary.note_types),
    Route("GET", "/payment_types", access.by_request_key, vocabulary.payment_types),
    Route("GET", "/writeback_details", access.by_request_key, vocabulary.writeback_details),
    Route("GET", "/appointments", access.by_request_key, reads.appointments),
    Route("GET", "/appointments_available_slots", access.by_request_key, slots.available_slots),
    Route("GET", "/patients", access.by_request_key, reads.patients),
    Route("GET", "/medical_notes", access.by_request_key, reads.medical_notes),
    Route("GET", "/transactions", access.by_request_key, reads.transactions),
    Route("GET", "/practice_events", access.by_request_key, events.practice_events),
    Route("GET", "/patient_balance", access.by_request_key, finances.patient_balance),
    Route(
        "GET",
        "/insurance_plan_coverage",
        access.by_request_key,
        finances.insurance_plan_coverage,
    ),
    Route("GET", "/data_sync_status", access.by_application, reads.data_sync_status),
    Route("POST", "/appointment", access.by_request_key, submissions.post_appointment),
    Route("PUT", "/appointments/<sr_no>", access.by_request_key, submissions.put_appointment),
    Route("PATCH", "/appointments/<sr_no>", access.by_request_key, submissions.patch_appointment),
    Route("POST", "/patient", access.by_request_key, submissions.post_patient),
    Route("PATCH", "/patient/<patient_id>", access.by_request_key, submissions.patch_patient),
    Route("POST", "/medical_notes", access.by_request_key, submissions.post_medical_note),
    Route("POST", "/transaction", access.by_request_key, submissions.post_transaction),
    Route("GET", "/writeback_status", access.by_request_key, writebacks.status),
    Route("GET", "/writebacks", access.by_application, writebacks.listed),
    Route("DELETE", "/writebacks", access.by_application, writebacks.withdraw),
)


class SikkaApi:
    """One simulated PMS of the sandbox; see `integrations.sandbox.pms.Pms`."""

    name = "sikka"
    prefix = "/sikka/v4"
    office_ids = tuple(OFFICES)

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._map = Map(
            [
                Rule(self.prefix + route.path, methods=[route.method], endpoint=route)
                for route in ROUTES
            ],
            strict_slashes=False,
            merge_slashes=False,
        )

    def build(self) -> None:
        world.build(self.stage.books, self.stage.seed, self.stage.clock.now().date())
        agent.disconnect(self.stage, self.office_ids)

    def settle(self) -> None:
        agent.settle(self.stage)

    def turned(self, before: Knobs) -> None:
        after = self.stage.knobs
        turned = [
            office_id
            for office_id in self.office_ids
            if before.offline(office_id) != after.offline(office_id)
        ]
        agent.reconnect(self.stage, [item for item in turned if not after.offline(item)])
        agent.disconnect(self.stage, [item for item in turned if after.offline(item)])

    def answer(self, request: Request, refusal: Fault | None) -> Answer:
        call = Call(self.stage, request, self.prefix)
        standing = limits.untouched(call)
        try:
            route, arguments = self._find(request)
            route.admit(call)
            standing = limits.spend(call)
            if refusal is Fault.THROTTLED:
                standing = standing.used_up()
            if standing.refused:
                raise Refused(THROTTLED)
            if refusal is not None:
                raise Refused(REFUSALS[refusal])
            response = route.view(call, **arguments)
        except Refused as refused_with:
            response = refused_with.message.response()
        response.headers.update(standing.headers())
        if call.key_expires_at is not None:
            response.headers["Request-Key-Expires"] = http_date(call.key_expires_at)
        return Answer(response, call.app_id, call.office_id or None, call.write_id, call.late)

    def expire_keys(self, office_id: str | None) -> int:
        return access.expire(self.stage, office_id)

    def credentials(self, address: str) -> dict[str, Any]:
        seed = self.stage.seed
        return {
            "url": address + self.prefix,
            "app_id": app_id(seed),
            "app_key": app_key(seed),
            "offices": [
                {
                    "office_id": office.office_id,
                    "secret_key": office.secret_key(seed),
                    "practice_name": office.name,
                    "timezone": office.timezone,
                    "windows_timezone": WINDOWS_ZONES[office.timezone],
                }
                for office in OFFICES.values()
            ],
        }

    def made(self, office_id: str) -> dict[str, Any]:
        books = self.stage.books
        return {
            "appointments": books.made(office_id, records.APPOINTMENT),
            "patients": books.made(office_id, records.PATIENT),
            "medical_notes": books.made(office_id, records.NOTE),
            "transactions": books.made(office_id, records.TRANSACTION),
            "traces": books.traces(office_id),
            "writebacks": [_noted(write) for write in writes.of_office(books, office_id)],
        }

    def change(self, office_id: str, change: Change) -> str:
        return practice.change(self.stage, office_id, change)

    def truth(self, office_id: str) -> dict[str, Any]:
        return truth.truth(self.stage, office_id)

    def delivery(self, office_id: str, url: str, options: Mapping[str, str]) -> Delivery:
        """Make one of Sikka's webhooks; see `integrations.sandbox.webhooks.Notifier`."""
        return webhooks.delivery(self.stage, office_id, url, options)

    def _find(self, request: Request) -> tuple[Route, Mapping[str, Any]]:
        address = self._map.bind_to_environ(request.environ)
        try:
            route, arguments = address.match()
        except MethodNotAllowed:
            raise refused("API2014") from None
        except HTTPException:
            raise refused("API2009") from None
        for name in NOT_SIMULATED & set(request.args):
            raise not_simulated(name)
        return route, arguments


def _noted(write: writes.Write) -> dict[str, Any]:
    return {
        "id": write.id,
        "state": write.state,
        "method": write.method,
        "api": write.api,
        "target": write.target,
        "body": write.body,
        "submitted_at": write.submitted_at.isoformat(),
        "due_at": write.due_at.isoformat(),
        "ended_at": write.ended_at.isoformat() if write.ended_at else None,
        "result": write.result,
        "created_id": write.created_id,
    }
