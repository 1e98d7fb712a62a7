"""A sandbox that listens: the application, its server and what one needs to talk to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .application import Sandbox
from .client import ControlClient
from .clock import Clock
from .knobs import Knobs
from .server import Server


@dataclass(frozen=True)
class RunningSandbox:
    """Where a sandbox listens and how to get in."""

    address: str
    """For example http://127.0.0.1:41234"""
    control: ControlClient
    systems: dict[str, Any]
    """The credentials of every simulated PMS, by its name."""

    @property
    def url(self) -> str:
        """The base address of the simulated Sikka API, for example http://127.0.0.1:41234/sikka/v4"""
        return str(self.credentials["url"])

    @property
    def credentials(self) -> dict[str, Any]:
        """Sikka's: url, app_id, app_key and offices, a list of office_id, secret_key and so on."""
        credentials: dict[str, Any] = self.systems["sikka"]
        return credentials


@contextmanager
def running(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 7,
    state: str | Path | None = None,
    now: datetime | None = None,
    frozen: bool = False,
    verbose: bool = False,
    **knobs: object,
) -> Iterator[RunningSandbox]:
    """Serve a sandbox until the block ends; port 0 takes a free one.

    `now` sets its clock, `frozen` stops it until somebody advances it, and all other names are
    knobs. Raises PortTaken, StateMismatch or WrongKnob.
    """
    first_knobs = Knobs().turned(knobs)
    sandbox = Sandbox(seed=seed, clock=Clock(now, frozen=frozen), state=state, knobs=first_knobs)
    try:
        server = Server(host, port, sandbox, verbose=verbose)
        server.start()
        try:
            systems = {pms.name: pms.credentials(server.address) for pms in sandbox.mounted}
            control = ControlClient(f"{server.address}/control")
            yield RunningSandbox(server.address, control, systems)
        finally:
            server.stop()
    finally:
        sandbox.close()
