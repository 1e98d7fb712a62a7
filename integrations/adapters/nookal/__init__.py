"""Nookal's API v2: its limits and what its answers mean. It makes no calls yet."""

from integrations.adapters.nookal.manifest import MANIFEST

__all__ = ["MANIFEST"]
