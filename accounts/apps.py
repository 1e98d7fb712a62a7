"""Django's app entry."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import (
            changes,
            schema,  # noqa: F401  (registers how logins are documented)
        )

        changes.watch()
