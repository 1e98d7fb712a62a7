"""What has to be right before Frontdesk's programs start: ports, database, broker, keys, tables."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import redis
from django.conf import settings
from django.db import connection

from config.embedded import EmbeddedServices, urls
from config.embedded.layout import Layout
from config.env import env as settings_env
from config.processes import die_with_parent

_CONNECT_SECONDS = 5


class StartupError(Exception):
    """Frontdesk cannot start; the message is one line for the person at the terminal."""


def needed_services(var: Path) -> EmbeddedServices:
    """The embedded services that the settings point at; none where a server is configured."""
    layout = Layout(var)
    database = settings.DATABASES["default"]["HOST"] == str(layout.sockets)
    broker = quote(str(layout.valkey_socket)) in settings.REDIS_URL
    return EmbeddedServices(var, postgres=database, valkey=broker)


def environment(var: Path, services: EmbeddedServices) -> dict[str, str]:
    """The environment for our programs. They find embedded services by the var folder alone."""
    result = {**os.environ, "FRONTDESK_VAR": str(var), "PYTHONUNBUFFERED": "1"}
    embedded = {
        "postgres": ("DATABASE_URL",),
        "valkey": ("REDIS_URL", "CELERY_BROKER_URL"),
    }
    for server in services.servers:
        for name in embedded[server.name]:
            result.pop(name, None)
            result.pop(f"{name}_FILE", None)
    return result


def check_port(host: str, port: int, choice: str) -> None:
    """Raise StartupError unless a server can listen there; `choice` says how to choose another."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartupError(f"{host} is no address of this machine: {error.strerror}") from error
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            # Connections that an earlier server has just closed do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                what = "is in use; stop what uses it or" if taken else f"{error.strerror}:"
                raise StartupError(f"port {port} {what} choose another with {choice}") from error


def check_servers(services: EmbeddedServices) -> None:
    """Raise StartupError unless those servers that are not embedded let us in."""
    embedded = {server.name for server in services.servers}
    if "postgres" not in embedded:
        check_database()
    if "valkey" not in embedded:
        check_redis()


def check_database() -> None:
    """Raise StartupError unless the configured database lets us in."""
    configured = connection.settings_dict
    try:
        parameters = {**connection.get_connection_params(), "connect_timeout": _CONNECT_SECONDS}
        psycopg.connect(**parameters).close()
    except psycopg.Error as error:
        place = f"{configured['HOST'] or 'localhost'}:{configured['PORT'] or 5432}"
        reason = _without(configured["PASSWORD"], str(error))
        raise StartupError(
            f"cannot use the database {configured['NAME']} at {place} (DATABASE_URL): {reason}"
        ) from error


def check_redis() -> None:
    """Raise StartupError unless the configured Redis or Valkey lets us in."""
    url = settings.REDIS_URL
    try:
        with redis.Redis.from_url(url, socket_timeout=_CONNECT_SECONDS) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        parts = urlsplit(url)
        place = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
        reason = _without(parts.password, str(error))
        raise StartupError(f"cannot use Redis at {place} (REDIS_URL): {reason}") from error


def refuse_wrong_keys() -> None:
    """End this process in one line unless its keys are those that the database was written with.

    For a process that runs no system checks. Where the database is away, the keys are taken as
    they are.
    """
    # Not above: it has a model, and the web's server imports us before Django is set up.
    from encryption import keychecks

    def confirm() -> None:
        try:
            check_database()  # a pool would wait for a database that is away
            keychecks.refuse_wrong_keys()
        except StartupError:
            return
        finally:
            connection.close()

    # In a thread, since the web's server imports us in its event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(confirm).result()


def migrate(var: Path, services: EmbeddedServices, env: Mapping[str, str]) -> int:
    """Bring the tables up to date as their owner; returns how many migrations were applied."""
    embedded = any(server.name == "postgres" for server in services.servers)
    owner = urls(var).owner_database if embedded else settings_env.str("DATABASE_OWNER_URL", "")
    # A file would win over the value; an empty name, unlike none, is not filled in from .env.
    as_owner = {"DATABASE_URL": owner, "DATABASE_URL_FILE": ""} if owner else {}
    result = subprocess.run(
        manage("migrate", "--noinput", "--no-color"),
        env={**env, **as_owner},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=partial(die_with_parent, signal.SIGTERM, os.getpid()),
    )
    if result.returncode != 0:
        lines = "\n".join(f"  {line}" for line in result.stdout.splitlines()[-15:])
        raise StartupError(f"the migrations failed; their last words:\n{lines}")
    return sum(line.startswith("  Applying ") for line in result.stdout.splitlines())


def manage(*arguments: str) -> tuple[str, ...]:
    """The argv of another of our commands."""
    return (sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments)


def answers(url: str) -> bool | None:
    """True when a server accepts connections there and, if the URL has a path, answers it with 200.

    None otherwise, which lets `Supervisor.run` go on.
    """
    parts = urlsplit(url)
    http = HTTPConnection(parts.netloc, timeout=2)
    try:
        http.connect()
        if not parts.path:
            return True
        http.request("GET", parts.path)
        return http.getresponse().status == 200 or None
    except (OSError, HTTPException):
        return None
    finally:
        http.close()


def reachable(host: str) -> str:
    """How a URL names a server of ours that listens on `host`."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{name}]" if ":" in name else name


def _without(secret: str | None, text: str) -> str:
    """A library's message as one line, and surely without the password."""
    line = " ".join(text.split())
    return line.replace(secret, "***") if secret else line
