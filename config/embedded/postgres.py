"""The embedded PostgreSQL: its data folder, its server, and the roles of Frontdesk in it."""

import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

from config.embedded.account import unprivileged
from config.embedded.binaries import PostgresPrograms, find_postgres
from config.embedded.layout import (
    DATABASE,
    OWNER_ROLE,
    WEB_ROLE,
    EmbeddedError,
    Layout,
    write_private,
)
from config.embedded.server import Server, environment, failure
from config.processes import Holder, die_with_parent

_SUPERUSER = "postgres"
_OLDEST_MAJOR = 17  # the first with the builtin C.UTF-8 locale
#: A refused statement is logged by its reason alone: its text and the row in its DETAIL are about
#: patients.
_DISCREET_LOG = {
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}
_WITHOUT_RIGHTS = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION"


class Postgres(Server):
    """PostgreSQL on a unix socket in a private folder, with passwords."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends the sessions, writes everything down

    def __init__(self, layout: Layout, *, durable: bool) -> None:
        super().__init__(layout, durable=durable)
        self._inside = layout.var / "postgres"
        self._outside = outside(layout)
        self._home = self._inside
        self._programs = PostgresPrograms(Path())
        self._socket = layout.postgres_socket

    @property
    def folder(self) -> Path:
        return self._home

    @property
    def data(self) -> Path:
        return self._home / "data"

    def prepare(self) -> None:
        self.account = unprivileged()
        self._programs = find_postgres()
        self._socket = self.layout.postgres_socket
        if self.account.user is not None:
            self._prepare_outside()
        self._home = self._choose_home()
        major = self._major()
        if not self.data.exists():
            self._initialise()
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(major):
            raise EmbeddedError(
                f"the data in {self.data} is of PostgreSQL {found}, the programs are {major}: "
                f"move it over with pg_upgrade or pg_dump, or move {self._home} away to start empty"
            )
        self.account.own(self._home)
        self._clear_stale_files()

    def command(self) -> Sequence[str]:
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._socket.parent),
            "unix_socket_permissions": "0700",
            **_DISCREET_LOG,
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self._programs.bin / "postgres"), "-D", str(self.data), *options]

    def answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedError(
                    f"{self._home}/superuser does not hold the password of the data beside it"
                ) from error
            return False
        return True

    def provision(self) -> None:
        """Make the roles and the database, or bring what is there up to date."""
        with self._connect("postgres") as connection:
            for role, right in ((OWNER_ROLE, "CREATEDB"), (WEB_ROLE, "NOCREATEDB")):
                self._ensure_role(connection, role, f"{_WITHOUT_RIGHTS} {right}")
            # SET only: the owner can step into the role, as tests do, but inherits nothing from it.
            self._run(connection, "GRANT {web} TO {owner} WITH INHERIT FALSE, SET TRUE")
            query = "SELECT FROM pg_database WHERE datname = %s"
            exists = connection.execute(query, [DATABASE]).fetchone() is not None
        # Test databases are copies of template1.
        self._grant("template1")
        with self._connect("postgres") as connection:
            if not exists:
                self._run(connection, "CREATE DATABASE {database} OWNER {owner}")
            self._run(connection, "REVOKE ALL ON DATABASE {database} FROM PUBLIC")
            self._run(connection, "GRANT CONNECT ON DATABASE {database} TO {web}")
        self._grant(DATABASE)

    def _grant(self, database: str) -> None:
        """Let the application use, and not define, whatever the owner makes in this database."""
        tables = "SELECT, INSERT, UPDATE, DELETE ON TABLES"
        with self._connect(database) as connection:
            for rights in (tables, "USAGE, SELECT ON SEQUENCES"):
                self._run(
                    connection,
                    f"ALTER DEFAULT PRIVILEGES FOR ROLE {{owner}} GRANT {rights} TO {{web}}",
                )

    def _ensure_role(self, connection: psycopg.Connection, role: str, rights: str) -> None:
        exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        # Hashed on this side, so that no password can show up in the server's log.
        password = connection.pgconn.encrypt_password(
            self.layout.password(role).encode(), role.encode(), b"scram-sha-256"
        )
        statement = "{verb} ROLE {role} {rights} PASSWORD {password}"
        connection.execute(
            sql.SQL(statement).format(
                verb=sql.SQL("CREATE" if exists is None else "ALTER"),
                role=sql.Identifier(role),
                rights=sql.SQL(rights),
                password=sql.Literal(password.decode()),
            )
        )

    def _run(self, connection: psycopg.Connection, statement: str) -> None:
        names = {"database": DATABASE, "owner": OWNER_ROLE, "web": WEB_ROLE}
        quoted = {key: sql.Identifier(name) for key, name in names.items()}
        connection.execute(sql.SQL(statement).format(**quoted))

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.layout.sockets),
            port=5432,
            user=_SUPERUSER,
            password=(self._home / "superuser").read_text(),
            dbname=database,
            connect_timeout=10,
            autocommit=True,
        )

    def _choose_home(self) -> Path:
        """The folder with the data: below var, or where `nobody` can reach it."""
        places = (self._inside, self._outside / "postgres")
        existing = next((place for place in places if (place / "data").exists()), None)
        home = existing or next(filter(self.account.reaches, places))
        if not self.account.reaches(home):
            raise EmbeddedError(
                f"the user `nobody`, as whom PostgreSQL has to run, may not enter {home}: "
                "run as another user than root, or open the folders above it to others"
            )
        return home

    def _prepare_outside(self) -> None:
        """What `nobody` needs besides the data: a folder for its socket, programs it may start."""
        self._outside.mkdir(mode=0o711, exist_ok=True)
        if not self.account.reaches(self._programs.bin / "postgres"):
            self._programs = self._programs.copied_to(self._outside / "programs")
        sockets = self._outside / "run"
        sockets.mkdir(mode=0o700, exist_ok=True)
        self.account.own(sockets)
        self._socket = sockets / self.layout.postgres_socket.name
        # Clients look in one place, whichever way the server runs.
        self.layout.postgres_socket.unlink(missing_ok=True)
        self.layout.postgres_socket.symlink_to(self._socket)

    def _major(self) -> int:
        output = self._output(self._programs.bin / "postgres", "--version")
        found = re.search(r"\(PostgreSQL\) (\d+)", output)
        if found is None or int(found[1]) < _OLDEST_MAJOR:
            raise EmbeddedError(
                f"{self._programs.bin} has {output.strip()}; {_OLDEST_MAJOR} or newer is needed"
            )
        return int(found[1])

    def _initialise(self) -> None:
        """Make the data folder under another name first, so that a kill leaves none half made."""
        new = self._home.with_name(f"{self._home.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        write_private(new / "superuser", secrets.token_hex(24))
        self.account.own(new)
        # fmt: off
        self._output(
            self._programs.bin / "initdb", "--pgdata", str(new / "data"), "--username", _SUPERUSER,
            "--pwfile", str(new / "superuser"), "--auth-local=scram-sha-256", "--auth-host=reject",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            "--encoding=UTF8", "--no-instructions", *([] if self.durable else ["--no-sync"]),
            cwd=new,
        )
        # fmt: on
        new.rename(self._home)

    def _output(self, program: Path, *arguments: str, cwd: Path = Path("/")) -> str:
        """Run one of PostgreSQL's programs as the server's account, and under the server's lock."""
        account, parent = self.account, os.getpid()

        def in_child() -> None:
            if account.enter is not None:
                account.enter()
            die_with_parent(signal.SIGKILL, parent)

        result = subprocess.run(
            [str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=environment(),
            cwd=cwd,
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
            pass_fds=(self._lock.fileno(),),
            preexec_fn=in_child,
        )
        if result.returncode != 0:
            raise failure(program.name, "failed", result.stdout)
        return result.stdout

    def _clear_stale_files(self) -> None:
        """Remove a killed server's pid files, whose pids may be somebody else's by now."""
        pid_file = self.data / "postmaster.pid"
        if pid_file.exists():
            pid = int(pid_file.read_text().split("\n", 1)[0])
            if runs_in(pid, self.data):
                raise EmbeddedError(
                    f"process {pid}, not started by Frontdesk, uses {self.data}: stop it first"
                )
            pid_file.unlink()
        for path in (self._socket, self._socket.with_name(f"{self._socket.name}.lock")):
            if path.is_dir():
                raise EmbeddedError(f"{path} is in the way of a socket: remove it")
            path.unlink(missing_ok=True)


def outside(layout: Layout) -> Path:
    """The folder for what cannot stay in var when the server runs as `nobody`."""
    return Path("/var/lib") / layout.name


def runs_in(pid: int, folder: Path) -> bool:
    """Whether a process lives and works in this folder, as a PostgreSQL server does in its data."""
    try:
        process = Holder.of(pid).process
        return process is not None and Path(process.cwd()) == folder
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
