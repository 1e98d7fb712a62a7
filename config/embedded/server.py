"""One server program in the foreground as our child: launch, wait until it answers, stop."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from config.embedded.account import Account
from config.embedded.layout import EmbeddedError, Layout
from config.processes import ProcessLock, last_lines, spawn

_LEFTOVER_SECONDS = 15.0  # for an earlier server to close its files
_START_SECONDS = 60.0  # crash recovery of a large write-ahead log takes its time
_STOP_SECONDS = 20.0
_LOG_BYTES = 5_000_000


class Server(ABC):
    """What PostgreSQL and Valkey have in common. Messages for people come as EmbeddedError."""

    name: ClassVar[str]
    stop_signal: ClassVar[int]

    def __init__(self, layout: Layout, *, durable: bool) -> None:
        self.layout = layout
        self.durable = durable
        self.account = Account()
        self.log = layout.log / f"{self.name}.log"
        self._lock = ProcessLock(layout.run / f"{self.name}.lock")
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make the data and configuration ready; no process of this server is alive."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The server's argv, without secrets."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where the server runs."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether a client can connect and be served."""

    @property
    def pid(self) -> int | None:
        """The running server's pid."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def launch(self) -> None:
        """Start the program, after anything left of an earlier one has ended."""
        try:
            self._lock.take_over(self.stop_signal, _LEFTOVER_SECONDS)
        except TimeoutError as error:
            raise EmbeddedError(f"an earlier {self.name} does not end: {error}") from error
        try:
            self.prepare()
            if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
            with self.log.open("ab") as output:
                self._process = spawn(
                    self.command(),
                    lock=self._lock,
                    death_signal=self.stop_signal,
                    env=environment(),
                    cwd=self.folder,
                    output=output.fileno(),
                    user=self.account.user,
                    group=self.account.group,
                    enter=self.account.enter,
                )
        finally:
            self._lock.release()

    def wait_until_ready(self) -> None:
        """Return once a client was served; stop the server and explain if that does not come."""
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            if self.pid is None:
                raise self._failure("did not start")
            if time.monotonic() > deadline:
                self.stop()
                raise self._failure(f"did not answer within {_START_SECONDS:.0f} seconds")
            time.sleep(0.01)

    def stop(self) -> None:
        """Let the server close its files and end; kill it if it does not."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _failure(self, what: str) -> EmbeddedError:
        return failure(self.name, what, last_lines(self.log), f"whole log: {self.log}")


def environment() -> dict[str, str]:
    """The servers' environment: none of the PG* and locale variables that would change them."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def failure(name: str, what: str, output: str, more: str = "") -> EmbeddedError:
    """An error that shows what the program itself had to say."""
    if "No space left on device" in output:
        what = f"{what}: the disk is full"
    lines = "\n".join(f"  {line}" for line in output.splitlines()[-15:])
    return EmbeddedError(f"{name} {what}; its last words:\n{lines}\n{more}".rstrip())
