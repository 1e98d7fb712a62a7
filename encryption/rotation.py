"""Re-encrypt under the first key, row by row, while everything else goes on.

Each row is one UPDATE, under the condition that the old ciphertext still stands: what somebody else
has written meanwhile is never overwritten, and was encrypted by the first key anyway. Rows that are
done need nothing more, so a rotation that was broken off is simply run again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Model, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone

from encryption.cipher import CannotDecrypt, decrypt, encrypt, prefix
from encryption.fields import Encrypted, name_of_row, row_named_by
from encryption.keys import LOOK_EVERY, keyring
from encryption.models import KeyCheck
from tenancy import scope

logger = logging.getLogger(__name__)

#: Rows that one statement reads.
BATCH = 500
#: Seconds to wait, before a key is retired, for transactions that are writing.
WRITERS = 10
#: Seconds after which every running process encrypts with a key that was put first in the file.
LEARNT = 2 * LOOK_EVERY

Rows: TypeAlias = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Rotated:
    """Rows that were looked at, re-encrypted, written by another meanwhile, and impossible to read.

    An unreadable row stays as it is, and is logged by its key.
    """

    seen: int = 0
    changed: int = 0
    overtaken: int = 0
    unreadable: int = 0

    def __add__(self, other: Rotated) -> Rotated:
        return Rotated(
            self.seen + other.seen,
            self.changed + other.changed,
            self.overtaken + other.overtaken,
            self.unreadable + other.unreadable,
        )


class StillUsed(Exception):
    """A key cannot be retired: values need it. `counts` has how many rows of which table."""

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        told = ", ".join(f"{count} in {table}" for table, count in counts.items())
        super().__init__(f"rows still need it: {told}")


def querysets() -> Iterator[Rows]:
    """Yield all rows that have encrypted fields, model by model."""
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy and encrypted_fields(model):
            yield model._base_manager.all()


def encrypted_fields(model: type[Model]) -> list[Encrypted]:
    """Return the encrypted fields of a model's own table."""
    return [each for each in model._meta.local_fields if isinstance(each, Encrypted)]


@scope.all_tenants()
def rotate(rows: Rows, progress: Callable[[int], object] = lambda count: None) -> Rotated:
    """Bring these rows, of every tenant, under the first key; commits row by row.

    `progress` hears of each batch's number of rows.
    """
    columns = {f"stored_{each.name}": each for each in encrypted_fields(rows.model)}
    first = prefix(keyring().encrypting()[0])
    raw = _with_ciphertext(rows)
    names = row_named_by(rows.model)
    total, last = Rotated(), None
    while True:
        page = raw if last is None else raw.filter(pk__gt=last)
        batch = list(page.order_by("pk").values("pk", *{*names, *columns} - {"pk"})[:BATCH])
        if not batch:
            return total
        for row in batch:
            old = {name: row[name] for name in columns if row[name]}
            old = {name: text for name, text in old.items() if not text.startswith(first)}
            if not old:
                continue
            try:
                named = name_of_row(rows.model, row.__getitem__)
                new = {columns[name].name: _anew(columns[name], old[name], named) for name in old}
            except CannotDecrypt as error:
                logger.error("row %s: %s", row["pk"], error)
                total += Rotated(unreadable=1)
                continue
            # One row at a time: whoever locks several never waits for one who waits for them.
            done = raw.filter(pk=row["pk"], **old).update(**new)
            total += Rotated(changed=done, overtaken=1 - done)
        total += Rotated(seen=len(batch))
        progress(len(batch))
        last = batch[-1]["pk"]


@scope.all_tenants()
def using(rows: Rows, key_id: str) -> int:
    """Return how many of these rows hold a value under a key."""
    under = Q()
    for field in encrypted_fields(rows.model):
        under |= Q(**{f"stored_{field.name}__startswith": prefix(key_id)})
    return _with_ciphertext(rows).filter(under).count()


def retire(key_id: str, everything: Iterable[Rows] | None = None) -> None:
    """Note that no value needs a key any more. Raises StillUsed where one does.

    Waits first for those who may be writing with it right now, some seconds; raises
    OperationalError where they do not end.
    """
    found = list(querysets() if everything is None else everything)
    for rows in found:
        _let_writers_end(rows.model._meta.db_table)
    counts = {rows.model._meta.db_table: using(rows, key_id) for rows in found}
    if used := {table: count for table, count in counts.items() if count}:
        raise StillUsed(used)
    KeyCheck.objects.filter(key_id=key_id).update(retired_at=timezone.now())


def wait_until_learnt() -> None:
    """Return when every running process encrypts with the key that was just put first."""
    time.sleep(LEARNT)


def _anew(field: Encrypted, stored: str, row: str) -> Value:
    """Return what a row's column holds, encrypted with the first key. Raises CannotDecrypt."""
    place = field.model._meta.db_table, str(field.column)
    return Value(encrypt(decrypt(stored, *place), *place, row), output_field=TextField())


def _with_ciphertext(rows: Rows) -> Rows:
    """Annotate each encrypted field's column as it is stored: `stored_<name>`."""
    return rows.annotate(
        **{
            f"stored_{each.name}": Cast(F(each.name), TextField())
            for each in encrypted_fields(rows.model)
        }
    )


def _let_writers_end(table: str) -> None:
    """Wait for the transactions that have written to a table and have not ended.

    The lock is given back at once; those who come later read the keys anew.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = %s", [f"{WRITERS}s"])
        cursor.execute(f"LOCK TABLE {connection.ops.quote_name(table)} IN SHARE MODE")
