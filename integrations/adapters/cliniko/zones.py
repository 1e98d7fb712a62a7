"""Which IANA zone a site's clock keeps.

Cliniko tells a zone's IANA name, and beside it the label of Rails' own list of zones. Only where
the name is absent does the label decide, and only one that stands here: those of the regions where
Cliniko has servers. Labels and zones are from the public documentation of Rails
(ActiveSupport::TimeZone).
"""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import available_timezones

from integrations.adapters.cliniko.fields import Item, UnreadableRecord, text

LABELS: Final = {
    # Australia and New Zealand
    "Adelaide": "Australia/Adelaide",
    "Brisbane": "Australia/Brisbane",
    "Canberra": "Australia/Canberra",
    "Darwin": "Australia/Darwin",
    "Hobart": "Australia/Hobart",
    "Melbourne": "Australia/Melbourne",
    "Perth": "Australia/Perth",
    "Sydney": "Australia/Sydney",
    "Auckland": "Pacific/Auckland",
    "Chatham Is.": "Pacific/Chatham",
    "Wellington": "Pacific/Auckland",
    # United Kingdom and Ireland
    "Dublin": "Europe/Dublin",
    "Edinburgh": "Europe/London",
    "London": "Europe/London",
    # Europe
    "Amsterdam": "Europe/Amsterdam",
    "Athens": "Europe/Athens",
    "Berlin": "Europe/Berlin",
    "Bern": "Europe/Zurich",
    "Brussels": "Europe/Brussels",
    "Copenhagen": "Europe/Copenhagen",
    "Helsinki": "Europe/Helsinki",
    "Lisbon": "Europe/Lisbon",
    "Madrid": "Europe/Madrid",
    "Oslo": "Europe/Oslo",
    "Paris": "Europe/Paris",
    "Prague": "Europe/Prague",
    "Rome": "Europe/Rome",
    "Stockholm": "Europe/Stockholm",
    "Vienna": "Europe/Vienna",
    "Warsaw": "Europe/Warsaw",
    "Zurich": "Europe/Zurich",
    # Canada and the United States
    "Newfoundland": "America/St_Johns",
    "Atlantic Time (Canada)": "America/Halifax",
    "Eastern Time (US & Canada)": "America/New_York",
    "Indiana (East)": "America/Indiana/Indianapolis",
    "Central Time (US & Canada)": "America/Chicago",
    "Saskatchewan": "America/Regina",
    "Mountain Time (US & Canada)": "America/Denver",
    "Arizona": "America/Phoenix",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Alaska": "America/Juneau",
    "Hawaii": "Pacific/Honolulu",
    # Others that Australian and British accounts are known to be in
    "Hong Kong": "Asia/Hong_Kong",
    "Singapore": "Asia/Singapore",
    "UTC": "Etc/UTC",
}


def zone_of(item: Item) -> str:
    """Return the IANA zone of a business. Raises UnreadableRecord: a zone is never guessed."""
    identifier = text(item, "time_zone_identifier").strip()
    if identifier:
        if identifier not in known_zones():
            raise UnreadableRecord("is in a time zone that is not known")
        return identifier
    zone = LABELS.get(text(item, "time_zone").strip())
    if zone is None:
        raise UnreadableRecord("names no time zone that is known")
    return zone


@cache
def known_zones() -> frozenset[str]:
    """Return the names of this machine's zones, read once."""
    return frozenset(available_timezones())
