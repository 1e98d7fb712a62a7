"""`manage.py up`: everything that Frontdesk needs, in one terminal."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from config import startup
from config.embedded import EmbeddedError, EmbeddedServices
from config.supervisor import Program, Supervisor, SupervisorError

_READY_SECONDS = 60.0
_INTERRUPTED = 130  # what shells make of Ctrl-C
_LOCAL = "127.0.0.1"
QUEUES = "dispatch,celery"
#: A worker of its own for syncs, under a name of its own: they hold up no write.
_SYNC = ("worker", "-Q", "sync", "-n", "sync@%h", "--concurrency", "1", "-l", "info")
#: What is live waits for no one.
_LIVE = ("worker", "-Q", "live", "-n", "live@%h", "--concurrency", "1", "-l", "info")
_COLOURS = {
    "web": 36,
    "worker": 32,
    "sync": 34,
    "live": 37,
    "beat": 33,
    "sandbox": 35,
}  # ANSI codes


class Command(BaseCommand):
    """This will run database, broker, web, worker and beat until Ctrl-C."""

    help = "Run Frontdesk here: database, broker, web, worker and beat, until Ctrl-C."
    # Some checks ask the database, which this command has yet to start.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        web, sandbox = (os.environ.get(name) for name in ("WEB_PORT", "SANDBOX_PORT"))
        parser.add_argument("--host", default=_LOCAL, help="the web's address")
        parser.add_argument("--port", type=int, default=web or 8000, help="the web's (WEB_PORT)")
        parser.add_argument(
            "--sandbox-port", type=int, default=sandbox or 8100, help="(SANDBOX_PORT)"
        )
        parser.add_argument(
            "--demo", action="store_true", help="with a simulated PMS, and a booking in it"
        )
        parser.add_argument("--once", action="store_true", help="end when the demo has ended")
        parser.add_argument("--verbose", action="store_true", help="show the programs' output")

    def handle(self, *args: Any, **options: Any) -> None:
        self.options = options
        self.var = Path(settings.FRONTDESK_VAR)
        self.web = f"http://{startup.reachable(options['host'])}:{options['port']}"
        self.sandbox = f"http://{_LOCAL}:{options['sandbox_port']}"
        # Where `python -m` finds our packages, wherever this was called.
        os.chdir(settings.BASE_DIR)
        try:
            code = self._run(startup.needed_services(self.var))
        except KeyboardInterrupt:
            code = _INTERRUPTED
        except (EmbeddedError, SupervisorError, startup.StartupError, OSError) as error:
            self.stderr.write(str(error))
            code = 1
        sys.exit(code)

    def _run(self, services: EmbeddedServices) -> int:
        def watch() -> None:
            for name in services.check():
                self.stdout.write(f"{name} had ended and runs again")

        show = self._show if self.options["verbose"] else None
        with Supervisor(self.var, self.stdout.write, show=show, watch=watch) as supervisor:
            self._check_ports()
            if services.servers:
                supervisor.hold(services)
            startup.check_servers(services)
            env = startup.environment(self.var, services)
            applied = startup.migrate(self.var, services, env)
            self.stdout.write(f"database is up to date ({applied} migrations applied)")
            for program in self._programs(env):
                supervisor.start(program)
            if not self._wait(supervisor):
                return _INTERRUPTED
            self._introduce()
            if self.options["demo"]:
                supervisor.start(self._demo(env))
                code = supervisor.run(lambda: supervisor.exit_code("demo"))
                if code is None:
                    return _INTERRUPTED
                if self.options["once"]:
                    return code
            self.stdout.write("Ctrl-C ends everything")
            supervisor.run(lambda: None)
            return 0

    def _check_ports(self) -> None:
        startup.check_port(self.options["host"], self.options["port"], "--port / WEB_PORT")
        if self.options["demo"]:
            port = self.options["sandbox_port"]
            startup.check_port(_LOCAL, port, "--sandbox-port / SANDBOX_PORT")

    def _programs(self, env: Mapping[str, str]) -> list[Program]:
        """What to run, in the order to start it; the last one is stopped first."""
        python = (sys.executable, "-m")
        celery = (*python, "celery", "-A", "config")
        host, port = self.options["host"], str(self.options["port"])
        # Streams to open pages have no end of their own, and would hold up a restart.
        limits = ("--no-access-log", "--timeout-graceful-shutdown", "3")
        # Who watches has nothing to say, and what they are told is small.
        sockets = ("--ws-max-size", "4096", "--ws-per-message-deflate", "false")
        web = (*python, "uvicorn", "config.asgi:application", "--host", host, "--port", port)
        programs = [
            Program("web", (*web, *limits, *sockets), env),
            Program(
                "worker", (*celery, "worker", "-Q", QUEUES, "--concurrency", "2", "-l", "info"), env
            ),
            Program("sync", (*celery, *_SYNC), env),
            Program("live", (*celery, *_LIVE), env),
            Program("beat", (*celery, "beat", "-l", "info"), env),
        ]
        if self.options["demo"]:
            port, state = str(self.options["sandbox_port"]), str(self.var / "sandbox.db")
            argv = startup.manage("sandbox", "--port", port, "--state", state)
            programs.insert(0, Program("sandbox", argv, env))
        return programs

    def _demo(self, env: Mapping[str, str]) -> Program:
        argv = startup.manage("demo", "--web", self.web, "--sandbox", self.sandbox)
        return Program("demo", argv, env, once=True)

    def _wait(self, supervisor: Supervisor) -> bool:
        """Return when the servers answer, False if a signal came before."""
        waited = {"web": f"{self.web}/healthz"}
        if self.options["demo"]:
            waited["sandbox"] = self.sandbox
        for name, url in waited.items():
            try:
                if supervisor.run(partial(startup.answers, url), _READY_SECONDS) is None:
                    return False
            except TimeoutError as error:
                raise SupervisorError(
                    f"{name} does not answer at {url}; its last words:\n"
                    f"{supervisor.last_words(name)}"
                ) from error
        return True

    def _introduce(self) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_row("Control room", f"{self.web}/admin/")
        table.add_row("API", f"{self.web}/api/docs/")
        if self.options["demo"]:
            table.add_row("Simulated PMS", self.sandbox)
        table.add_row("Logs", str(self.var / "log"))
        Console(file=sys.stdout, soft_wrap=True).print(table)

    def _show(self, name: str, line: str) -> None:
        label = f"{name:>8} |"
        if sys.stdout.isatty() and not self.options["no_color"]:
            label = f"\x1b[{_COLOURS.get(name, 0)}m{label}\x1b[0m"
        self.stdout.write(f"{label} {line}")
