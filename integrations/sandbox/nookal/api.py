"""The simulated Nookal as a whole: its functions, and the way of every call."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from werkzeug.wrappers import Request, Response

from integrations.sandbox.faults import Fault
from integrations.sandbox.knobs import Knobs
from integrations.sandbox.pms import Answer, Change, Stage

from . import (
    availability,
    booking,
    limits,
    practice,
    reads,
    records,
    registration,
    truth,
    world,
    writes,
)
from .accounts import ACCOUNTS, Account
from .answers import Failed, NotJson, broken, no_function, no_key, wrong_key
from .call import Call, parameters

TABLES = (limits.TABLES, writes.TABLES)

FUNCTIONS: dict[str, Callable[[Call], Response]] = {
    "verify": reads.verify,
    "getLocations": reads.get_locations,
    "getPractitioners": reads.get_practitioners,
    "getAppointmentTypes": reads.get_appointment_types,
    "getClassTypes": reads.get_class_types,
    "getClasses": reads.get_classes,
    "getPatients": reads.get_patients,
    "searchPatients": reads.search_patients,
    "getAppointments": reads.get_appointments,
    "getAppointmentAvailabilities": availability.get_appointment_availabilities,
    "addAppointmentBooking": booking.add_appointment_booking,
    "updateAppointmentBooking": booking.update_appointment_booking,
    "cancelAppointment": booking.cancel_appointment,
    "rebookAppointment": booking.rebook_appointment,
    "addPatient": registration.add_patient,
    "editPatient": registration.edit_patient,
}
# Nookal has these as well; a call of one is told apart from that of a function nobody has.
NOT_SIMULATED = frozenset(
    (
        *("version", "addClassBooking", "getClassAvailabilities", "getClassParticipants"),
        *("getWaitingList", "getCases", "getAllCases", "addCase", "editCase", "addTreatmentNote"),
        *("getTreatmentNotes", "getAllTreatmentNotes", "getExtras", "addPatientExtra"),
        *("uploadFile", "setFileActive", "getInvoices"),
    )
)


class NookalApi:
    """One simulated PMS of the sandbox; see `integrations.sandbox.pms.Pms`."""

    name = "nookal"
    prefix = "/nookal/production/v2"
    office_ids = tuple(ACCOUNTS)

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def build(self) -> None:
        world.build(self.stage.books, self.stage.seed, self.stage.clock.now())

    def settle(self) -> None:
        """Do nothing: every write is carried out at once."""

    def turned(self, before: Knobs) -> None:
        """Do nothing: every knob is read when a call needs it."""

    def answer(self, request: Request, refusal: Fault | None) -> Answer:
        account: Account | None = None
        call: Call | None = None
        objects = self.stage.knobs.nookal_objects
        try:
            function = self._function(request)
            account = self._admit(request, function)
            if wait := self._wait(account, refusal):
                response = Failed("Too many requests").response(objects=objects, status=429)
                response.headers["Retry-After"] = str(wait)
            else:
                _refuse(refusal)
                call = Call(self.stage, function, parameters(request), account)
                response = FUNCTIONS[function](call)
        except Failed as failure:
            response = failure.response(objects=objects)
        except NotJson as page:
            response = page.response()
        office_id = account.account_id if account else None
        return Answer(response, office_id=office_id, write_id=call.write_id if call else None)

    def expire_keys(self, office_id: str | None) -> int:
        """Do nothing: Nookal's keys live until somebody at the practice deletes them."""
        return 0

    def credentials(self, address: str) -> dict[str, Any]:
        return {
            "url": address + self.prefix,
            "offices": [
                {
                    "office_id": account.account_id,
                    "api_key": account.api_key(self.stage.seed),
                    "name": account.name,
                    "timezone": account.locations[0].timezone,
                    "locations": [
                        {"location_id": item.id, "name": item.name, "timezone": item.timezone}
                        for item in account.locations
                    ],
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
            "writebacks": writes.of_office(self.stage, office_id),
        }

    def change(self, office_id: str, change: Change) -> str:
        return practice.change(self.stage, office_id, change)

    def truth(self, office_id: str) -> dict[str, Any]:
        return truth.truth(self.stage, office_id)

    def _function(self, request: Request) -> str:
        """Return the function that is called. Other methods than two find none (unverified)."""
        name = request.path.removeprefix(f"{self.prefix}/")
        if name in NOT_SIMULATED:
            raise NotJson(501, f"The sandbox does not simulate {name}.\n", "text/plain")
        if name not in FUNCTIONS or request.method not in ("GET", "POST"):
            raise no_function()
        return name

    def _admit(self, request: Request, function: str) -> Account:
        key = parameters(request).get("api_key", "").strip()
        if not key:
            raise no_key(function)
        for account in ACCOUNTS.values():
            if key == account.api_key(self.stage.seed):
                return account
        raise wrong_key()

    def _wait(self, account: Account, refusal: Fault | None) -> int | None:
        """Return how many seconds a caller has to wait who asks too much, else nothing."""
        wait = limits.spend(self.stage, account.account_id)
        if refusal is Fault.THROTTLED:
            return wait or int(limits.WINDOW.total_seconds())
        if refusal is Fault.DAILY_QUOTA:
            return _seconds_to_midnight(self.stage.clock.now())
        return wait


def _refuse(refusal: Fault | None) -> None:
    """Answer with a page of what stands before Nookal; how such a page looks is unverified."""
    if refusal is Fault.ERROR:
        raise broken(500, "Internal Server Error")
    if refusal is Fault.UNAVAILABLE:
        raise broken(503, "Service Unavailable")


def _seconds_to_midnight(now: datetime) -> int:
    """Return how long a daily quota would last. That Nookal has one is not known."""
    tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return max(1, int((tomorrow - now).total_seconds()))
