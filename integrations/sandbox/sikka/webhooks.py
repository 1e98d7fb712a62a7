"""Sikka's webhooks: thin bodies without a record's id, and a static secret in a header.

Events, fields, the header and which of them are numbers are from Sikka's public API documentation,
which has no signature, no delivery id and no time. Unverified: that the times have the zone of
`loaded_zone`; the form of the other two events, which is that of `patient` here.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.sandbox.pms import Stage
from integrations.sandbox.webhooks import Delivery, WrongWebhook, taken

from . import records
from .offices import OFFICES, WINDOWS_ZONES, Office

REFRESH = "Data_Refresh"
EVENTS = (REFRESH, "patient", "transaction", "appointments")

# How often these offices' agents upload.
INTERVAL = timedelta(hours=1)


def delivery(stage: Stage, office_id: str, url: str, options: Mapping[str, str]) -> Delivery:
    """Return a delivery of one event at one practice of an office (the first, unless named)."""
    taken(options, ("event", "callback_key"), ("practice_id",))
    event, practice_id = options["event"], options.get("practice_id", "1")
    if event not in EVENTS:
        raise WrongWebhook(f"event must be one of {', '.join(EVENTS)}")
    if records.practice_of(office_id, practice_id) is None:
        raise WrongWebhook(f"there is no practice {practice_id}")
    body = _body(stage, OFFICES[office_id], event, practice_id)
    headers = {"Content-Type": "application/json", "callback-key": options["callback_key"]}
    return Delivery(url, json.dumps(body).encode(), headers)


def _body(stage: Stage, office: Office, event: str, practice_id: str) -> dict[str, Any]:
    now = stage.clock.now()
    common = {
        "event": event,
        "office_id": office.office_id,
        "practice_id": practice_id,
        "customer_id": records.CUST_ID,
        "prev_generated_time": _told(stage, now - INTERVAL),
        "next_data_synchronization_date": _told(stage, now + INTERVAL),
    }
    if event != REFRESH:
        return {**common, "generated_time": _told(stage, now)}
    system, version = office.management_system(stage.knobs)
    local = now.astimezone(office.zone)
    west = -(local.utcoffset() or timedelta())
    return {
        **common,
        "practice_id": int(practice_id),
        "spc_schedule_interval": "60 Minutes",
        "spc_schedule_time": "",
        "spc_schedule_type": "Interval",
        "data_synchronization_date": _told(stage, now),
        "web_upload_date": _told(stage, now),
        "data_insert_date": _told(stage, now),
        "practice_management_system": system,
        "practice_management_system_version": version,
        "practice_management_system_refresh_date": _seconds(local),
        "practice_management_system_refresh_date_time_zone": WINDOWS_ZONES[office.timezone],
        "financial_system": "",
        "financial_system_version": "",
        "financial_system_refresh_date": "1111-11-11",
        # The documentation's sample has 240 for an office in the east: how far it is behind UTC.
        "utc_difference_in_minutes": str(int(west.total_seconds() // 60)),
    }


def _told(stage: Stage, at: datetime) -> str:
    return _seconds(at.astimezone(ZoneInfo(stage.knobs.loaded_zone)))


def _seconds(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")
