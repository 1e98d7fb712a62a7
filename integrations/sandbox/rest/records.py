"""Clients and appointments: what the service keeps of them, and what it shows.

It keeps when an appointment begins as the wall clock of the account; an hour that comes twice is
the first one. `created_at`, `updated_at` and `deleted_at` are moments, kept in UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .accounts import Account
from .call import WALL_CLOCK, Call, Item

Record = dict[str, Any]

CLIENT = "client"
APPOINTMENT = "appointment"

STATUSES = ("booked", "arrived", "completed", "cancelled", "no_show")
# The client does not come, so that the time is free again.
GIVEN_UP = frozenset({"cancelled", "no_show"})


def client(values: Mapping[str, Any], at: str) -> Record:
    """Return a whole client from what is known of them."""
    blank = dict.fromkeys(("first_name", "last_name"), "")
    unknown = dict.fromkeys(("date_of_birth", "email", "phone"), None)
    return {**blank, **unknown, "active": True, **_times(at), **values}


def appointment(values: Mapping[str, Any], at: str) -> Record:
    """Return a whole appointment from the fields that matter."""
    return {"service_id": None, "status": "booked", "notes": None, **_times(at), **values}


def changed(record: Record, values: Mapping[str, Any], at: str) -> Record:
    """Return a record with other values. It only counts as updated where one of them differs."""
    if all(record[name] == value for name, value in values.items()):
        return record
    return {**record, **values, "updated_at": at}


def deleted(record: Record, at: str) -> Record:
    """Return the last version of a record: what it was, and when it went."""
    return {**record, "updated_at": at, "deleted_at": at}


def begins(record: Record, account: Account) -> datetime:
    """Return when an appointment begins, in UTC."""
    wall_clock = datetime.fromisoformat(record["starts_at"])
    return wall_clock.replace(tzinfo=account.zone).astimezone(UTC)


def ends(record: Record, account: Account) -> datetime:
    """Return when an appointment ends, in UTC: so many minutes later, whatever the clocks do."""
    return begins(record, account) + timedelta(minutes=record["duration_minutes"])


def on_wall(moment: datetime, account: Account) -> str:
    """Write a moment as appointments keep it."""
    return moment.astimezone(account.zone).strftime(WALL_CLOCK)


def show_client(call: Call, record: Record) -> Item:
    names = ("id", "first_name", "last_name", "date_of_birth", "email", "phone", "active")
    return {**{name: record[name] for name in names}, **_shown_times(call, record)}


def show_appointment(call: Call, record: Record) -> Item:
    ids = ("id", "client_id", "staff_id", "site_id", "service_id")
    return {
        **{name: record[name] for name in ids},
        "starts_at": call.write_time(begins(record, call.account)),
        "ends_at": call.write_time(ends(record, call.account)),
        "duration_minutes": record["duration_minutes"],
        "status": record["status"],
        "notes": record["notes"],
        **_shown_times(call, record),
    }


def _times(at: str) -> Record:
    return {"created_at": at, "updated_at": at, "deleted_at": None}


def _shown_times(call: Call, record: Record) -> Item:
    names = ["created_at", "updated_at"]
    if call.stage.knobs.rest_tells_deletions:
        names.append("deleted_at")
    return {
        name: record[name] and call.write_time(datetime.fromisoformat(record[name]))
        for name in names
    }
