"""A simulated Nookal API v2, written from Nookal's public reference and its PHP SDK.

Every answer is one of JSON with HTTP 200, and `status` in it tells success from failure; writes are
done at once. Where nobody documents a thing, the docstrings here say "unverified"; with Nookal that
is much.
"""

from .api import NookalApi

__all__ = ["NookalApi"]
