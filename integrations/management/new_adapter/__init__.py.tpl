"""$title."""

from integrations.adapters.$name.adapter import $cls, base_url
from integrations.adapters.$name.manifest import MANIFEST

connect = $cls.connect

__all__ = ["MANIFEST", "base_url", "connect"]
