"""Let other programs work on the tests' own database."""

from __future__ import annotations

import os

from django.db import connection


def own_database_url() -> str:
    """The address of the database that Django's test runner has made."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{server}/{connection.settings_dict['NAME']}"


def environment(**changes: str) -> dict[str, str]:
    """The environment of a program of ours on that database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENCRYPTION_")}
    own = {"DATABASE_URL": own_database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"}
    return kept | own | changes
