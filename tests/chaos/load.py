"""The callers: they ask, and repeat a request with its key until they have an answer."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos.asks import Ask

#: Seconds after which a caller gives up waiting for one answer, and between two attempts.
PATIENCE, PAUSE = 20.0, 1.0


@dataclass(slots=True)
class Answer:
    """What a caller got for an ask."""

    ask: Ask
    #: Of the last attempt; None where nobody ever answered.
    status: int | None = None
    body: Any = None
    attempts: int = 0
    #: Attempts without an answer, or with one that decides nothing.
    failures: list[str] = field(default_factory=list)
    #: Ids of writebacks that the same key was answered with.
    ids: set[str] = field(default_factory=set)
    #: The status that the withdrawal was answered with, where there was one.
    withdrawal: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether Frontdesk has promised to see to it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error code of a refusal."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return str(error.get("code", "")) if isinstance(error, dict) else ""


class Load:
    """Asks everything, evenly over a time, with a few callers at once."""

    def __init__(self, base: str, key: str, asks: Sequence[Ask], seconds: float) -> None:
        self.base, self.key, self.seconds = base, key, seconds
        self.answers: list[Answer] = []
        self._waiting: queue.SimpleQueue[tuple[float, Ask]] = queue.SimpleQueue()
        for place, ask in enumerate(asks):
            self._waiting.put((seconds * place / len(asks), ask))
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._end = float("inf")
        self._threads: list[threading.Thread] = []

    def start(self, callers: int, longest: float) -> None:
        """Let them ask; who has no answer `longest` seconds after the last ask gives up."""
        self._begun = time.monotonic()
        self._end = self._begun + self.seconds + longest
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        """Whether somebody still asks."""
        return any(thread.is_alive() for thread in self._threads)

    def _call(self) -> None:
        with requests.Session() as http:
            http.headers["Authorization"] = f"Bearer {self.key}"
            while True:
                try:
                    at, ask = self._waiting.get_nowait()
                except queue.Empty:
                    return
                time.sleep(max(0.0, self._begun + at - time.monotonic()))
                answer = self._until_answered(http, ask)
                with self._lock:
                    self.answers.append(answer)

    def _until_answered(self, http: requests.Session, ask: Ask) -> Answer:
        answer = Answer(ask)
        while not self._attempt(http, answer) and time.monotonic() < self._end:
            time.sleep(PAUSE)
        if answer.accepted and ask.repeated:
            self._attempt(http, answer)
        if answer.accepted and ask.withdrawn:
            path = f"writebacks/{answer.body['id']}/cancel"
            reply = self._send(http, "POST", path, ask.key + "-withdraw", {})
            answer.withdrawal = None if reply is None else reply.status_code
        return answer

    def _attempt(self, http: requests.Session, answer: Answer) -> bool:
        """Ask once; return whether the answer decides it."""
        ask = answer.ask
        answer.attempts += 1
        reply = self._send(http, ask.method, ask.path, ask.key, ask.body)
        if reply is None:
            answer.failures.append("no answer")
            return False
        if reply.status_code >= 500 or reply.status_code == 429:
            answer.failures.append(str(reply.status_code))
            return False
        try:
            body = reply.json()
        except ValueError:
            answer.failures.append(f"{reply.status_code} without JSON")
            return False
        answer.status, answer.body = reply.status_code, body
        if answer.accepted:
            answer.ids.add(body["id"])
        return True

    def _send(
        self, http: requests.Session, method: str, path: str, key: str, body: Any
    ) -> requests.Response | None:
        """Return the answer, or None where none came."""
        try:
            return http.request(
                method,
                f"{self.base}/{path}",
                json=body,
                headers={"Idempotency-Key": key},
                timeout=PATIENCE,
            )
        except requests.RequestException:
            return None
