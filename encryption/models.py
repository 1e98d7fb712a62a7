"""Which keys the database was written with, so that a wrong one is noticed before it does harm."""

from __future__ import annotations

from django.db import models


class KeyCheck(models.Model):
    """One key that has been in use, with a proof that only this key makes."""

    key_id = models.CharField(primary_key=True, max_length=32)
    proof = models.CharField(max_length=64)
    retired_at = models.DateTimeField(
        null=True, help_text="From then on no value needs this key any more."
    )

    class Meta:
        db_table = "encryption_key_checks"

    def __str__(self) -> str:
        return self.key_id
