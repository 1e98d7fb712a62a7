"""Django's app entry."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EncryptionConfig(AppConfig):
    name = "encryption"
    verbose_name = "Encryption"

    def ready(self) -> None:
        """Refuse to start with keys that cannot be used."""
        from encryption import keychecks, keys

        keys.keyring()
        post_migrate.connect(keychecks.after_migrations, sender=self)
