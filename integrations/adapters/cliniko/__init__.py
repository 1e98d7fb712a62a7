"""Cliniko's API v1, for clinics of allied health."""

from integrations.adapters.cliniko.access import base_url
from integrations.adapters.cliniko.adapter import Cliniko
from integrations.adapters.cliniko.manifest import MANIFEST

connect = Cliniko.connect

__all__ = ["MANIFEST", "base_url", "connect"]
