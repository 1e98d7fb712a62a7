"""One program under supervision: its process group, its output and how often it died."""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.processes import ProcessLock, signal_group, spawn

_LOG_BYTES = 5_000_000  # then the file becomes <name>.log.1, and the one before that goes
_LAST_WORDS = 15  # lines


@dataclass(frozen=True)
class Program:
    """What to run. `name` is also the name of its log file."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    once: bool = False
    """Runs to its end and writes to our own stdout, instead of being kept running with a log."""


class Child:
    """A program's process with everything that it starts, over any number of restarts.

    `show` gets each line of output, where it is wanted.
    """

    def __init__(
        self,
        program: Program,
        lock: ProcessLock,
        log_folder: Path,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.program = program
        self.deaths = 0
        self.started_at = 0.0
        self.restart_at: float | None = None
        self.pipe: int | None = None
        """The reading end of its output, non-blocking."""
        self._lock = lock
        self._log = _Log(log_folder / f"{program.name}.log")
        self._show = show
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._lines: deque[str] = deque(maxlen=_LAST_WORDS)

    @property
    def running(self) -> bool:
        """Whether it was started, and `reap` has not yet seen its end."""
        return self._process is not None and self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        """The code of its last end, negative for a signal; None while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def last_words(self) -> str:
        """The last lines of its output, indented."""
        return "\n".join(f"  {line}" for line in self._lines)

    def start(self, patience: float) -> None:
        """Start it, after whatever an earlier one left has ended. Raises OSError, TimeoutError."""
        self.restart_at = None
        self._lock.take_over(signal.SIGTERM, patience)
        reading, writing = (None, None) if self.program.once else os.pipe()
        try:
            self._process = spawn(
                self.program.argv,
                lock=self._lock,
                death_signal=signal.SIGTERM,
                env=self.program.env,
                cwd=Path.cwd(),
                output=writing,
            )
        finally:
            self._lock.release()
            if writing is not None:
                os.close(writing)
            if reading is not None:
                os.set_blocking(reading, False)
                self.pipe = reading
        self.started_at = time.monotonic()

    def reap(self) -> bool:
        """True once, when it has ended; what it has started is ended too."""
        if self._process is None or not self.running or self._process.poll() is None:
            return False
        signal_group(self._process.pid, signal.SIGKILL)
        return True

    def read(self) -> bool:
        """Take what output there is; False at its end."""
        while self.pipe is not None:
            try:
                data = os.read(self.pipe, 65536)
            except BlockingIOError:
                return True
            if not data:
                break
            self._log.write(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._take(line)
        return False

    def close_pipe(self) -> None:
        """Take no more output. A last line without an end counts as one."""
        if self._rest:
            self._take(self._rest)
            self._rest = b""
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
        self._log.close()

    def terminate(self) -> None:
        """Ask it to end. Only itself: it knows best in which order to end what it has started."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and all that it has started, at once."""
        if self._process is not None and self.running:
            signal_group(self._process.pid, signal.SIGKILL)

    def _take(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self._lines.append(text)
        if self._show is not None:
            self._show(text)


class _Log:
    """A file that is appended to, and starts anew when it is full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def write(self, data: bytes) -> None:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(self._fd, data)
        if os.fstat(self._fd).st_size > _LOG_BYTES:
            self.close()
            self._path.replace(self._path.with_suffix(".log.1"))

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
