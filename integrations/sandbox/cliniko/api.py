"""The simulated Cliniko API as a whole: which address leads where, and the way of every call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from integrations.sandbox.faults import Fault
from integrations.sandbox.knobs import Knobs
from integrations.sandbox.pms import Answer, Change, Stage

from . import (
    access,
    appointments,
    limits,
    patients,
    practice,
    reads,
    records,
    slots,
    truth,
    world,
    writes,
)
from .accounts import ACCOUNTS
from .answers import Refused, failed, no_page, throttled
from .call import Call

TABLES = (limits.TABLES, writes.TABLES)


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    view: Callable[..., Response]


_SLOTS = (
    "/businesses/<business_id>/practitioners/<practitioner_id>"
    "/appointment_types/<appointment_type_id>"
)
ROUTES = (
    *(
        route
        for kind, resource in records.RESOURCES.items()
        for route in (
            Route("GET", f"/{resource}", reads.list_of(kind)),
            Route("GET", f"/{resource}/<id>", reads.one_of(kind)),
        )
    ),
    Route("GET", "/user", reads.user),
    Route("GET", "/settings/public", reads.public_settings),
    Route("GET", "/practitioners/inactive", reads.inactive_practitioners),
    Route("GET", "/businesses/<id>/practitioners", reads.practitioners_of_business),
    Route("GET", "/businesses/<id>/daily_availabilities", reads.availabilities_of_business),
    Route("GET", "/appointment_types/<id>/practitioners", reads.practitioners_of_type),
    Route("GET", "/practitioners/<id>/appointment_types", reads.types_of_practitioner),
    Route("GET", "/practitioners/<id>/daily_availabilities", reads.availabilities_of_practitioner),
    Route("GET", f"{_SLOTS}/available_times", slots.available_times),
    Route("GET", f"{_SLOTS}/next_available_time", slots.next_available_time),
    Route("POST", "/patients", patients.create),
    Route("PATCH", "/patients/<id>", patients.update),
    Route("POST", "/patients/<id>/archive", patients.archive),
    Route("POST", "/patients/<id>/unarchive", patients.unarchive),
    Route("DELETE", "/patients/<id>", patients.archive),
    Route("POST", "/individual_appointments", appointments.create),
    Route("PATCH", "/individual_appointments/<id>", appointments.update),
    Route("PATCH", "/individual_appointments/<id>/cancel", appointments.cancel),
    Route("POST", "/individual_appointments/<id>/archive", appointments.archive),
    Route("DELETE", "/individual_appointments/<id>", appointments.archive),
    Route("GET", "/individual_appointments/<id>/conflicts", appointments.conflicts),
)


class ClinikoApi:
    """One simulated PMS of the sandbox; see `integrations.sandbox.pms.Pms`."""

    name = "cliniko"
    prefix = "/cliniko/v1"
    office_ids = tuple(ACCOUNTS)

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
        world.build(self.stage.books, self.stage.seed, self.stage.clock.now())

    def settle(self) -> None:
        """Nothing waits here: a write is done when it is answered."""

    def turned(self, before: Knobs) -> None:
        """Nothing hangs on how the knobs were."""

    def answer(self, request: Request, refusal: Fault | None) -> Answer:
        call = Call(self.stage, request, self.prefix)
        call.office_id = access.known(self.stage, call)
        try:
            route, arguments = self._find(request)
            access.admit(call)
            if resets_at := limits.spend(call):
                raise throttled(resets_at)
            if refusal is not None:
                raise _refused(call, refusal)
            response = route.view(call, **arguments)
        except Refused as refused:
            response = refused.response
        return Answer(response, None, call.office_id or None, call.write_id)

    def expire_keys(self, office_id: str | None) -> int:
        return access.revoke(self.stage, office_id)

    def credentials(self, address: str) -> dict[str, Any]:
        return {
            "url": address + self.prefix,
            "offices": [
                {
                    "office_id": account.office_id,
                    "name": account.name,
                    "timezone": account.timezone,
                    "shard": account.shard,
                    "api_key": access.api_key(self.stage, account.office_id),
                }
                for account in ACCOUNTS.values()
            ],
        }

    def made(self, office_id: str) -> dict[str, Any]:
        books = self.stage.books
        return {
            "appointments": books.made(office_id, records.APPOINTMENT),
            "patients": books.made(office_id, records.PATIENT),
            "traces": books.traces(office_id),
            "writebacks": writes.of_office(books, office_id),
        }

    def change(self, office_id: str, change: Change) -> str:
        return practice.change(self.stage, office_id, change)

    def truth(self, office_id: str) -> dict[str, Any]:
        return truth.truth(self.stage, office_id)

    def _find(self, request: Request) -> tuple[Route, Mapping[str, Any]]:
        try:
            return self._map.bind_to_environ(request.environ).match()
        except HTTPException:
            raise no_page() from None


def _refused(call: Call, fault: Fault) -> Refused:
    match fault:
        case Fault.ERROR:
            return failed(500)
        case Fault.UNAVAILABLE:
            return failed(503)
        case Fault.DAILY_QUOTA:
            # Unverified: of "fair use" blocking only its existence is documented. Here it ends at
            # midnight UTC and is told as the minute's limit is.
            midnight = datetime.combine(call.now.date() + timedelta(days=1), time(), UTC)
            return throttled(midnight)
    return throttled(limits.window_ends_at(call))
