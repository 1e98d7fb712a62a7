"""The embedded Valkey: broker of the background work."""

import signal
from collections.abc import Sequence
from pathlib import Path

from config.embedded.binaries import find_valkey
from config.embedded.layout import EmbeddedError, urls, write_private
from config.embedded.server import Server


class Valkey(Server):
    """Valkey on a unix socket in a private folder, with a password and an append-only file."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    @property
    def folder(self) -> Path:
        return self.layout.var / "valkey"

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        socket = self.layout.valkey_socket
        if socket.is_dir():
            raise EmbeddedError(f"{socket} is in the way of a socket: remove it")
        settings = {
            "port": "0",
            "unixsocket": _quoted(socket),
            "unixsocketperm": "700",
            "requirepass": self.layout.password("valkey"),
            "dir": _quoted(self.folder),
            "logfile": '""',  # to stdout
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            # The broker's queues live here too, and must not be evicted.
            "maxmemory-policy": "noeviction",
        }
        lines = "".join(f"{key} {value}\n" for key, value in settings.items())
        write_private(self._config, lines)

    def command(self) -> Sequence[str]:
        return [str(find_valkey()), str(self._config)]

    def answers(self) -> bool:
        # Here, since importing it takes longer than everything that a process asking for URLs does.
        import redis

        url = urls(self.layout.var).redis
        try:
            with redis.Redis.from_url(url, retry=None, socket_timeout=10) as client:
                client.ping()
        # While the append-only file is read, the server answers with BusyLoadingError.
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        return True

    @property
    def _config(self) -> Path:
        return self.folder / "valkey.conf"


def _quoted(path: Path) -> str:
    """A path as the configuration file wants it."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
