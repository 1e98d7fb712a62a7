"""A simulated Sikka ONE API v4, written from Sikka's public API documentation.

Sikka stands between an application and the practice-management systems of many dental offices.
Reads come from its cloud copy; a write is only queued, and an agent at the office carries it out
some seconds later. Where the documentation is silent, the docstrings here say "unverified".
"""

from .api import SikkaApi

__all__ = ["SikkaApi"]
