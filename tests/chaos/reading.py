"""What a caller reads of a clinic over REST before asking for anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests

from tests.chaos.asks import Clinic, Named, Room

#: Only a visit that still lies ahead when the run has ended can be moved or cancelled in it.
AHEAD = timedelta(hours=20)
#: The demo's own booking, which may be there already or not: no part of a seeded plan.
DEMO = "Check-up"


def clinic(base: str, key: str, id: str, office: str) -> Clinic:
    """Return it with its records, in the order of the PMS's ids."""
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {key}"
        path = f"{base}/clinics/{id}"
        people, chairs, sites = (
            _named(http, f"{path}/{each}") for each in ("practitioners", "operatories", "locations")
        )
        visits, rooms = [], {}
        for row in _rows(http, f"{path}/appointments"):
            starts_at = datetime.fromisoformat(row["starts_at"])
            if starts_at < datetime.now(UTC) + AHEAD or row["status"] != "booked":
                continue
            if row["description"] == DEMO:
                continue
            room = Room(
                people[row["practitioner"]], chairs[row["operatory"]], sites[row["location"]]
            )
            rooms[room] = None
            visits.append((Named(row["id"], row["external_id"]), room))
        patients = list(_named(http, f"{path}/patients").values())
        zone = ZoneInfo(_get(http, path)["timezone"])
        return Clinic(id, office, zone, patients, sorted(rooms, key=str), visits)


def _named(http: requests.Session, url: str) -> dict[str, Named]:
    return {row["id"]: Named(row["id"], row["external_id"]) for row in _rows(http, url)}


def _rows(http: requests.Session, url: str) -> list[dict[str, Any]]:
    found, page = [], f"{url}?page_size=200"
    while page:
        told = _get(http, page)
        found += told["results"]
        page = told["next"]
    return sorted(found, key=lambda row: (len(row["external_id"]), row["external_id"]))


def _get(http: requests.Session, url: str) -> Any:
    answer = http.get(url, timeout=30)
    answer.raise_for_status()
    return answer.json()
