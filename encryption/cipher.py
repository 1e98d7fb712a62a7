"""How one value is encrypted: AES-256-GCM, bound to its table and column.

Stored as `v1:<key id>:<base64 of nonce, ciphertext and tag>`. Version, key id, table and column are
authenticated: a value that was moved to another column, or changed in any byte, does not decrypt.
"""

from __future__ import annotations

import binascii
import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag

from encryption.keys import KEY_ID, UnknownKey, keyring

VERSION = "v1"
#: Bytes; as good as random, so one key does for some 2**32 values (NIST SP 800-38D, 8.3).
NONCE = 12
TAG = 16


class CannotDecrypt(Exception):
    """A stored value could not be decrypted. Names where it stands and its key, never the value."""

    def __init__(self, table: str, column: str, key_id: str, reason: str) -> None:
        self.table, self.column, self.key_id = table, column, key_id
        named = f" under the key {key_id!r}" if key_id else ""
        super().__init__(f"{table}.{column}: a value{named} cannot be decrypted: {reason}")


def prefix(key_id: str) -> str:
    """Return how each value begins that this key has encrypted."""
    return f"{VERSION}:{key_id}:"


def encrypt(text: str, table: str, column: str, row: str = "") -> str:
    """Return the text as it is stored, encrypted with the first key.

    Where `row` tells its row from all others, the same text is stored the same way there each
    time, and nowhere else: what was not changed does not look as if it were. The nonce is then a
    keyed hash of all of them, so that no two texts share one.
    """
    key_id, cipher = keyring().encrypting()
    if row:
        whole = f"nonce\0{key_id}\0{table}.{column}\0{row}\0{text}"
        nonce = keyring().digest(whole)[:NONCE]
    else:
        nonce = os.urandom(NONCE)
    sealed = cipher.encrypt(nonce, text.encode(), _place(key_id, table, column))
    return prefix(key_id) + b64encode(nonce + sealed).decode()


def decrypt(stored: str, table: str, column: str) -> str:
    """Return the text of a stored value. Raises CannotDecrypt."""
    version, _, rest = stored.partition(":")
    key_id, _, encoded = rest.partition(":")
    if version != VERSION or not KEY_ID.fullmatch(key_id):
        raise CannotDecrypt(table, column, "", "it was not written by an encrypted field")
    try:
        cipher = keyring().decrypting(key_id)
        data = b64decode(encoded, validate=True)
        # Base64 has spare bits at its end: only the one way of writing it counts.
        if len(data) < NONCE + TAG or b64encode(data).decode() != encoded:
            raise InvalidTag
        text = cipher.decrypt(data[:NONCE], data[NONCE:], _place(key_id, table, column))
    except UnknownKey:
        reason = f"{keyring().place} has no such key"
        raise CannotDecrypt(table, column, key_id, reason) from None
    except (InvalidTag, binascii.Error, ValueError):
        reason = "it was changed, belongs to another column, or was written with another key"
        raise CannotDecrypt(table, column, key_id, reason) from None
    return text.decode()


def _place(key_id: str, table: str, column: str) -> bytes:
    return f"{VERSION}:{key_id}:{table}.{column}".encode()
