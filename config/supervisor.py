"""Runs Frontdesk's programs side by side, restarts those that die, and leaves none behind."""

import contextlib
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType, TracebackType
from typing import TypeVar

from config.child import Child, Program
from config.processes import ProcessLock, die_with_parent

__all__ = ["Program", "Supervisor", "SupervisorError", "die_with_parent"]

_T = TypeVar("_T")

_TICK_SECONDS = 0.1  # between two looks at the children
_WATCH_SECONDS = 1.0  # between two looks at what they depend on
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SupervisorError(Exception):
    """The programs cannot be kept running; the message is for the person at the terminal."""


class Supervisor:
    """A context manager that owns programs: when it is left, all of them have ended.

    `say` gets news for people, and `show`, where given, the name and each line of output of every
    program. `watch` is called every second, and what it raises ends the run. `backoff` are the
    seconds before each restart; who dies once more than that, each time within `steady` seconds,
    is given up. `grace` is how many seconds a program has to end by itself.

    While entered, SIGINT, SIGTERM and SIGHUP end `run`, or raise KeyboardInterrupt before it; one
    more while stopping kills at once. Use it in the main thread.
    """

    def __init__(
        self,
        var: Path,
        say: Callable[[str], None],
        *,
        show: Callable[[str, str], None] | None = None,
        watch: Callable[[], object] = lambda: None,
        backoff: Sequence[float] = (1, 2, 4, 8),
        steady: float = 30.0,
        grace: float = 10.0,
    ) -> None:
        self._say = say
        self._show = show
        self._watch = watch
        self._backoff = backoff
        self._steady = steady
        self._grace = grace
        self._log = var / "log"
        self._locks = var / "run" / "programs"
        self._lock = ProcessLock(var / "run" / "up.lock")
        self._children: dict[str, Child] = {}
        self._signals = 0
        self._minds_signals = False
        self._next_watch = 0.0
        self._selector: selectors.BaseSelector
        self._undo = contextlib.ExitStack()

    def __enter__(self) -> "Supervisor":
        """Become the only supervisor of this var folder, and end what a killed one has left."""
        self._log.mkdir(parents=True, exist_ok=True)
        for folder in (self._locks.parent, self._locks):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not self._lock.acquire():
            raise SupervisorError(
                f"Frontdesk already runs here, as {self._lock.holder()}: end it with Ctrl-C there, "
                "or choose another folder with FRONTDESK_VAR"
            )
        with contextlib.ExitStack() as undo:
            undo.callback(self._lock.release)
            for path in self._locks.glob("*.lock"):
                left = ProcessLock(path)
                left.take_over(signal.SIGTERM, self._grace)
                left.release()
            self._selector = undo.enter_context(selectors.DefaultSelector())
            for number in _SIGNALS:
                if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue  # started with nohup, to stay when the terminal closes
                undo.callback(signal.signal, number, signal.signal(number, self._on_signal))
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._undo:
            self._stop()

    def hold(self, needed: contextlib.AbstractContextManager[object]) -> None:
        """Enter a context that the programs need: it is left after they have ended."""
        self._undo.enter_context(needed)

    def start(self, program: Program) -> None:
        """Start a program, and from now on keep it running; `once` ones may end."""
        lock = ProcessLock(self._locks / f"{program.name}.lock")
        show = None if self._show is None else partial(self._show, program.name)
        self._children[program.name] = child = Child(program, lock, self._log, show)
        self._launch(child)

    def run(self, until: Callable[[], _T | None], seconds: float | None = None) -> _T | None:
        """Keep everything going until `until` returns something else than None, and return that.

        Returns None when a signal asks for the end. Raises SupervisorError when a program had to be
        given up, and TimeoutError after `seconds`.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        self._minds_signals = True
        while not self._signals:
            self._tick()
            if (result := until()) is not None:
                return result
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"not ready after {seconds:g} seconds")
        return None

    def exit_code(self, name: str) -> int | None:
        """How a program has ended; None while it runs."""
        return self._children[name].exit_code

    def last_words(self, name: str) -> str:
        """The last lines that a program wrote, indented."""
        return self._children[name].last_words

    def _tick(self) -> None:
        self._read(_TICK_SECONDS)
        now = time.monotonic()
        for child in self._children.values():
            if self._reap(child) and not child.program.once:
                self._after_death(child, now)
            elif child.restart_at is not None and child.restart_at <= now:
                self._launch(child)
        if now >= self._next_watch:
            self._watch()
            self._next_watch = time.monotonic() + _WATCH_SECONDS

    def _launch(self, child: Child) -> None:
        child.start(self._grace)
        if child.pipe is not None:
            self._selector.register(child.pipe, selectors.EVENT_READ, child)

    def _after_death(self, child: Child, now: float) -> None:
        if now - child.started_at > self._steady:
            child.deaths = 0
        child.deaths += 1
        told = f"{child.program.name} ended with {_meaning(child.exit_code)}"
        words = f"; its last words:\n{child.last_words}" if child.last_words else ""
        if child.deaths > len(self._backoff):
            raise SupervisorError(f"{told}, {child.deaths} times in a row: given up{words}")
        delay = self._backoff[child.deaths - 1]
        child.restart_at = now + delay
        self._say(f"{told}, starts again in {delay:g} s{words}")

    def _stop(self) -> None:
        """Ask the programs to end, the last one started first, and kill those that do not."""
        self._minds_signals = True
        asked_once = min(self._signals, 1)
        deadline = time.monotonic() + self._grace
        for child in reversed(self._children.values()):
            child.terminate()
        while left := [child for child in self._children.values() if child.running]:
            impatient = self._signals > asked_once or time.monotonic() > deadline
            for child in left:
                if not self._reap(child) and impatient:
                    child.kill()
            self._read(0.02)

    def _reap(self, child: Child) -> bool:
        if not child.reap():
            return False
        if child.pipe is not None:
            child.read()
            self._close(child, child.pipe)
        return True

    def _read(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if not key.data.read():
                self._close(key.data, key.fd)

    def _close(self, child: Child, pipe: int) -> None:
        self._selector.unregister(pipe)
        child.close_pipe()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        if not self._minds_signals:
            raise KeyboardInterrupt


def _meaning(code: int | None) -> str:
    """An exit code in words: a negative one is a signal's."""
    return f"code {code}" if code is None or code >= 0 else f"signal {-code}"
