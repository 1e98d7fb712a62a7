"""One fault run: the whole product started, asked, broken, left in peace, and compared."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests

from config.embedded import erase, urls
from tests.chaos import calls, faults, inside
from tests.chaos.asks import Ask, Clinic
from tests.chaos.load import Answer, Load
from tests.chaos.plan import plan
from tests.chaos.reading import clinic
from tests.chaos.verdict import Books, Verdict, judge
from tests.config.conftest import execute
from tests.crash.product import Frontdesk, until

#: Seconds for a start with migrations and an import, on a machine with other work to do.
START = 240
#: The product's own settings for a run: its waits stay as they are, ticks come often, and a
#: practice's checks are not held back for a quiet day.
SETTINGS = {"DISPATCH_SECONDS": "1", "CHECKS_PER_HOUR": "1200"}
#: Callers at once, and seconds that one goes on after the last fault to get an answer.
CALLERS, LONGEST = 4, 120.0
#: Calls of a practice's hour that one ask may take, with its checks, looks and repetitions.
CALLS_FOR_EACH = 3
#: What is to end by itself: not what a person has to decide, and what waits for that.
OPEN = """
    SELECT count(*) FROM pms_writebacks w
    LEFT JOIN pms_writebacks earlier ON earlier.id = w.after_id
    WHERE w.status NOT IN ('completed', 'failed', 'cancelled')
    AND 'person' NOT IN (w.waiting_for, coalesce(earlier.waiting_for, ''))
"""
#: Confirmed ones whose id in the PMS is read together with others', up to two hours later.
UNREAD = "SELECT count(*) FROM pms_writebacks WHERE status = 'completed' AND due_at IS NOT NULL"
READ_NOW = "UPDATE pms_writebacks SET due_at = now() WHERE status = 'completed' AND due_at > now()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is made."""

    count: int
    seed: int
    #: While asks are made and faults happen.
    minutes: float
    #: How long what is open may take to end after that.
    settle_minutes: float
    kinds: tuple[str, ...] = ()
    #: Have the PMS asked at once about what is pending in the end, as a person can.
    hurried: bool = False


@dataclass(slots=True)
class Report:
    """What a run saw."""

    options: Options
    answers: list[Answer]
    told: dict[str, Any]
    verdict: Verdict
    spending: calls.Spending
    kills: Counter[str] = field(default_factory=Counter)
    strikes: Counter[str] = field(default_factory=Counter)
    faults_seen: Counter[str] = field(default_factory=Counter)
    arrived: int = 0
    audit: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether everything was as it must be, with each process killed."""
        kept = self.verdict.clean and not self.spending.findings and bool(self.audit)
        return kept and set(self.kills) == set(faults.PROCESSES)


class Run:
    """Owns one Frontdesk with its var folder, which stays for a look where something was found."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options, self.say = options, say
        self.folder = Path(tempfile.mkdtemp(prefix="fd-"))
        self.frontdesk = Frontdesk(self.folder / "var", **SETTINGS)
        self.kills: Counter[str] = Counter()
        self.strikes: Counter[str] = Counter()
        self.begun = time.monotonic()

    def __call__(self) -> Report:
        """Make the run, and return what it saw. Ends everything that it has started."""
        try:
            report = self._run()
        except BaseException:
            self.say(f"Broken off; all of it is kept in {self.folder}")
            raise
        finally:
            self.frontdesk.stop()
            for process in self.frontdesk.family():
                process.kill()
        if report.clean:
            erase(self.frontdesk.var)
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.say(f"All of it is kept in {self.folder}")
        return report

    def _run(self) -> Report:
        options = self.options
        self._say("Frontdesk starts")
        self.frontdesk.start()
        until(self._imported, START, "the demo's practices to be imported")
        started = time.monotonic()
        ready = inside.set_up(self.frontdesk, options.count * CALLS_FOR_EACH, options.count // 4)
        clinics = [clinic(self.web, ready["key"], **each) for each in ready["clinics"]]
        asks = self._asks(sorted(clinics, key=lambda each: each.office))
        self._say(f"{len(asks)} asks in {options.minutes:g} minutes, seed {options.seed}")
        answers = self._under_fire(asks, ready["key"], [each.office for each in clinics])
        settling = time.monotonic()
        self._say("Nothing goes wrong any more; what is open has to end")
        self._settle(ready["key"])
        ended = time.monotonic()
        control = self.frontdesk.control
        arrived = until(lambda: control("GET", "calls?limit=1000000"), 60, "the log of calls")
        books = Books.of(until(lambda: control("GET", "books"), 60, "the books"))
        told = inside.tell(self.frontdesk)
        for name, seen in {"told": told, "books": asdict(books), "calls": arrived}.items():
            (self.folder / f"{name}.json").write_text(json.dumps(seen, indent=1))
        return Report(
            options,
            answers,
            told,
            judge(answers, told, books),
            calls.audit(told, arrived),
            self.kills,
            self.strikes,
            Counter(call["fault"] for call in arrived if call["fault"]),
            len(arrived),
            self._audit(),
            {"start": started - self.begun, "faults": settling - started, "end": ended - settling},
        )

    def _asks(self, clinics: Sequence[Clinic]) -> list[Ask]:
        options = self.options
        now = datetime.now(UTC)
        return plan(clinics, options.count, options.seed, now, options.kinds or None)

    # --- Before ------------------------------------------------------------------------------

    def _imported(self) -> bool:
        query = "SELECT count(*) FROM pms_integrations WHERE imported_at IS NOT NULL"
        if self.frontdesk.process and self.frontdesk.process.poll() is not None:
            raise inside.Failed(self.frontdesk.output.read_text()[-2000:])
        try:
            done = execute(urls(self.frontdesk.var).owner_database, query)
        except (psycopg.Error, OSError):
            return False
        # The demo's own booking has begun as well: it is one more that has to end well.
        return done[0][0] == 2 and bool(self.frontdesk.writebacks())

    # --- Under fire --------------------------------------------------------------------------

    def _under_fire(self, asks: Sequence[Ask], key: str, offices: Sequence[str]) -> list[Answer]:
        seconds = self.options.minutes * 60
        coming = faults.schedule(seconds, self.options.seed, sorted(offices))
        until(lambda: self.frontdesk.control("PATCH", "knobs", faults.HABITS), 30, "the habits")
        load = Load(self.web, key, asks, seconds * 0.95)
        load.start(CALLERS, LONGEST)
        begun = time.monotonic()
        for fault in coming:
            time.sleep(max(0.0, begun + fault.at - time.monotonic()))
            happened = faults.carry_out(fault, self.frontdesk.control, self._kill)
            if happened and fault.what == "kill":
                self.kills[fault.name] += 1
                self._say(f"kill -9 {fault.name}; {len(load.answers)} of {len(asks)} answered")
            elif happened:
                self.strikes[fault.name if fault.what == "knobs" else fault.what] += 1
        time.sleep(max(0.0, begun + seconds - time.monotonic()))
        self._peace()
        until(lambda: not load.running, LONGEST + 60, "the callers to end")
        answered = {answer.ask.number for answer in load.answers}
        return load.answers + [Answer(ask) for ask in asks if ask.number not in answered]

    def _kill(self, name: str) -> bool:
        """Kill -9 one of our processes; False where it is not there at this moment."""
        words = faults.PROCESSES[name]
        found = [
            process
            for process in self.frontdesk.family()
            if all(word in " ".join(_command(process)) for word in words)
        ]
        if not found:
            return False
        eldest = min(found, key=lambda process: process.create_time())
        if name == "pool":
            pool = [each for each in found if _parent(each) == eldest.pid]
            if not pool:
                return False
            eldest = pool[0]
        eldest.kill()
        return True

    def _peace(self) -> None:
        control = self.frontdesk.control
        until(lambda: control("DELETE", "faults") is not None, 60, "no more faults")
        until(lambda: control("PATCH", "knobs", faults.AT_PEACE), 60, "the sandbox at peace")

    # --- Afterwards --------------------------------------------------------------------------

    def _settle(self, key: str) -> None:
        """Wait until nothing is open; what still is then is a finding."""
        deadline = time.monotonic() + self.options.settle_minutes * 60
        told = time.monotonic()
        while (left := self._count(OPEN)) and time.monotonic() < deadline:
            if time.monotonic() - told > 30:
                told = time.monotonic()
                self._say(f"{left} are open")
                if self.options.hurried:
                    self._hurry(key)
            time.sleep(1)
        self._query(READ_NOW)
        deadline = time.monotonic() + 60
        while self._count(UNREAD) and time.monotonic() < deadline:
            time.sleep(1)

    def _hurry(self, key: str) -> None:
        """Have the PMS asked about what is pending, and not at the next step of the schedule."""
        with requests.Session() as http:
            http.headers["Authorization"] = f"Bearer {key}"
            listed = http.get(f"{self.web}/writebacks?status=pending&page_size=200", timeout=30)
            for row in listed.json()["results"] if listed.ok else []:
                http.post(f"{self.web}/writebacks/{row['id']}/reconcile", timeout=30)

    def _count(self, query: str) -> int:
        """Return a number of writebacks; where the database is away, one that is not 0."""
        found = self._query(query)
        return found[0][0] if found else -1

    def _query(self, query: str) -> list[tuple[Any, ...]]:
        try:
            return execute(urls(self.frontdesk.var).owner_database, query)
        except psycopg.Error:
            return []

    def _audit(self) -> str:
        """Seal and verify the audit; return its last words, or nothing where it failed."""
        try:
            inside.manage(self.frontdesk, "audit", "seal")
            return inside.manage(self.frontdesk, "audit", "verify").strip().splitlines()[-1]
        except inside.Failed as error:
            self.say(str(error))
            return ""

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.frontdesk.web}/api/v1"

    def _say(self, text: str) -> None:
        self.say(f"{time.monotonic() - self.begun:6.0f} s  {text}")


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0
