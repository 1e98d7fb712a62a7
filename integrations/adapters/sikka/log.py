"""Sikka's list of writes: is one of its rows the write whose answer was lost?

The list repeats what was sent. In the one sample that is documented, that echo is joined like a
form and not encoded; that other writes look alike is unverified, so what differs may still be it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from integrations.adapters.sikka.manifest import MANIFEST
from integrations.contract import Lookup, PreparedWrite, SentWrite

#: The zone of dates in the list is not documented: ask a day further on both sides.
ZONE_SLACK = timedelta(days=1)
#: How much the vendor's clock may be before ours when a write is looked up.
CLOCK_SKEW = timedelta(minutes=5)

#: Where an echoed request repeats the id that stood in its address: "id" is in the documented
#: sample of a PATCH, the other is also a field of it.
TARGETS = ("id", "appointment_sr_no")

#: What tells one write from another beside patient, day and time: whom or what it names.
NAMING = ("firstname", "lastname", "value", "text", "amount")

#: What a write is about → the words that `api_name` may have for it. Only "appointment" is
#: documented; a kind that has none of these words may be any.
KINDS = {
    "appointment": ("appointment",),
    "patient": ("patient",),
    "medical_note": ("note",),
    "transaction": ("transaction", "payment"),
}


def lookup(write: SentWrite, rows: list[dict[str, Any]], first: date, office_id: str) -> Lookup:
    """Return what this office's rows, asked for from a first day on, tell of a lost write."""
    earliest = write.sent_at - CLOCK_SKEW
    same, similar = [], []
    for row in rows:
        reference = str(row.get("id") or "")
        if _certainly_before(row, earliest):
            continue
        if reference and echoes(row, office_id, write.prepared):
            # By length first: ids are numbers in texts, and 10 comes after 9.
            same.append((str(row.get("command_time") or ""), len(reference), reference))
        elif resembles(row, write.prepared):
            similar.append(reference)
    return Lookup(
        same=tuple(reference for *_, reference in sorted(same)),
        similar=tuple(similar),
        covered=first <= (write.sent_at - ZONE_SLACK).astimezone(UTC).date(),
    )


def days(moment: datetime, now: datetime) -> tuple[date, date]:
    """Return the days to ask the list of writes for, as far back as it goes."""
    last = (now + ZONE_SLACK).astimezone(UTC).date()
    first = (moment - ZONE_SLACK).astimezone(UTC).date()
    return max(first, last - MANIFEST.look_back), last


def _certainly_before(item: dict[str, Any], moment: datetime) -> bool:
    """Return whether a row was sent before the moment, whatever zone its clock has.

    A time outside of what the list can hold is no time at all.
    """
    try:
        clock = datetime.fromisoformat(str(item.get("command_time")))
    except ValueError:
        return False
    aware = clock if clock.tzinfo else clock.replace(tzinfo=UTC)
    # Zones reach from UTC-12 to UTC+14.
    latest = moment - timedelta(hours=0 if clock.tzinfo else 14)
    return latest - 3 * MANIFEST.look_back < aware < latest


def echoes(item: dict[str, Any], office_id: str, prepared: PreparedWrite) -> bool:
    """Return whether a row of the list of writes is a write like this one from this office.

    The list repeats what was sent; every field that we sent must be there with the same value.
    `check_spu` steers the gateway and may not be echoed.
    """
    if str(item.get("office_id")) != office_id:
        return False
    if str(item.get("method") or "").upper() != prepared.method:
        return False
    if str(item.get("api_name") or "").strip("/").lower().rstrip("s") != _resource(prepared):
        return False
    body = str(item.get("api_request_body") or "")
    target = _target(prepared)
    if target and not _names(body, target):
        return False
    sent = {name: str(value) for name, value in prepared.body.items() if name != "check_spu"}
    return _holds_encoded(body, sent) or _holds_plain(body, sent)


def resembles(item: dict[str, Any], prepared: PreparedWrite) -> bool:
    """Return whether a row of this office could be the write, worded otherwise than we know.

    It is not, where it says of itself that it is of another kind, for another patient, at another
    day or time, or names somebody or something else.
    """
    method = str(item.get("method") or "").strip().upper()
    kind = str(item.get("api_name") or "").lower()
    if method not in {"", prepared.method} or _is_of_another_kind(kind, _resource(prepared)):
        return False
    body = str(item.get("api_request_body") or "")
    echoed = dict(parse_qsl(body, keep_blank_values=True))
    target = _target(prepared)
    if target and any(echoed.get(name, target) != target for name in TARGETS):
        return False
    for name, length in (("date", 10), ("time", 5)):
        sent = str(prepared.body.get(name) or "")[:length]
        if sent and echoed.get(name) and echoed[name][:length] != sent:
            return False
    if not all(_alike(echoed.get(name, ""), str(prepared.body.get(name) or "")) for name in NAMING):
        return False
    patient = str(prepared.body.get("patient_id") or "")
    named = re.search(rf"(?<!\w){re.escape(patient)}(?!\w)", body)
    return not body or not patient or named is not None


def _is_of_another_kind(kind: str, resource: str) -> bool:
    """Return whether a row names a kind of write that we know, and that is not this one."""

    def names(words: tuple[str, ...]) -> bool:
        return any(word in kind for word in words)

    if names(KINDS[resource]):
        return False
    return any(names(words) for words in KINDS.values())


def _alike(one: str, other: str) -> bool:
    """Return whether two texts could be one, written otherwise or broken off; an absent one could
    be any, and one with other letters than ASCII's may have lost them on the way."""
    if not (one.isascii() and other.isascii()):
        return True
    one, other = (re.sub(r"[\W_]", "", text).casefold() for text in (one, other))
    return one.startswith(other) or other.startswith(one)


def _target(prepared: PreparedWrite) -> str:
    """Return the id of what a write changes: "7" for /appointments/7; empty for a new one."""
    return prepared.endpoint.strip("/").partition("/")[2]


def _names(body: str, target: str) -> bool:
    """Return whether an echoed request names what it changes, by one of the names it may have."""
    echoed = dict(parse_qsl(body, keep_blank_values=True))
    return any(echoed.get(name) == target for name in TARGETS)


def _resource(prepared: PreparedWrite) -> str:
    """Return what a write is about, in the singular: "appointment" for /appointments/7."""
    return re.split(r"[/?]", prepared.endpoint.lstrip("/"))[0].lower().rstrip("s")


def _holds_encoded(body: str, sent: dict[str, str]) -> bool:
    """Return whether a form-encoded body has all these values. An empty one may be left out."""
    echoed = dict(parse_qsl(body, keep_blank_values=True))
    return all(echoed.get(name, "") == value for name, value in sent.items())


def _holds_plain(body: str, sent: dict[str, str]) -> bool:
    """The same of a body that is joined like a form but not encoded, as in the documentation's
    samples: there, an & or + of a value stands as it is."""
    framed = f"&{body}&"
    return all(
        f"&{name}={value}&" in framed or (not value and f"&{name}=" not in framed)
        for name, value in sent.items()
    )
