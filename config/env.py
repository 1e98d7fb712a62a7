"""Read the environment once: typed values, secrets, and where the services are.

What cannot be used raises ImproperlyConfigured with one line that says what to do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config import embedded
from config.embedded.layout import Layout, unusable
from encryption import keyfile, keys

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
if (BASE_DIR / ".env").is_file():
    environ.Env.read_env(BASE_DIR / ".env")

#: Everything that Frontdesk writes by itself: embedded services, logs, generated secrets.
VAR_DIR = embedded.var_folder()


def embedded_urls() -> embedded.Urls:
    """Return the addresses of the embedded services, whether they run or not."""
    try:
        return embedded.urls(VAR_DIR)
    except embedded.EmbeddedError as error:
        raise ImproperlyConfigured(str(error)) from error


def database_config() -> dict[str, Any]:
    """Return Django's DATABASES entry: of DATABASE_URL, or else of the embedded server."""
    url = env.str("DATABASE_URL", default="") or embedded_urls().database
    wrong = ImproperlyConfigured(
        "DATABASE_URL is not the address of a PostgreSQL database. Write it as "
        "postgres://user:password@host:5432/name, or unset it to use the embedded server."
    )
    if not url.startswith(("postgres://", "postgresql://")):
        raise wrong
    try:
        config = env.db_url_config(url)
    except ValueError as error:
        raise wrong from error
    if not config.get("NAME"):
        raise wrong
    # A scope goes in front of each statement, which no cursor of the server's allows.
    return {**config, "ENGINE": "tenancy.postgresql", "DISABLE_SERVER_SIDE_CURSORS": True}


def redis_urls() -> tuple[str, str]:
    """Return the address of Redis or Valkey as redis-py writes it, and as Celery does."""
    if url := env.str("REDIS_URL", default=""):
        return url, env.str("CELERY_BROKER_URL", default=url)
    urls = embedded_urls()
    return urls.redis, urls.broker


def secret_key() -> str:
    """Return SECRET_KEY, or a random one made once and kept readable by the owner only."""
    if key := env.str("SECRET_KEY", default=""):
        return key
    try:
        return Layout(VAR_DIR).password("django_secret_key")
    except OSError as error:
        raise ImproperlyConfigured(str(unusable(VAR_DIR, error))) from error


def encryption_keys() -> tuple[str, Path | None]:
    """Return the keys as text, or the file that has them: a named one, or one made once.

    The file is not read here, since a running process has to read it again when it changes.
    """
    if path := env.str("ENCRYPTION_KEYS_FILE", default=""):
        return "", Path(path)
    if text := env.str("ENCRYPTION_KEYS", default=""):
        return text, None
    layout = Layout(VAR_DIR)
    path = layout.secrets / "encryption_keys"
    try:
        layout.create()
        keyfile.make_once(path, lambda: keys.new_text(f"{datetime.now(UTC):%Y-%m-%d}"))
    except embedded.EmbeddedError as error:
        raise ImproperlyConfigured(str(error)) from error
    except OSError as error:
        raise ImproperlyConfigured(str(unusable(VAR_DIR, error))) from error
    return "", path
