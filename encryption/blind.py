"""Blind indexes: find a row by an exact value of an encrypted field, without storing the value.

A column holds a keyed hash of the value's normal form. Who has the database but not the index key
learns from it only which rows share a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models

from encryption.keys import keyring

#: Hexadecimal digits that are kept of HMAC-SHA256: 128 bits, in which no two values meet by chance.
DIGITS = 32


def keyed_hash(digest: str, purpose: str) -> str:
    """Return 64 hexadecimal digits that stand for a digest of personal values.

    A plain digest would let anybody who has the database try out values until one fits.
    """
    return keyring().digest(f"{purpose}\0{digest}").hex()


class BlindIndexField(models.CharField):
    """The keyed hash of what `normal` makes of its row, written whenever the row is saved.

    `normal(row)` returns the normal form of the row's own attributes, or "" where there is nothing
    to find it by; the column is then empty too. A write of selected columns (`update_fields`) has
    to name this one as well; `QuerySet.update` cannot compute it.
    """

    def __init__(self, normal: Callable[[Any], str], **kwargs: Any) -> None:
        self.normal = normal
        kwargs |= {"max_length": DIGITS, "blank": True, "editable": False, "default": ""}
        super().__init__(**kwargs)

    def hashed(self, text: str) -> str:
        """Return what the column holds for a normal form: lower-case hexadecimal digits, or ""."""
        if not text:
            return ""
        place = f"{self.model._meta.db_table}.{self.column}"
        return keyring().digest(f"{place}\0{text}").hex()[:DIGITS]

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.hashed(self.normal(model_instance))
        setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("max_length", "blank", "editable", "default"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs | {"normal": self.normal}
