"""Book one appointment as a program would, watch it, and compare with the PMS's own books."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from config.demo.seed import Login

#: Seconds to wait before looking at our own API again, where it did not answer.
LOOK_EVERY = 0.5
LENGTH = timedelta(minutes=30)
#: Local hours at which the demo offers a slot, and how many days ahead it looks.
HOURS = range(8, 17)
DAYS_AHEAD = 28


class DemoFailed(Exception):
    """The demo did not show what it should; the message says what is missing."""


class SlotTaken(Exception):
    """Another booking, of a run before this one, holds that time."""


@dataclass(frozen=True, slots=True)
class Result:
    """How it went: seconds from request to confirmation, calls to the PMS, the last state."""

    seconds: float
    calls: int
    status: str
    writeback_id: str


class Api:
    """The part of Frontdesk's REST API that the demo uses."""

    def __init__(self, web_url: str) -> None:
        self.base = f"{web_url}/api/v1"
        self.http = requests.Session()

    def login(self, login: Login) -> None:
        body = {"username": login.username, "password": login.password}
        token = self._answer(self.http.post(f"{self.base}/auth/login", json=body, timeout=10))
        self.http.headers["Authorization"] = f"Bearer {token['access']}"

    def get(self, path: str, **params: str) -> Any:
        return self._answer(self.http.get(f"{self.base}/{path}", params=params, timeout=10))

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        page = self.get(path, page_size="200")
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self._answer(self.http.get(page["next"], timeout=10))

    def book(self, clinic_id: str, key: str, body: dict[str, str]) -> tuple[dict[str, Any], str]:
        """Ask for an appointment; return the writeback and the address to follow.

        Raises SlotTaken where somebody else has that time.
        """
        answer = self.http.post(
            f"{self.base}/clinics/{clinic_id}/appointments",
            json=body,
            headers={"Idempotency-Key": key},
            timeout=10,
        )
        if answer.status_code == 409 and answer.json()["error"]["code"] == "slot_taken":
            raise SlotTaken
        return self._answer(answer), answer.headers.get("Location", "")

    def follow(self, address: str) -> dict[str, Any] | None:
        """Return the writeback a second from now, or sooner if it has ended; None while the web or
        its database is away. Whoever waits so is told as soon as the PMS's schedule allows."""
        try:
            answer = self.http.get(address, params={"wait": "1"}, timeout=10)
        except requests.ConnectionError:
            answer = None
        if answer is None or answer.status_code >= 500:
            time.sleep(LOOK_EVERY)
            return None
        return self._answer(answer)

    @staticmethod
    def _answer(answer: requests.Response) -> Any:
        if not answer.ok:
            raise DemoFailed(
                f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:300]}"
            )
        return answer.json()


def book_once(
    api: Api, sandbox_url: str, say: Callable[[str], None], patience: timedelta
) -> Result:
    """Book the first free half hour of a clinic and follow it to its end.

    Raises DemoFailed when it does not end as completed within `patience`, or when the sandbox's
    books do not show the appointment exactly once.
    """
    clinic = api.get("clinics")["results"][0]
    started = time.monotonic()
    for body in _free_slots(api, clinic):
        local = datetime.fromisoformat(body["starts_at"]).astimezone(ZoneInfo(clinic["timezone"]))
        when = f"{local:%a %d %b %H:%M} local time"
        say(f"POST /api/v1/clinics/…/appointments  {clinic['name']}, {when}")
        try:
            writeback, address = api.book(clinic["id"], str(uuid.uuid4()), body)
        except SlotTaken:
            say("409 Conflict: an earlier booking, not ended yet, holds that time")
        else:
            break
    else:
        raise DemoFailed("No free slot in the next weeks; `make clean` starts the demo afresh.")
    say(f"202 Accepted, Location: {address}")
    writeback = _watch(api, writeback, address, started, say, patience)
    _compare(writeback, clinic, body, sandbox_url)
    say("The sandbox's own books show the appointment once, with this patient at this time.")
    seconds = _moment(writeback["completed_at"]) - _moment(writeback["created_at"])
    return Result(
        seconds.total_seconds(), writeback["api_calls"], writeback["status"], writeback["id"]
    )


def _free_slots(api: Api, clinic: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield bookings for the free slots from tomorrow on, as the API wants them."""
    path = f"clinics/{clinic['id']}"
    patient = api.get(f"{path}/patients")["results"][0]
    practitioner = next(row for row in api.all(f"{path}/practitioners") if row["is_active"])
    operatory = next(api.all(f"{path}/operatories"))
    location = next(api.all(f"{path}/locations"))
    taken = [
        (_moment(row["starts_at"]), _moment(row["ends_at"]))
        for row in api.all(f"{path}/appointments")
        if practitioner["id"] == row["practitioner"] or operatory["id"] == row["operatory"]
    ]
    zone = ZoneInfo(clinic["timezone"])
    today = datetime.now(UTC).astimezone(zone).replace(minute=0, second=0, microsecond=0)
    for day in (today + timedelta(days) for days in range(1, DAYS_AHEAD)):
        if day.weekday() >= 5:
            continue
        for start in (day.replace(hour=hour) for hour in HOURS):
            end = start + LENGTH
            if all(end <= busy_from or start >= busy_to for busy_from, busy_to in taken):
                yield {
                    "patient": patient["id"],
                    "practitioner": practitioner["id"],
                    "operatory": operatory["id"],
                    "location": location["id"],
                    "starts_at": start.isoformat(),
                    "ends_at": end.isoformat(),
                    "description": "Check-up",
                }


def _watch(
    api: Api,
    writeback: dict[str, Any],
    address: str,
    started: float,
    say: Callable[[str], None],
    patience: timedelta,
) -> dict[str, Any]:
    """Print each event of the writeback as it happens, until it ends."""
    shown = 0
    while True:
        writeback = api.follow(address) or writeback
        for event in writeback["events"][shown:]:
            since = (_moment(event["at"]) - _moment(writeback["created_at"])).total_seconds()
            calls = f"  {event['calls']} call(s)" if event["calls"] else ""
            note = f"  {event['note']}" if event["note"] else ""
            say(f"  {since:6.1f} s  {event['to_status']:<11}{event['event']}{calls}{note}")
            if event["event"] == "accepted":
                say("          the first check is due 30 s later; until then nothing is asked")
        shown = len(writeback["events"])
        if writeback["completed_at"]:
            break
        if time.monotonic() - started > patience.total_seconds():
            raise DemoFailed(
                f"After {patience.total_seconds():.0f} s the booking still is "
                f"{writeback['status']} (waiting for: {writeback['waiting_for'] or 'nothing'})."
            )
    if writeback["status"] != "completed":
        raise DemoFailed(
            f"The booking ended as {writeback['status']}: {writeback['error_message']}"
        )
    if not writeback["appointment"]:
        raise DemoFailed("The booking is confirmed, but our own list has no such appointment.")
    return writeback


def _compare(
    writeback: dict[str, Any], clinic: dict[str, Any], body: dict[str, str], sandbox_url: str
) -> None:
    """Hold our answer against the sandbox's own books. Raises DemoFailed where they differ."""
    books = requests.get(f"{sandbox_url}/control/books", timeout=10).json()
    local = datetime.fromisoformat(body["starts_at"]).astimezone(ZoneInfo(clinic["timezone"]))
    made = [
        row
        for office in books["offices"].values()
        for row in office["appointments"]
        if row["appointment_sr_no"] == writeback["created_external_id"]
        and row["date"][:10] == f"{local:%Y-%m-%d}"
        and row["time"] == f"{local:%H:%M}"
    ]
    if len(made) != 1:
        raise DemoFailed(f"The sandbox's books show the appointment {len(made)} times.")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
