"""Cliniko's API v1: its limits and what its answers mean. It makes no calls yet."""

from integrations.adapters.cliniko.manifest import MANIFEST

__all__ = ["MANIFEST"]
