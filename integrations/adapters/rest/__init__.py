"""Any service with clients and appointments over REST, spoken to by a description: docs/rest.md."""

from collections.abc import Mapping
from typing import Any

from integrations.adapters.rest.adapter import Rest
from integrations.adapters.rest.manifest import MANIFEST

connect = Rest.connect


def base_url(credential: Mapping[str, Any]) -> str:
    """Return "": only the practice knows where its service is."""
    return ""


__all__ = ["MANIFEST", "base_url", "connect"]
