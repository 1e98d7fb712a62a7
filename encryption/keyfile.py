"""A file of keys: read only where it is private, made once, and changed in one step."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def read(path: Path) -> str:
    """Return the file's text. Raises ImproperlyConfigured where others may read it, or nobody."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise ImproperlyConfigured(
                    f"the key file {path} can be read by other users: "
                    f"make it private with `chmod 600 {path}`."
                )
            return file.read()
    except FileNotFoundError:
        raise ImproperlyConfigured(
            f"the key file {path} is missing: put it back from your backup of the keys, or name "
            "another with ENCRYPTION_KEYS_FILE."
        ) from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(
            f"the key file {path} is no text: put it back from your backup of the keys."
        ) from None
    except OSError as error:
        raise ImproperlyConfigured(
            f"the key file {path} cannot be read: {error.strerror}."
        ) from error


def make_once(path: Path, text: Callable[[], str]) -> None:
    """Put a private file there unless there is one; of several at once, the first one's stays.

    Raises OSError where the folder cannot be written to.
    """
    if path.exists():
        return
    written = _private(path, text())
    try:
        os.link(written, path)  # unlike a rename, never in place of another
    except FileExistsError:
        pass
    finally:
        os.unlink(written)


def change(path: Path, edit: Callable[[str], str]) -> None:
    """Replace the file's text by what `edit` makes of it; two changes at once wait for each other.

    Raises OSError where the folder cannot be written to, or what `read` raises.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        written = _private(path, edit(read(path)))
        os.replace(written, path)
        os.fsync(folder)
    finally:
        os.close(folder)


def _private(path: Path, text: str) -> str:
    """Write a file beside it that its owner alone may read; returns its name."""
    # mkstemp makes its file 0600.
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(name)
        raise
    return name
