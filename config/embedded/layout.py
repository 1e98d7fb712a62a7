"""Where the embedded services keep things below the var folder, and how to reach them.

Everything follows from the folder's path and the passwords in it, so that any process can
find services that another one has started.
"""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

DATABASE = "frontdesk"
OWNER_ROLE = "frontdesk_owner"
WEB_ROLE = "frontdesk_web"

_PROJECT = Path(__file__).resolve().parents[2]
# Bytes of a socket's path: 107 on Linux, 103 on macOS, where sockaddr_un is shorter.
_SOCKET_PATH_LIMIT = 103
# Others mean something in an address or in a list of them; libpq, say, splits at commas.
_SOCKET_PATH = re.compile(r"[\w./-]+", re.ASCII)
_POSTGRES_SOCKET = ".s.PGSQL.5432"


class EmbeddedError(Exception):
    """An embedded service cannot run; the message is for the person at the terminal."""


@dataclass(frozen=True)
class Urls:
    """How to reach the embedded services. Contains passwords, so it does not print them."""

    database: str = field(repr=False)
    """As the role of the application: no tables of its own, bound by row-level security."""
    owner_database: str = field(repr=False)
    """As the role that owns the database: for migrations and for making test databases."""
    redis: str = field(repr=False)
    """For redis-py."""
    broker: str = field(repr=False)
    """The same server, in the form that kombu understands."""


def var_folder() -> Path:
    """The folder for all that changes at run time: $FRONTDESK_VAR, or `var` in the project."""
    return Path(os.environ.get("FRONTDESK_VAR") or _PROJECT / "var").resolve()


def urls(var: Path) -> Urls:
    """The addresses of the services of this var folder, whether they run or not.

    The first call makes the passwords. Raises EmbeddedError if the folder cannot be used.
    """
    layout = Layout(var)
    try:
        layout.create()
        # django-environ reads all of the path before the last slash as the socket's folder.
        address = f"@:5432/{quote(str(layout.sockets))}/{DATABASE}"
        socket = quote(str(layout.valkey_socket))
        password = layout.password("valkey")
        owner, web = layout.password(OWNER_ROLE), layout.password(WEB_ROLE)
    except OSError as error:
        raise unusable(layout.var, error) from error
    return Urls(
        # The port is said because $PGPORT would change the socket's name.
        database=f"postgresql://{WEB_ROLE}:{web}{address}",
        owner_database=f"postgresql://{OWNER_ROLE}:{owner}{address}",
        redis=f"unix://:{password}@{socket}?db=0",
        broker=f"redis+socket://:{password}@{socket}?virtual_host=0",
    )


def unusable(var: Path, error: OSError) -> EmbeddedError:
    """The one line for a var folder that the system will not let us use."""
    if error.errno == errno.ENOSPC:
        return EmbeddedError(f"cannot write to {var}: the disk is full")
    reason = error.strerror or str(error)
    return EmbeddedError(
        f"cannot use {error.filename or var}: {reason}. "
        f"Make {var} writable, or choose another folder with FRONTDESK_VAR"
    )


class Layout:
    """The folders, sockets and passwords of one var folder."""

    def __init__(self, var: Path) -> None:
        self.var = var.resolve()
        digest = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        self.name = f"frontdesk-{digest}"
        self.run = self.var / "run"
        self.log = self.var / "log"
        self.secrets = self.var / "secrets"
        self.sockets = self.run
        # /tmp and not $TMPDIR: processes with another environment must find the same folder.
        self.short = Path("/tmp") / self.name  # noqa: S108
        longest = str(self.run / _POSTGRES_SOCKET)
        if len(longest) > _SOCKET_PATH_LIMIT or not _SOCKET_PATH.fullmatch(longest):
            self.sockets = self.short

    @property
    def postgres_socket(self) -> Path:
        return self.sockets / _POSTGRES_SOCKET

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def create(self) -> None:
        """Make the folders that are missing. Raises OSError, or EmbeddedError for a foreign one."""
        self.log.mkdir(parents=True, exist_ok=True)
        for folder in (self.run, self.secrets, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        # In a folder that everybody may write to, somebody else could have been there first.
        if self.sockets == self.short and (
            not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077
        ):
            raise EmbeddedError(
                f"{self.sockets} is not a private folder of this user: remove it, "
                "or choose a folder with a shorter and plain path with FRONTDESK_VAR"
            )

    def password(self, name: str) -> str:
        """The password of that name, made at the first call, even when several processes ask."""
        path = self.secrets / name
        try:
            return path.read_text()
        except FileNotFoundError:
            self.create()
        folder = os.open(self.secrets, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not path.exists():
                write_private(path, secrets.token_hex(32))
        finally:
            os.close(folder)
        return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Put a file there in one step, readable by its owner alone."""
    # mkstemp makes its file 0600.
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
