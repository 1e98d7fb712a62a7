"""The supervisor with real processes: it keeps them running, and leaves none behind."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from config.supervisor import Program, Supervisor, SupervisorError
from tests.config.conftest import family, gone, wait_until

# A program with a child of its own, as a worker has; the child outlives a polite end.
PARENT = """
import os, signal, sys, time
from config.supervisor import die_with_parent
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    die_with_parent(signal.SIGKILL)
print("ready", flush=True)
time.sleep(600)
"""
OWNER = """
import os, sys
from pathlib import Path
from config.supervisor import Program, Supervisor
with Supervisor(Path(sys.argv[1]), print, grace=float(sys.argv[3])) as supervisor:
    for name in ("first", "second"):
        supervisor.start(Program(name, (sys.executable, "-c", sys.argv[2]), os.environ))
    both = lambda: all("ready" in supervisor.last_words(name) for name in ("first", "second"))
    supervisor.run(lambda: both() or None)
    print("started", flush=True)
    supervisor.run(lambda: None)
    print("stopping", flush=True)
"""


def python(name: str, script: str, *, once: bool = False) -> Program:
    return Program(name, (sys.executable, "-c", script), os.environ, once=once)


@pytest.fixture
def children() -> Callable[[], list[psutil.Process]]:
    """What this process has started since the test began."""
    before = set(family(os.getpid()))
    return lambda: [process for process in family(os.getpid()) if process not in before]


@pytest.fixture
def owner(var: Path, run_python: Callable):
    """A process with a supervisor of two programs, each with a child; and all of these."""

    def start(script: str = PARENT, grace: float = 5):
        process = run_python(OWNER, var, script, grace)
        assert process.stdout.readline() == "started\n"
        processes = family(process.pid)
        assert len(processes) == 5
        return process, processes

    return start


def test_a_program_that_dies_is_restarted_and_what_it_said_is_shown(var: Path) -> None:
    said: list[str] = []
    script = "import os, sys; print('run', os.getpid(), flush=True); sys.stdin.close(); 1 / 0"
    with Supervisor(var, said.append, backoff=(0, 600)) as supervisor:
        supervisor.start(python("worker", script))
        supervisor.run(lambda: len(said) == 2 or None, seconds=10)
    assert said[0].startswith("worker ended with code 1, starts again in 0 s; its last words:\n")
    assert said[0].endswith("  ZeroDivisionError: division by zero")
    log = (var / "log" / "worker.log").read_text()
    assert log.count("run ") == 2
    assert log.count("ZeroDivisionError") == 2


def test_a_program_that_dies_again_and_again_is_given_up(var: Path, children: Callable) -> None:
    said: list[str] = []
    with Supervisor(var, said.append, backoff=(0, 0, 0, 0)) as supervisor:
        supervisor.start(python("steady", "import time; time.sleep(600)"))
        supervisor.start(Program("worker", ("/bin/sh", "-c", "echo no luck; exit 3"), os.environ))
        others = children()
        message = "worker ended with code 3, 5 times in a row: given up; its last words:\n  no luck"
        with pytest.raises(SupervisorError, match=message):
            supervisor.run(lambda: None, seconds=10)
    assert len(said) == 4
    assert gone(others)


def test_what_is_left_of_a_dead_program_ends_before_its_restart(var: Path) -> None:
    script = "import os, time\nif (pid := os.fork()): print(pid); exit(1)\ntime.sleep(600)"
    with Supervisor(var, lambda line: None, backoff=(600,)) as supervisor:
        supervisor.start(python("worker", script))
        assert supervisor.run(lambda: supervisor.exit_code("worker"), seconds=10) == 1
        left = int(supervisor.last_words("worker"))
        wait_until(lambda: not psutil.pid_exists(left) or gone([psutil.Process(left)]))


def test_output_is_shown_line_by_line_with_its_program(var: Path) -> None:
    shown: list[tuple[str, str]] = []
    script = "printf 'one\\ntw'; sleep 0.2; printf 'o\\nthree'; sleep 600"
    with Supervisor(var, print, show=lambda name, line: shown.append((name, line))) as supervisor:
        supervisor.start(Program("web", ("/bin/sh", "-c", script), os.environ))
        supervisor.run(lambda: len(shown) == 2 or None, seconds=10)
    assert shown == [("web", "one"), ("web", "two"), ("web", "three")]


def test_a_log_that_is_full_starts_anew(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.child._LOG_BYTES", 1000)
    script = "for i in $(seq 100); do echo line $i of a hundred; sleep 0.005; done; sleep 600"
    with Supervisor(var, print) as supervisor:
        supervisor.start(Program("web", ("/bin/sh", "-c", script), os.environ))
        full = lambda: "100" in supervisor.last_words("web")  # noqa: E731
        supervisor.run(lambda: full() or None, seconds=10)
    assert (var / "log" / "web.log").stat().st_size <= 2000
    assert (var / "log" / "web.log.1").stat().st_size <= 2000


def test_a_program_that_runs_once_may_end(var: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with Supervisor(var, said.append) as supervisor:
        supervisor.start(python("demo", "print('to the terminal'); raise SystemExit(7)", once=True))
        assert supervisor.run(lambda: supervisor.exit_code("demo"), seconds=10) == 7
    assert capfd.readouterr().out == "to the terminal\n"
    assert said == []


def test_what_the_programs_need_is_left_after_they_have_ended(
    var: Path, children: Callable
) -> None:
    ended = []

    class Needed:
        def __enter__(self) -> None: ...

        def __exit__(self, *error: object) -> None:
            ended.append(gone(started))

    with Supervisor(var, print) as supervisor:
        supervisor.hold(Needed())
        supervisor.start(python("worker", "import time; time.sleep(600)"))
        started = children()
    assert ended == [True]


def test_the_watch_is_called_and_its_error_ends_everything(var: Path, children: Callable) -> None:
    def watch() -> None:
        raise OSError("the disk is gone")

    with Supervisor(var, print, watch=watch) as supervisor:
        supervisor.start(python("worker", "import time; time.sleep(600)"))
        started = children()
        with pytest.raises(OSError, match="the disk is gone"):
            supervisor.run(lambda: None, seconds=10)
    assert gone(started)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_processes_and_their_children(owner, number: int) -> None:
    process, processes = owner()
    process.send_signal(number)
    assert process.wait(10) == 0
    assert gone(processes)


def test_a_second_ctrl_c_ends_stubborn_programs_at_once(owner) -> None:
    stubborn = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{PARENT}"
    process, processes = owner(stubborn, grace=600)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "stopping\n"
    assert not gone(processes[-1:])
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert gone(processes)


def test_stubborn_programs_are_killed_after_the_grace_period(owner) -> None:
    stubborn = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{PARENT}"
    process, processes = owner(stubborn, grace=0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert gone(processes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_nothing_is_left_after_the_supervisor_was_killed(owner) -> None:
    process, processes = owner()
    process.kill()
    wait_until(lambda: gone(processes), seconds=5)


def test_programs_that_survived_are_ended_by_the_next_supervisor(owner, var: Path) -> None:
    deaf = f"import config.processes as p; p._libc.prctl(1, 0)\n{PARENT}"
    process, processes = owner(deaf)
    process.kill()
    process.wait()
    assert not gone(processes)
    with Supervisor(var, print):
        assert gone([p for p in processes if p.pid != process.pid and p.ppid() == 1])


def test_a_second_supervisor_is_told_who_is_first(var: Path) -> None:
    with Supervisor(var, print):
        message = rf"already runs here, as process {os.getpid()} \(.*\): end it with Ctrl-C"
        with pytest.raises(SupervisorError, match=message), Supervisor(var, print):
            pytest.fail("two at once")
