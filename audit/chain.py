"""The chain of seals: it shows what even the owner of the database changes afterwards.

A seal holds the digests of some thousand entries and the hash of the seal before it. It is made
apart from the writers of entries, who therefore never wait for each other: what is committed late
is in a later seal, whatever its id.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction

from audit.models import Pending, Seal
from tenancy.scope import everywhere

#: Key of the PostgreSQL advisory lock that one sealer at a time holds.
LOCK_KEY = 7_220_002
#: Entries that one seal holds at most.
BATCH = 5_000
DIGEST_BYTES = 32
#: What the first seal has for a hash of the one before.
NO_HASH = bytes(DIGEST_BYTES)
#: The digest of an entry that was gone before it could be sealed; no row has it.
GONE = bytes(DIGEST_BYTES)
#: How a time is written where it is hashed: in UTC, by Python and by PostgreSQL.
MADE_AT = "%Y-%m-%dT%H:%M:%S.%f"
UTC_TEXT = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
#: An entry's digest: SHA-256 over its columns as one JSON array.
DIGEST = f"""
    sha256(convert_to(jsonb_build_array(
        id, {UTC_TEXT.format("at")}, organization_id, user_id,
        membership_id, action, record_type, record_ids, patient_ids, fields, key_id, role, address,
        details
    )::text, 'UTF8'))
"""


def digests(entry_ids: list[int]) -> dict[int, bytes]:
    """Return the digest of each of these entries that is there, by id."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {DIGEST} FROM audit_entries WHERE id = ANY(%s)",  # noqa: S608
            [entry_ids],
        )
        return {entry_id: bytes(digest) for entry_id, digest in cursor.fetchall()}


def seal_hash(
    number: int, made_at: str, entry_ids: Sequence[int], digests: bytes, previous: bytes
) -> bytes:
    """Return the hash that a seal of this content has; `made_at` as MADE_AT writes it."""
    whole = hashlib.sha256(f"Frontdesk's audit, seal {number} of {made_at}\n".encode())
    whole.update(previous)
    whole.update(struct.pack(f">q{len(entry_ids)}q", len(entry_ids), *entry_ids))
    whole.update(digests)
    return whole.digest()


def seal(now: datetime) -> int:
    """Seal all entries that wait; return how many. 0 also where another process is sealing.

    Each seal is one transaction: killed in the middle, its entries wait as before.
    """
    total = 0
    with everywhere():
        while sealed := _seal_some(now):
            total += sealed
    return total


@transaction.atomic
def _seal_some(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_KEY])
        if not cursor.fetchone()[0]:
            return 0
    waiting = Pending.objects.order_by("entry_id").values_list("entry_id", flat=True)
    entry_ids = list(waiting[:BATCH])
    if not entry_ids:
        return 0
    found = digests(entry_ids)
    joined = b"".join(found.get(entry_id, GONE) for entry_id in entry_ids)
    last = Seal.objects.order_by("-number").values("number", "hash").first()
    number, previous = (last["number"] + 1, bytes(last["hash"])) if last else (1, NO_HASH)
    text = now.astimezone(UTC).strftime(MADE_AT)
    Seal.objects.create(
        number=number,
        made_at=now,
        entry_ids=entry_ids,
        digests=joined,
        previous=previous,
        hash=seal_hash(number, text, entry_ids, joined, previous),
    )
    Pending.objects.filter(entry_id__in=entry_ids).delete()
    return len(entry_ids)


@dataclass(frozen=True, slots=True)
class Note:
    """A seal's number and hash, to be kept where the database's owner cannot reach it."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Note:
        """Read what `str` gave. Raises ValueError for anything else."""
        number, _, digest = text.strip().partition(":")
        if len(bytes.fromhex(digest)) != DIGEST_BYTES:
            raise ValueError("the hash has another length")
        return cls(int(number), digest.lower())
