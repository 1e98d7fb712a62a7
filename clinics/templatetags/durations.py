"""Template filters for lengths of time and for a clinic's own clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django import template

register = template.Library()


@register.filter
def duration(value: timedelta | None) -> str:
    """Return a length of time in its one or two largest units: 31 s, 4 min 5 s, 2 h, 3 d 4 h."""
    if value is None:
        return "–"
    seconds = max(0, round(value.total_seconds()))
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        amount, seconds = divmod(seconds, size)
        if amount or (name == "s" and not parts):
            parts.append(f"{amount} {name}")
        elif parts:
            break  # "2 h", rather than "2 h 5 s"
        if len(parts) == 2:
            break
    return " ".join(parts)


@register.filter
def on_clock(value: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return the moment on the clock of a clinic or site, for the `date` filter."""
    return value.astimezone(zone).replace(tzinfo=None) if value else None
