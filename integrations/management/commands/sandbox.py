"""`manage.py sandbox`: serve the simulated PMSs, without a database or anything else."""

import errno
import json
import shlex
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.sandbox import PortTaken, RunningSandbox, StateMismatch, WrongKnob, running

# Option, the form of its value, and its help. Each is a knob of the same name.
KNOBS = (
    ("--delay", "10-25", "seconds until a write is carried out, from-to"),
    ("--failures", "0.0", "share of writes that the practice's system refuses"),
    ("--lost-answers", "0.0", "share of writes that are accepted while the answer gets lost"),
    ("--errors", "0.0", "share of calls answered by 500"),
    ("--throttled", "0.0", "share of calls answered by 429"),
    ("--slow", "0.0:5", "share of calls answered late, and by how many seconds"),
    ("--rate-limit", "250", "calls a minute and application"),
    ("--key-lifetime", "86400", "seconds a request key lives"),
)


class Command(BaseCommand):
    help = "Serve a simulated PMS of each kind, with invented patients, for trying things out."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--host", default="127.0.0.1", help="address to listen on (%(default)s)"
        )
        parser.add_argument("--port", type=int, default=8088, help="port, 0 for any (%(default)s)")
        parser.add_argument("--seed", type=int, default=7, help="which world (%(default)s)")
        parser.add_argument("--state", metavar="FILE", help="keep the books here, not in memory")
        for option, default, text in KNOBS:
            parser.add_argument(option, default=default, help=f"{text} (%(default)s)")
        parser.add_argument("--agent-offline", action="store_true", help="no agent is connected")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object, then nothing"
        )
        parser.add_argument("--verbose", action="store_true", help="print every call")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [option.removeprefix("--").replace("-", "_") for option, *_ in KNOBS]
        knobs = {name: options[name] for name in names}
        knobs["agent_offline"] = options["agent_offline"]
        # Blocked before any thread starts, so that the signals wait for sigwait below.
        signals = {signal.SIGTERM, signal.SIGINT}
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            with running(
                host=options["host"],
                port=options["port"],
                seed=options["seed"],
                state=options["state"],
                verbose=options["verbose"],
                **knobs,
            ) as sandbox:
                self._announce(sandbox, options)
                signal.sigwait(signals)
        except PortTaken as error:
            raise CommandError(f"{error.strerror}. {_advice(error, options['port'])}") from None
        except (StateMismatch, WrongKnob) as error:
            raise CommandError(str(error)) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)

    def _announce(self, sandbox: RunningSandbox, options: dict[str, Any]) -> None:
        if options["json"]:
            text = json.dumps({"control": sandbox.control.url, **sandbox.systems})
        else:
            text = "\n".join(_lines(sandbox, options["state"]))
        self.stdout.write(text)
        self.stdout.flush()


def _advice(error: PortTaken, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            "Stop the program that listens there, or choose another port: "
            f"manage.py sandbox --port {port + 1}"
        )
    return "Choose another --host or --port."


def _lines(sandbox: RunningSandbox, state: str | None) -> list[str]:
    credentials = sandbox.credentials
    header = [f"-H 'App-Id: {credentials['app_id']}'", f"-H 'App-Key: {credentials['app_key']}'"]
    return [
        f"Sikka    {sandbox.url}",
        f"Control  {sandbox.control.url}",
        f"Books    {state or 'in memory, gone when this ends'}",
        "",
        f"App-Id   {credentials['app_id']}",
        f"App-Key  {credentials['app_key']}",
        *(
            f"Office   {office['office_id']}  secret key {office['secret_key']}"
            f"  {office['practice_name']} ({office['timezone']})"
            for office in credentials["offices"]
        ),
        "",
        "Try it:",
        f"  curl {' '.join(header)} {shlex.quote(sandbox.url + '/authorized_practices')}",
        "",
        *(line for name in sandbox.systems if name != "sikka" for line in _others(sandbox, name)),
        "Everyone in it is invented. Ctrl-C ends it.",
    ]


def _others(sandbox: RunningSandbox, name: str) -> list[str]:
    """Return where another PMS is, and all that its credentials hold, office by office."""
    system = sandbox.systems[name]
    lines = [f"{name.capitalize():<9}{system['url']}"]
    for office in system["offices"]:
        more = (f"{key} {value}" for key, value in office.items() if key != "office_id")
        lines.append("  ".join([f"Account  {office['office_id']}", *more]))
    return [*lines, ""]
