"""The keyring: the first key encrypts, all of them decrypt, and one more makes blind indexes.

Keys are written as one `id:base64` each, by line or by comma; the entry `index` is the blind
indexes' key. They come from the setting ENCRYPTION_KEYS or from the file ENCRYPTION_KEYS_FILE,
never from SECRET_KEY.
"""

from __future__ import annotations

import binascii
import hmac
import logging
import os
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from encryption import keyfile

logger = logging.getLogger(__name__)

#: Bytes of a key: AES-256.
KEY_BYTES = 32
#: The entry whose key makes blind indexes and never encrypts.
INDEX = "index"
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
#: Seconds after which a process that encrypts looks whether the key file has changed.
LOOK_EVERY = 1.0


class UnknownKey(LookupError):
    """A value names a key that is not among the keys."""


@dataclass(frozen=True, slots=True)
class Keys:
    """One reading of the keys, in their order. Holds secrets, so it does not print them."""

    by_id: Mapping[str, bytes] = field(repr=False)
    index: bytes = field(repr=False)

    @property
    def first(self) -> str:
        """The id of the key that encrypts."""
        return next(iter(self.by_id))


def new_entry(key_id: str) -> str:
    """Return an entry with a new random key."""
    return f"{key_id}:{b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def new_text(key_id: str) -> str:
    """Return the text of a new key file: one key and the index key."""
    return f"{new_entry(key_id)}\n{new_entry(INDEX)}\n"


def entries(text: str) -> list[str]:
    """Return the entries of a text of keys, without blanks and lines that begin with #."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [entry for line in lines for each in line.split(",") if (entry := each.strip())]


def without(text: str, key_id: str) -> str:
    """Return a text of keys without the entry of a key."""
    kept = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            kept.append(line)
        elif rest := [each for each in entries(line) if not each.startswith(f"{key_id}:")]:
            kept.append(",".join(rest))
    return "\n".join(kept) + "\n"


def parse(text: str, place: str) -> Keys:
    """Return the keys that a text holds. Raises ImproperlyConfigured, naming the place and the id
    of what is wrong, never a key."""
    found: dict[str, bytes] = {}
    for number, entry in enumerate(entries(text), start=1):
        key_id, _, encoded = entry.partition(":")
        if not KEY_ID.fullmatch(key_id) or not encoded:
            raise ImproperlyConfigured(
                f"entry {number} of {place} is not written as id:base64, where an id has up to 32 "
                "letters, digits, - and _."
            )
        try:
            key = b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise ImproperlyConfigured(
                f"the key {key_id!r} in {place} is not {KEY_BYTES} bytes in base64: write one as "
                "`openssl rand -base64 32` prints it."
            )
        if key_id in found:
            raise ImproperlyConfigured(f"{place} has two keys {key_id!r}: remove the wrong one.")
        if key in found.values():
            raise ImproperlyConfigured(
                f"the key {key_id!r} in {place} stands there under another id too: give it a key "
                "of its own."
            )
        found[key_id] = key
    index = found.pop(INDEX, None)
    if index is None or not found:
        lacking = f"no entry {INDEX}:…" if index is None else "no key to encrypt with"
        raise ImproperlyConfigured(
            f"{place} has {lacking}: write one entry id:base64 and one {INDEX}:base64, each with "
            f"{KEY_BYTES} bytes as `openssl rand -base64 32` prints them."
        )
    return Keys(found, index)


class Keyring:
    """The keys of this process. Those of a file are read anew when it has changed."""

    def __init__(self, text: str = "", path: Path | None = None) -> None:
        """Read them. Raises ImproperlyConfigured where they cannot be used."""
        self.path = path
        self._text = text
        self._stamp: tuple[int, ...] = ()
        self._looked_at = time.monotonic()
        self._load()

    @property
    def place(self) -> str:
        """Where the keys come from, for people."""
        return f"the key file {self.path}" if self.path else "ENCRYPTION_KEYS"

    @property
    def keys(self) -> Keys:
        """The keys as they were last read."""
        return self._keys

    def encrypting(self) -> tuple[str, AESGCM]:
        """Return the first key's id and cipher."""
        if self.path and time.monotonic() - self._looked_at >= LOOK_EVERY:
            self.look()
        # Together, since another thread may read the file in between.
        return self._first

    def decrypting(self, key_id: str) -> AESGCM:
        """Return the cipher of a key. Raises UnknownKey, also after a look into the file."""
        cipher = self._ciphers.get(key_id)
        if cipher is None and self.look():
            cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(key_id)
        return cipher

    def digest(self, text: str) -> bytes:
        """Return the 32 bytes of HMAC-SHA256 under the index key."""
        return hmac.digest(self._keys.index, text.encode(), "sha256")

    def look(self) -> bool:
        """Read the file anew if it has changed; returns whether it had.

        A file that cannot be used changes nothing: what was read before goes on working.
        """
        self._looked_at = time.monotonic()
        if self.path is None:
            return False
        try:
            if self._file_stamp() == self._stamp:
                return False
            self._load()
        except ImproperlyConfigured as error:
            logger.error("the keys stay as they were: %s", error)
            return False
        return True

    def _load(self) -> None:
        stamp = self._file_stamp() if self.path else ()
        keys = parse(keyfile.read(self.path) if self.path else self._text, self.place)
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.by_id.items()}
        self._first = keys.first, self._ciphers[keys.first]
        self._keys, self._stamp = keys, stamp

    def _file_stamp(self) -> tuple[int, ...]:
        """What changes with the file."""
        try:
            found = os.stat(self.path or "")
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ino, found.st_size


@lru_cache(maxsize=1)
def keyring() -> Keyring:
    """Return the keyring of the settings. Raises ImproperlyConfigured where it cannot be used."""
    path = settings.ENCRYPTION_KEYS_FILE
    return Keyring(settings.ENCRYPTION_KEYS, Path(path) if path else None)
