"""Starting programs so that none outlives us unnoticed: death signals and lock files.

A program started here gets a signal from the kernel when its parent dies (Linux), and keeps a lock
file open for as long as it or any of its forks lives. The next start sees by the lock whether
something is left over, whatever became of the pid in the meantime.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_POLL = 0.01  # seconds between two looks at something that ends by itself

# Looked up here, since between fork and exec is no place to load a library.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int = signal.SIGTERM, parent: int | None = None) -> None:
    """Have the kernel send this process the signal `number` when its parent dies.

    Call it in the child, after any change of user, which would clear it. With `parent`, the pid
    that did the fork, the process ends at once if that parent has died already. The signal comes
    when the parent's forking *thread* ends, so fork from one that stays. Off Linux it does nothing.
    """
    if sys.platform != "linux":
        return
    if _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the process group led by `pid`; a group that is gone is fine."""
    # macOS answers EPERM for a group of which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a text file, empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-count:])


@dataclass(frozen=True)
class Holder:
    """The process that wrote itself into a lock file."""

    pid: int
    started: float  # UNIX seconds, tells it from a later process with the same pid

    @classmethod
    def of(cls, pid: int) -> "Holder":
        return cls(pid, psutil.Process(pid).create_time())

    @property
    def process(self) -> psutil.Process | None:
        """The process, unless it has ended."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def __str__(self) -> str:
        process = self.process
        if process is None:
            return f"process {self.pid}, which has ended and left children"
        try:
            return f"process {self.pid} ({' '.join(process.cmdline())})"
        except psutil.Error:  # somebody else's, or ended just now
            return f"process {self.pid}"


class ProcessLock:
    """A lock file naming its holder, freed by the kernel with the last process that has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Take the lock for this process; False if another one holds it."""
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        self._write(Holder.of(os.getpid()))
        return True

    def take_over(self, stop: int, patience: float) -> None:
        """Take the lock, ending whoever was left holding it.

        The holder gets the signal `stop`, and after `patience` seconds its group SIGKILL. Raises
        TimeoutError when even twice that long was not enough.
        """
        begun = time.monotonic()
        asked = None
        while not self.acquire():
            holder = self.holder()
            waited = time.monotonic() - begun
            if waited > 2 * patience:
                raise TimeoutError(f"{self.path} is still held by {holder or 'an unknown process'}")
            if holder is not None and holder.process is not None:
                if asked != holder:
                    asked = holder
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(holder.pid, stop)
                elif waited > patience:
                    signal_group(holder.pid, signal.SIGKILL)
            time.sleep(_POLL)

    def holder(self) -> Holder | None:
        """Who wrote itself in last; None if the file is empty or absent."""
        try:
            pid, started = self.path.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return Holder(int(pid), float(started))

    def fileno(self) -> int:
        if self._fd is None:
            raise ValueError(f"{self.path} is not locked by this process")
        return self._fd

    def hand_over(self, pid: int) -> None:
        """Leave the lock to the child `pid`, which has inherited the descriptor."""
        self._write(Holder.of(pid))
        self.release()

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, holder: Holder) -> None:
        text = f"{holder.pid} {holder.started}\n".encode()
        os.ftruncate(self.fileno(), 0)
        os.pwrite(self.fileno(), text, 0)


def spawn(
    argv: Sequence[str],
    *,
    lock: ProcessLock,
    death_signal: int,
    env: Mapping[str, str],
    cwd: Path,
    output: int | None,
    user: int | None = None,
    group: int | None = None,
    enter: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own that dies with us, and leave it the (taken) lock.

    `output` gets stdout and stderr; with None it shares ours. `enter` runs in the child before exec
    and must neither import nor take locks. Raises OSError if the program cannot be started.
    """
    parent = os.getpid()

    def in_child() -> None:
        if enter is not None:
            enter()
        die_with_parent(death_signal, parent)

    groups: Iterable[int] | None = None if user is None else []
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=True,
        pass_fds=(lock.fileno(),),
        user=user,
        group=group,
        extra_groups=groups,
        preexec_fn=in_child,
    )
    lock.hand_over(process.pid)
    return process
