"""The sandbox as one WSGI application: every simulated PMS, and the control beside them."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Request, Response

from . import webhooks
from .books import Books, stamp
from .chance import draw
from .cliniko import ClinikoApi
from .cliniko.api import TABLES as CLINIKO_TABLES
from .clock import Clock
from .control import Control
from .faults import REFUSALS, Fault, Faults, Strike
from .knobs import Knobs, WrongKnob
from .nookal import NookalApi
from .nookal.api import TABLES as NOOKAL_TABLES
from .pms import Answer, Pms, Stage
from .rest import RestApi
from .rest.api import TABLES as REST_TABLES
from .server import ConnectionDropped
from .sikka import SikkaApi
from .sikka.api import TABLES as SIKKA_TABLES


class Sandbox:
    """Simulates all PMSs on one set of books.

    Every call holds the books alone from its beginning to its commit, so calls happen one after the
    other, as far as anybody can tell; only then does an answer leave, come late or get lost.
    """

    def __init__(
        self,
        *,
        seed: int = 7,
        clock: Clock | None = None,
        state: str | Path | None = None,
        knobs: Knobs | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._first_knobs = knobs or Knobs()
        clock = clock or Clock()
        self._first_clock = clock.saved()
        self._sleep = sleep
        tables = (*SIKKA_TABLES, *CLINIKO_TABLES, *NOOKAL_TABLES, *REST_TABLES)
        books = Books(state, seed=seed, tables=tables)
        self.stage = Stage(seed, clock, books, self._first_knobs)
        self.faults = Faults(seed)
        self.mounted: list[Pms] = [
            SikkaApi(self.stage),
            ClinikoApi(self.stage),
            NookalApi(self.stage),
            RestApi(self.stage),
        ]
        self._control = Control(self)
        with books.transaction():
            if books.fresh:
                self._build()
            elif saved := books.recall("clock"):
                clock.restore(saved)

    @property
    def office_ids(self) -> list[str]:
        return [office_id for pms in self.mounted for office_id in pms.office_ids]

    def close(self) -> None:
        self.stage.books.close()

    def settle(self) -> None:
        """Do everything that was due by now. Call inside a transaction."""
        for pms in self.mounted:
            pms.settle()

    def turn(self, changes: Mapping[str, object]) -> None:
        """Change knobs. What was due until now is settled by the old ones."""
        after = self.stage.knobs.turned(changes)
        for name in ("agent_offline", "dolphin"):
            chosen = getattr(after, name)
            for office_id in () if isinstance(chosen, bool) else chosen:
                if office_id not in self.office_ids:
                    raise WrongKnob(f"{name} names {office_id!r}, which is no office here")
        self.settle()
        before, self.stage.knobs = self.stage.knobs, after
        for pms in self.mounted:
            pms.turned(before)

    def reset(self) -> None:
        """Begin again: the first clock, the first knobs, no faults and a fresh world."""
        self.stage.clock.restore(self._first_clock)
        self.stage.knobs = self._first_knobs
        self.faults.clear()
        self._build()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _build(self) -> None:
        self.stage.books.create(self.stage.seed)
        for pms in self.mounted:
            pms.build()

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/control"):
            with self.stage.books.transaction():
                answer = self._control.answer(request)
            return answer if isinstance(answer, Response) else webhooks.sent(answer)
        for pms in self.mounted:
            if request.path.startswith(pms.prefix):
                return self._call(pms, request)
        places = ", ".join(["/control", *(pms.prefix for pms in self.mounted)])
        return Response(f"Nothing is here. The sandbox answers at {places}.\n", status=404)

    def _call(self, pms: Pms, request: Request) -> Response:
        with self.stage.books.transaction():
            pms.settle()
            path = request.path.removeprefix(pms.prefix)
            strike = self.faults.next(request.method, path, self.stage.knobs)
            answer = self._carry_out(pms, request, strike)
            strike = strike or self._lost(answer)
            self._note(request, answer, strike)
        if answer is None or (strike and strike.fault is Fault.LOST_ANSWER):
            raise ConnectionDropped("the sandbox was asked to drop this connection")
        if answer.late:
            self._sleep(answer.late)
        if strike and strike.fault is Fault.SLOW:
            self._sleep(strike.seconds)
        if strike and strike.fault is Fault.GARBAGE:
            return _broken_off(answer.response)
        return answer.response

    def _carry_out(self, pms: Pms, request: Request, strike: Strike | None) -> Answer | None:
        if strike and strike.fault is Fault.DROPPED_REQUEST:
            return None
        return pms.answer(request, strike.fault if strike and strike.fault in REFUSALS else None)

    def _lost(self, answer: Answer | None) -> Strike | None:
        """Decide by the number of an accepted write alone whether its answer gets lost."""
        if answer is None or answer.write_id is None:
            return None
        if draw(self.stage.seed, "lost", answer.write_id) < self.stage.knobs.lost_answers:
            return Strike(Fault.LOST_ANSWER)
        return None

    def _note(self, request: Request, answer: Answer | None, strike: Strike | None) -> None:
        """Write the call down, with the status that its caller gets to see, if any."""
        fault = strike.fault if strike else None
        status = answer.response.status_code if answer else None
        seen = {Fault.LOST_ANSWER: None, Fault.GARBAGE: 200}
        values: list[Any] = [
            stamp(self.stage.clock.now()),
            request.method,
            request.path,
            answer.app_id if answer else None,
            answer.office_id if answer else None,
            seen.get(fault, status) if fault else status,
            fault,
        ]
        self.stage.books.run(
            "INSERT INTO calls (at, method, path, app_id, office_id, status, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )


def _broken_off(response: Response) -> Response:
    text = response.get_data(as_text=True) or '{"offset": "0", "limit": "50"}'
    broken = Response(text[: len(text) // 2], status=200, content_type="application/json")
    broken.headers.extend(
        (name, value)
        for name, value in response.headers.items()
        if name.lower() not in ("content-type", "content-length")
    )
    return broken
