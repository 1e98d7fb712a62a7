"""Hold the keys against the database: at the start of each process, and after each migration."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.checks import CheckMessage, register
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection

from encryption.keys import INDEX, Keyring, keyring
from encryption.models import KeyCheck


def confirm() -> None:
    """Raise ImproperlyConfigured unless the keys are those that the database was written with.

    Keys that it does not know yet are noted down. Says nothing where the database is away, or has
    no tables yet.
    """
    try:
        if not _has_table():
            return
        ring = keyring()
        while _hold_against(ring, {each.key_id: each for each in KeyCheck.objects.all()}):
            # And once more: another process may have been first, with another key of the name.
            note_down(ring)
    except OperationalError:
        return


def _hold_against(ring: Keyring, known: Mapping[str, KeyCheck]) -> bool:
    """Raise ImproperlyConfigured where they differ; returns whether there are new keys."""
    lacking = [each for each in known.values() if not each.retired_at and not _has(ring, each)]
    if lacking and ring.look():  # a key that was made since this process began
        lacking = [each for each in lacking if not _has(ring, each)]
    if lacking:
        raise ImproperlyConfigured(_explain(ring, lacking[0].key_id))
    found = proofs(ring)
    for key_id, proof in found.items():
        if key_id in known and known[key_id].proof != proof:
            raise ImproperlyConfigured(_explain(ring, key_id))
    return bool(found.keys() - known.keys())


def note_down(ring: Keyring) -> None:
    """Write down the proofs of keys that the database has not seen before."""
    rows = [KeyCheck(key_id=key_id, proof=proof) for key_id, proof in proofs(ring).items()]
    KeyCheck.objects.bulk_create(rows, ignore_conflicts=True)


def proofs(ring: Keyring) -> dict[str, str]:
    """Return what each key of a keyring makes of its own id; tells nothing of the key."""
    keys = {**ring.keys.by_id, INDEX: ring.keys.index}
    return {
        key_id: hmac.digest(key, f"frontdesk key check {key_id}".encode(), "sha256").hex()
        for key_id, key in keys.items()
    }


def _has(ring: Keyring, check: KeyCheck) -> bool:
    return check.key_id == INDEX or check.key_id in ring.keys.by_id


def _explain(ring: Keyring, key_id: str) -> str:
    if key_id in ring.keys.by_id or key_id == INDEX:
        wrong = f"the key {key_id!r} in {ring.place} is not the one that the database was written"
        return f"{wrong} with: put back the right one from your backup of the keys."
    return (
        f"the database was written with the key {key_id!r}, which {ring.place} does not have: "
        "put it back from your backup of the keys."
    )


def _has_table() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [KeyCheck._meta.db_table])
        row = cursor.fetchone()
    return bool(row and row[0])


# Not tagged as one of the database's, which only run when asked for: every command has to know.
# Celery's worker runs the checks as well.
@register("encryption")
def refuse_wrong_keys(**kwargs: Any) -> Sequence[CheckMessage]:
    """End this process in one line unless the keys are those that the database was written with."""
    try:
        confirm()
    except ImproperlyConfigured as error:
        raise SystemExit(f"Frontdesk is not set up right: {error}") from None
    return []


def after_migrations(**kwargs: Any) -> None:
    """Note the keys down as soon as there is a table for them."""
    confirm()
