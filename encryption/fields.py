"""Model fields whose columns hold ciphertext; Python code sees the values as ever.

NULL stays NULL, and an empty text stays empty: both tell only that there is nothing. The column is
`text`; limits such as max_length are those of the plain value. A database cannot search or order
ciphertext: every lookup but `isnull` is refused, and blind indexes (blind.py) find exact values.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from django.core import checks
from django.core.exceptions import FieldError
from django.db import models

from encryption.cipher import decrypt, encrypt


@dataclass(frozen=True, slots=True)
class OfRow:
    """A value on its way into a column, and what tells its row from all others."""

    value: Any = field(repr=False)
    row: str


def row_named_by(model: type[models.Model]) -> tuple[str, ...]:
    """Return the attributes that tell a row from all others: the key, or what the model says.

    A model may know better (`sealed_by`): an upsert makes a new key for what may be an old row.
    """
    return getattr(model, "sealed_by", ("pk",))


def name_of_row(model: type[models.Model], value_of: Callable[[str], Any]) -> str:
    """Return a row's name from its attributes; "" where one is missing yet."""
    values = [value_of(name) for name in row_named_by(model)]
    return "" if None in values else " ".join(map(str, values))


class Encrypted(models.Field):
    """What encrypted fields have in common; stands before a field of Django's."""

    def to_text(self, value: Any) -> str:
        """Return a value of `get_prep_value`, not None, as the text that is encrypted."""
        return str(value)

    def from_text(self, text: str) -> Any:
        """Return the value that `to_text` made the text of."""
        return text

    def encrypted(self, value: Any, row: str = "") -> str | None:
        """Return a Python value as its column holds it (in this row)."""
        value = self.get_prep_value(value)
        if value is None:
            return None
        text = self.to_text(value)
        return encrypt(text, *self._place, row) if text else text

    def decrypted(self, stored: str | None) -> Any:
        """Return a column's value as Python sees it. Raises CannotDecrypt."""
        if stored is None:
            return None
        return self.from_text(decrypt(stored, *self._place) if stored else stored)

    @property
    def _place(self) -> tuple[str, str]:
        return self.model._meta.db_table, str(self.column)

    # --- What Django asks of a field ---

    def get_internal_type(self) -> str:
        return "TextField"

    def db_type(self, connection: Any) -> str:
        return "text"

    def cast_db_type(self, connection: Any) -> str:
        return "text"

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        row = name_of_row(type(model_instance), partial(getattr, model_instance))
        return OfRow(value, row) if row and not hasattr(value, "as_sql") else value

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, OfRow):
            return self.encrypted(value.value, value.row)
        return value if hasattr(value, "as_sql") else self.encrypted(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return self.get_db_prep_value(value, connection)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return self.decrypted(value)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            self._refuse(lookup_name)
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        self._refuse(lookup_name)

    def _refuse(self, lookup_name: str) -> None:
        raise FieldError(
            f"{self.model._meta.label}.{self.name} is encrypted: the database cannot look it up by "
            f"{lookup_name!r}, only by isnull. Search by a blind index."
        )

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        messages = super().check(**kwargs)
        if self.unique or getattr(self, "db_index", False):  # a primary key is unique, too
            messages.append(
                checks.Error(
                    "An encrypted field can be neither unique nor indexed.",
                    hint="Index a BlindIndexField of it.",
                    obj=self,
                    id="encryption.E001",
                )
            )
        return messages


class EncryptedCharField(Encrypted, models.CharField):
    """A text of up to `max_length` characters."""


class EncryptedTextField(Encrypted, models.TextField):
    """A text of any length."""


class EncryptedDateField(Encrypted, models.DateField):
    """A date."""

    def to_text(self, value: Any) -> str:
        return str(value.isoformat())

    def from_text(self, text: str) -> date:
        return date.fromisoformat(text)


class EncryptedJSONField(Encrypted, models.JSONField):
    """Whatever JSON can say; None is NULL."""

    def to_text(self, value: Any) -> str:
        return json.dumps(value, cls=self.encoder)

    def from_text(self, text: str) -> Any:
        return json.loads(text, cls=self.decoder)
