"""Nookal's envelope of a success: the result under `data`, the paging under `settings`.

What is not in its documented form is no answer: an empty list is only one that says so.
"""

from __future__ import annotations

import re
from typing import Any

from integrations.http.client import Reply
from integrations.http.errors import NoAnswer

#: What stands for "no further page": null by the recorded answers; the others are not documented.
NO_PAGE = ("", "0", "None", "False")


def results(reply: Reply) -> dict[str, Any]:
    """Return what a function answered with. Raises NoAnswer where there is none."""
    data = reply.data.get("data") if isinstance(reply.data, dict) else None
    found = data.get("results") if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise NoAnswer("Nookal's answer is not in its documented form.")
    return found


def rows(reply: Reply, name: str) -> list[Any]:
    """Return the items of a list, which may also come as an object keyed by position."""
    found = results(reply).get(name)
    if isinstance(found, dict) and all(re.fullmatch(r"[0-9]{1,9}", key) for key in found):
        found = [found[key] for key in sorted(found, key=int)]
    if not isinstance(found, list):
        raise NoAnswer("Nookal's list is not in its documented form.")
    return found


def next_page(reply: Reply, page: int) -> int | None:
    """Return the number of the page after this one, None after the last.

    Raises NoAnswer where the answer is another page than the one asked for, or leads back: that
    would never end.
    """
    settings = reply.data.get("settings") if isinstance(reply.data, dict) else None
    if not isinstance(settings, dict) or "nextPage" not in settings:
        raise NoAnswer("Nookal's list does not say whether it goes on.")
    if str(settings.get("currentPage", page)) != str(page):
        raise NoAnswer("Nookal answered with another page than the one asked for.")
    following = str(settings["nextPage"])
    if following in NO_PAGE:
        return None
    number = whole(following)
    if number is None or number <= page:
        raise NoAnswer("Nookal's list does not say where it goes on.")
    return number


def total(reply: Reply) -> int | None:
    """Return how many items the whole list has, as Nookal counts them; None where it does not."""
    details = reply.data.get("details") if isinstance(reply.data, dict) else None
    return whole(str(details.get("totalItems"))) if isinstance(details, dict) else None


def whole(text: str) -> int | None:
    """Return a whole number of at most nine digits, None for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
