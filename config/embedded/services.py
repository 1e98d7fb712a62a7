"""PostgreSQL and Valkey together, as one thing that a process owns."""

import shutil
from pathlib import Path
from types import TracebackType

from config.embedded.layout import EmbeddedError, Layout, unusable, urls
from config.embedded.postgres import Postgres, outside
from config.embedded.server import Server
from config.embedded.valkey import Valkey
from config.processes import ProcessLock


class EmbeddedServices:
    """The servers of one var folder, which end with this process or with `stop`.

    `durable=False` trades safety against a crash of the machine for speed, for data to throw away.
    `postgres` and `valkey` say which of the two to run. Start it from a thread that stays.
    """

    def __init__(
        self, var: Path, *, durable: bool = True, postgres: bool = True, valkey: bool = True
    ) -> None:
        self.layout = Layout(var)
        self._lock = ProcessLock(self.layout.run / "services.lock")
        self._postgres = Postgres(self.layout, durable=durable) if postgres else None
        self._valkey = Valkey(self.layout, durable=durable) if valkey else None
        self.servers: list[Server] = [s for s in (self._postgres, self._valkey) if s is not None]

    def start(self) -> None:
        """Start the servers and return when they serve. Raises EmbeddedError with the reason."""
        try:
            urls(self.layout.var)
            if not self._lock.acquire():
                raise EmbeddedError(
                    f"{self.layout.var} is in use by {self._lock.holder()}: stop that first, "
                    "or choose another folder with FRONTDESK_VAR"
                )
            self._bring_up(self.servers)
        except OSError as error:
            self.stop()
            raise unusable(self.layout.var, error) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers, all data written down; nothing happens if they do not run."""
        for server in reversed(self.servers):
            server.stop()
        self._lock.release()

    def check(self) -> list[str]:
        """Restart servers that have died and return their names. Raises EmbeddedError."""
        dead = [server for server in self.servers if server.pid is None]
        try:
            self._bring_up(dead)
        except OSError as error:
            raise unusable(self.layout.var, error) from error
        return [server.name for server in dead]

    def __enter__(self) -> "EmbeddedServices":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _bring_up(self, servers: list[Server]) -> None:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait_until_ready()
        if self._postgres in servers:
            self._postgres.provision()


def erase(var: Path) -> bool:
    """Delete a var folder of throw-away data, after ending what is left of its servers.

    Returns False, and deletes nothing, while a process owns its services.
    """
    layout = Layout(var)
    if layout.run.is_dir():
        lock = ProcessLock(layout.run / "services.lock")
        if not lock.acquire():
            return False
        try:
            for server in (Postgres, Valkey):
                left = ProcessLock(layout.run / f"{server.name}.lock")
                left.take_over(server.stop_signal, patience=10)
                left.release()
        finally:
            lock.release()
    for folder in (layout.short, outside(layout), layout.var):
        if folder.exists():
            shutil.rmtree(folder)
    return True
