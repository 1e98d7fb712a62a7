"""For migrations: encrypt what stood plain in a table, and back.

A migration first makes the columns `text` (AlterField), then calls `encrypt_table`; its way back
calls `decrypt_table` and then makes the columns what they were. Both belong into one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from encryption.blind import BlindIndexField, keyed_hash
from encryption.cipher import decrypt, encrypt
from encryption.fields import Encrypted

#: Rows that are read and written at once.
BATCH = 1000


def encrypt_table(editor: BaseDatabaseSchemaEditor, model: type[Model]) -> int:
    """Encrypt the plain text in every encrypted field's column; returns how many rows there are.

    Then computes the table's blind indexes.
    """
    rows = _convert(editor, model, encrypt, _columns(model))
    reindex(model, editor.connection.alias)
    return rows


def decrypt_table(editor: BaseDatabaseSchemaEditor, model: type[Model]) -> int:
    """Put plain text back where `encrypt_table` took it from; returns how many rows there are."""
    return _convert(editor, model, decrypt, _columns(model))


def key_hashes(editor: BaseDatabaseSchemaEditor, model: type[Model], column: str) -> None:
    """Turn the plain digests in a column into keyed ones, for the purpose of the column's name.

    Cannot be undone: what is compared with them then differs once.
    """

    def keyed(digest: str, table: str, column: str) -> str:
        return keyed_hash(digest, column)

    _convert(editor, model, keyed, [column])


def reindex(model: type[Model], alias: str) -> None:
    """Compute every blind index of a table anew, from what its rows hold."""
    indexes = [each for each in model._meta.fields if isinstance(each, BlindIndexField)]
    if not indexes:
        return
    # The normal form of a telephone number needs the row's clinic.
    related = [each.name for each in model._meta.fields if each.name == "clinic"]
    rows: Any = model._base_manager.using(alias).select_related(*related).order_by("pk")
    batch = list(rows[:BATCH])
    while batch:
        for row in batch:
            for index in indexes:
                index.pre_save(row, add=False)
        model._base_manager.using(alias).bulk_update(batch, [each.name for each in indexes])
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:BATCH])


def _columns(model: type[Model]) -> list[str]:
    return [str(each.column) for each in model._meta.fields if isinstance(each, Encrypted)]


def _convert(
    editor: BaseDatabaseSchemaEditor,
    model: type[Model],
    change: Callable[[str, str, str], str],
    columns: list[str],
) -> int:
    quote = editor.connection.ops.quote_name
    table, key = model._meta.db_table, quote(str(model._meta.pk.column))
    names = ", ".join(quote(column) for column in columns)
    assignments = ", ".join(f"{quote(column)} = %s" for column in columns)
    count, last = 0, None
    with editor.connection.cursor() as cursor:
        while True:
            after = "" if last is None else f"WHERE {key} > %s"
            cursor.execute(
                f"SELECT {key}, {names} FROM {quote(table)} {after} ORDER BY {key} LIMIT {BATCH}",  # noqa: S608
                [] if last is None else [last],
            )
            batch = cursor.fetchall()
            if not batch:
                return count
            cursor.executemany(
                f"UPDATE {quote(table)} SET {assignments} WHERE {key} = %s",  # noqa: S608
                [
                    [
                        *(
                            change(text, table, column) if text else text
                            for column, text in zip(columns, row[1:], strict=True)
                        ),
                        row[0],
                    ]
                    for row in batch
                ],
            )
            count, last = count + len(batch), batch[-1][0]
