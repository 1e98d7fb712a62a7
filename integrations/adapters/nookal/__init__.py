"""Nookal's API v2."""

from integrations.adapters.nookal.adapter import Nookal, base_url
from integrations.adapters.nookal.manifest import MANIFEST

connect = Nookal.connect

__all__ = ["MANIFEST", "base_url", "connect"]
