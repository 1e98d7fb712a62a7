"""Sikka's ONE API v4, a gateway to many dental practice-management systems."""

from integrations.adapters.sikka.adapter import Sikka, base_url
from integrations.adapters.sikka.manifest import MANIFEST

connect = Sikka.connect

__all__ = ["MANIFEST", "base_url", "connect"]
