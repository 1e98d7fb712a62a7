"""The simulated service as a whole: which address leads where, and the way of every call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from integrations.sandbox.faults import Fault
from integrations.sandbox.knobs import Knobs
from integrations.sandbox.pms import Answer, Change, Stage
from integrations.sandbox.webhooks import Delivery

from . import limits, practice, reads, records, slots, truth, webhooks, world, writes
from .accounts import ACCOUNTS, renew
from .call import Call
from .errors import Refused

TABLES = (limits.TABLES, writes.TABLES)


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    view: Callable[..., Response]


ROUTES = (
    Route("GET", "/clients", reads.clients),
    Route("POST", "/clients", writes.post_client),
    Route("GET", "/clients/<int:id>", reads.client),
    Route("PATCH", "/clients/<int:id>", writes.patch_client),
    Route("GET", "/appointments", reads.appointments),
    Route("POST", "/appointments", writes.post_appointment),
    Route("GET", "/appointments/<int:id>", reads.appointment),
    Route("PATCH", "/appointments/<int:id>", writes.patch_appointment),
    Route("GET", "/staff", reads.staff),
    Route("GET", "/sites", reads.sites),
    Route("GET", "/services", reads.services),
    Route("GET", "/slots", slots.slots),
)


class RestApi:
    """One simulated PMS of the sandbox; see `integrations.sandbox.pms.Pms`."""

    name = "rest"
    prefix = "/rest"
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
        """Note the day of the world; its people come with the first look, since most never do."""
        self.stage.books.remember("rest_world", self.stage.clock.now().date().isoformat())

    def settle(self) -> None:
        """Nothing is ever due: writes are carried out at once."""

    def turned(self, before: Knobs) -> None:
        """No knob needs more than to be read."""

    def answer(self, request: Request, refusal: Fault | None) -> Answer:
        self._people()
        call, headers = Call(self.stage, request), dict[str, str]()
        try:
            route, arguments = self._find(request)
            _admit(call)
            standing = limits.spend(call)
            if refusal is Fault.THROTTLED:
                standing = standing.used_up()
            headers = standing.headers()
            if standing.spent:
                raise Refused(429, headers={"Retry-After": str(standing.resets_in)})
            if refusal is not None:
                raise _refused(refusal, call.now)
            response = route.view(call, **arguments)
        except Refused as refused:
            response = refused.response()
        response.headers.update(headers)
        return Answer(response, None, call.known.id if call.known else None, call.write_id)

    def expire_keys(self, office_id: str | None) -> int:
        """Make tokens invalid at once. They never run out by themselves."""
        account_ids = [office_id] if office_id in ACCOUNTS else []
        if office_id is None:
            account_ids = list(ACCOUNTS)
        for account_id in account_ids:
            renew(self.stage.books, str(account_id))
        return len(account_ids)

    def credentials(self, address: str) -> dict[str, Any]:
        seed, books = self.stage.seed, self.stage.books
        return {
            "url": address + self.prefix,
            "offices": [
                {
                    "office_id": account.id,
                    "token": account.token(seed, books),
                    "webhook_secret": webhooks.secret(seed, account.id),
                    "name": account.name,
                    "timezone": account.timezone,
                }
                for account in ACCOUNTS.values()
            ],
        }

    def made(self, office_id: str) -> dict[str, Any]:
        books = self.stage.books
        return {
            "appointments": books.made(office_id, records.APPOINTMENT),
            "patients": books.made(office_id, records.CLIENT),
            "traces": books.traces(office_id),
            "writebacks": writes.accepted(books, office_id),
        }

    def change(self, office_id: str, change: Change) -> str:
        self._people()
        return practice.change(self.stage, office_id, change)

    def truth(self, office_id: str) -> dict[str, Any]:
        self._people()
        return truth.truth(self.stage, office_id)

    def delivery(self, office_id: str, url: str, options: Mapping[str, str]) -> Delivery:
        """Make one of the service's webhooks; see `integrations.sandbox.webhooks.Notifier`."""
        return webhooks.delivery(self.stage, office_id, url, options)

    def _people(self) -> None:
        """Fill the books with the world of the day they began, once."""
        start = self.stage.books.recall("rest_world")
        if start is not None:
            world.build(self.stage.books, self.stage.seed, date.fromisoformat(start))
            self.stage.books.remember("rest_world", None)

    def _find(self, request: Request) -> tuple[Route, Mapping[str, Any]]:
        try:
            route, arguments = self._map.bind_to_environ(request.environ).match()
        except MethodNotAllowed as error:
            allowed = ", ".join(sorted(error.valid_methods or ()))
            raise Refused(405, headers={"Allow": allowed}) from None
        except HTTPException:
            raise Refused(404) from None
        return route, arguments


def _admit(call: Call) -> None:
    """Find the account of the bearer token, or refuse the call."""
    scheme, _, given = call.request.headers.get("Authorization", "").partition(" ")
    seed, books = call.stage.seed, call.stage.books
    for account in ACCOUNTS.values():
        if scheme.lower() == "bearer" and given.strip() == account.token(seed, books):
            call.known = account
            return
    raise Refused(401, headers={"WWW-Authenticate": "Bearer"})


def _refused(fault: Fault, now: datetime) -> Refused:
    if fault is Fault.DAILY_QUOTA:
        midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
        wait = int((midnight - now).total_seconds())
        return Refused(429, headers={"Retry-After": str(wait)})
    if fault is Fault.UNAVAILABLE:
        return Refused(503, headers={"Retry-After": "30"})
    return Refused(500)
