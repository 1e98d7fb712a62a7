"""A simulated PMS with an ordinary REST API, for an adapter that is told by data how to read it.

No vendor is behind it: a service with clients and appointments, as many wellness practices have one
of their own. What differs most between such services is a knob: how lists are cut into pages,
whether they tell what changed and what was deleted, and whether times carry an offset.
"""

from .api import RestApi

__all__ = ["RestApi"]
