"""Read a service: its lists page by page, one record, patients that fit, free times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    PatientRecord,
    PmsRecord,
    Removed,
    Unreadable,
)
from integrations.adapters.rest import answers, matching, paging
from integrations.adapters.rest.auth import Credential
from integrations.adapters.rest.description import Description, Listing, Param
from integrations.adapters.rest.fields import UnreadableField, ZoneUnknown, at
from integrations.adapters.rest.mapping import Item, Zones, record
from integrations.adapters.rest.paging import Position
from integrations.contract import Scope
from integrations.http.client import Client, Reply
from integrations.http.errors import NoAnswer, Refused
from integrations.queries import Account, Feed, FreeTime, FreeTimes, Page, PatientQuery, Resource

SCOPES: Final = (Scope.INTEGRATION,)
#: Whose midnight bounds a list of appointments is not known: a day more at both ends.
DAY: Final = timedelta(days=1)
#: Pages read at most where many are read for one question.
MOST_PAGES: Final = 50

Told = PmsRecord | Removed | Unreadable
Read = Callable[[Listing, Any], Told]


@dataclass(slots=True)
class Reading:
    """One service, as it is read for one practice."""

    client: Client
    description: Description
    credential: Credential
    #: Zone of each site, once it had to be found out.
    sites: Mapping[str, str] | None = field(default=None, init=False)

    def send(
        self,
        method: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        json: Mapping[str, Any] | None = None,
        timeout: tuple[float, float] | None = None,
    ) -> Reply:
        """Make one call."""
        return self.client.request(
            method,
            path,
            dialect=answers,
            scopes=SCOPES,
            headers=self.credential.headers,
            params=params,
            json=json,
            timeout=timeout,
        )

    # --- Lists -------------------------------------------------------------------------------

    def listing(self, resource: Resource) -> Listing:
        """Return a list's description. Raises Refused where the service has no such list."""
        found = self.description.lists.get(resource)
        if found is None:
            raise Refused(f"The description of this service has no list of {resource}.")
        return found

    def page(self, feed: Feed, position: str) -> Page:
        """Read one page; see `integrations.contract.Adapter.page`."""
        zones = Zones(self.description.zone, feed.timezones)

        def read(listing: Listing, item: Any) -> Told:
            return record(self.description, listing, item, zones)

        return self._page(feed, position, zones, read)

    def pages(self, feed: Feed) -> Iterator[Page]:
        """Read a list's pages for a question of our own, one call each and at most MOST_PAGES: the
        last one says whether there were more. Zones that matter are found out."""
        return self._walk(feed, self.described)

    def _walk(self, feed: Feed, read: Read) -> Iterator[Page]:
        zones, position = Zones(self.description.zone), ""
        for _ in range(MOST_PAGES):
            page = self._page(feed, position, zones, read)
            yield page
            position = page.next
            if not position:
                return

    def _page(self, feed: Feed, position: str, zones: Zones, read: Read) -> Page:
        listing = self.listing(feed.resource)

        def told(items: Sequence[Any]) -> tuple[Told, ...]:
            records = (read(listing, item) for item in items)
            return tuple(each for each in records if _is_wanted(each, feed, zones))

        if listing.fixed is not None:
            return Page(records=told(listing.fixed))
        place = Position.read(position, listing.paging)
        filters = self._filters(listing, feed, zones)
        reply = self.send("GET", listing.path, paging.params(listing.paging, place, filters))
        found = paging.items(listing.paging, reply)
        address = self.client.base_url.rstrip("/") + listing.path
        ahead = paging.following(listing.paging, place, reply, found, address)
        return Page(
            records=told(found),
            next=ahead.text() if ahead else "",
            total=paging.total(listing.paging, reply),
        )

    def _filters(self, listing: Listing, feed: Feed, zones: Zones) -> dict[str, str]:
        zone = zones.of("")
        found = dict(listing.params)
        if feed.changed_since is not None and listing.changes:
            changes = listing.changes
            found |= changes.params
            found[changes.param.name] = changes.param.of_moment(feed.changed_since, zone)
        if listing.window and (feed.first is not None or feed.last is not None):
            first, last = listing.window
            if feed.first is not None:
                found[first.name] = first.of_day(feed.first - DAY, zone)
            if feed.last is not None:
                # One more than the day after: many services leave the last moment itself out.
                found[last.name] = last.of_day(feed.last + 2 * DAY, zone)
        return found

    # --- Single questions --------------------------------------------------------------------

    def one(self, resource: Resource, external_id: str) -> Told:
        """Read one record; Removed where the service has none."""
        listing = self.listing(resource)
        if not listing.one:
            raise Refused(f"The description of this service cannot ask for one of {resource}.")
        path = listing.one.replace("{id}", quote(external_id, safe=""))
        try:
            reply = self.send("GET", path, tuple(listing.params.items()))
        except answers.Missing:
            return Removed(external_id=external_id)
        found = self.described(listing, at(reply.data, listing.record))
        shown = found.external_id
        if shown != external_id:
            raise NoAnswer("The service told of another record than was asked for.")
        return found

    def described(self, listing: Listing, data: Any) -> Told:
        """Return one item as our record. Reads the sites where a wall clock's zone is needed."""
        try:
            return record(
                self.description, listing, data, Zones(self.description.zone), is_strict=True
            )
        except ZoneUnknown:
            zones = Zones(self.description.zone, self._sites())
            return record(self.description, listing, data, zones)

    def lenient(self, listing: Listing, data: Any) -> Told:
        """Return one item as our record, without what its zone would have to be known for."""
        return record(self.description, listing, data, Zones(self.description.zone))

    def zone_of(self, site_id: str) -> ZoneInfo | None:
        """Return the zone of a site, as far as the service tells."""
        return Zones(self.description.zone, self._sites()).of(site_id)

    def _sites(self) -> Mapping[str, str]:
        if self.sites is None:
            found: dict[str, str] = {}
            if Resource.LOCATIONS in self.description.lists:
                # Not by `pages`: a site's own stamps must not ask for its zone.
                for page in self._walk(Feed(resource=Resource.LOCATIONS), self.lenient):
                    for site in page.records:
                        if isinstance(site, LocationRecord):
                            found[site.external_id] = site.timezone
            self.sites = found
        return self.sites

    def account(self, known_as: str, timeout: tuple[float, float] | None = None) -> Account:
        """Return whom the credential lets in, for one call: where the service says that, else the
        first of its lists tells whether it does."""
        if (place := self.description.account) is not None:
            item = Item(self.send("GET", place.path, timeout=timeout).data, place.fields)
            try:
                return Account(id=item.id("id") or known_as, name=item.text("name"))
            except UnreadableField as error:
                raise NoAnswer(f"The service's account {error}.") from None
        listed = [each for each in self.description.lists.values() if each.fixed is None]
        if not listed:
            raise Refused("The description of this service names nothing that can be asked for.")
        first, start = listed[0], Position.read("", listed[0].paging)
        params = paging.params(first.paging, start, first.params)
        reply = self.send("GET", first.path, params, timeout=timeout)
        records = [self.lenient(first, item) for item in paging.items(first.paging, reply)]
        names = [each.name for each in records if isinstance(each, LocationRecord)]
        return Account(id=known_as, name=names[0] if names else "")

    def search(self, query: PatientQuery) -> list[PatientRecord]:
        """Return the patients of one page who fit: a service may pass over a filter in silence."""
        listing, known = self.listing(Resource.PATIENTS), self.description.search
        asked = {name: value for name in known if (value := getattr(query, name, None))}
        if not asked:
            raise Refused("This service cannot be asked for patients in that way.")
        params = dict(listing.params)
        for name, value in asked.items():
            param = known[name]
            params[param.name] = (
                param.of_day(value, None) if isinstance(value, date) else str(value)
            )
        if listing.paging.size_param and listing.paging.style != "none":
            params[listing.paging.size_param] = str(listing.paging.size)
        reply = self.send("GET", listing.path, tuple(params.items()))
        found = [self.described(listing, item) for item in paging.items(listing.paging, reply)]
        return [
            each for each in found if isinstance(each, PatientRecord) and matching.fits(each, query)
        ]

    def free_times(self, asked: FreeTimes) -> list[FreeTime] | None:
        """Return the service's own free times, in order; None where it has no list of them."""
        slots = self.description.slots
        if slots is None:
            return None
        zone = ZoneInfo(asked.timezone)
        values: dict[str, Any] = {
            "practitioner_id": asked.practitioner_id,
            "location_id": asked.location_id,
            "appointment_type_id": asked.appointment_type,
            "minutes": asked.minutes,
            "first": asked.first,
            # A list that knows moments has to be asked until the day has ended.
            "last": asked.last + DAY,
        }
        params = dict(slots.params)
        for name, param in slots.asks.items():
            if values[name]:
                params[param.name] = _written(param, values[name], zone)
        reply = self.send("GET", slots.path, tuple(params.items()))
        found = at(reply.data, slots.items)
        if not isinstance(found, list):
            raise NoAnswer("The service's list of free times is not in its described form.")
        free = {time for data in found if (time := _free(Item(data, slots.fields, zone), asked))}
        return sorted(free, key=lambda time: (time.starts_at, time.ends_at))


def _free(item: Item, asked: FreeTimes) -> FreeTime | None:
    """Return a free time; None for one of others, of another day, or that cannot be read: a time
    that is not offered costs less than one that is not free."""
    try:
        if item.id("practitioner_id") not in {"", asked.practitioner_id}:
            return None
        if item.id("location_id") not in {"", asked.location_id}:
            return None
        starts_at, ends_at = item.moment("starts_at"), item.moment("ends_at")
    except UnreadableField:
        return None
    if starts_at is None or not asked.first <= starts_at.astimezone(item.zone).date() <= asked.last:
        return None
    ends_at = ends_at or starts_at + timedelta(minutes=asked.minutes)
    return FreeTime(starts_at=starts_at, ends_at=ends_at) if starts_at < ends_at else None


def _written(param: Param, value: Any, zone: ZoneInfo | None) -> str:
    return param.of_day(value, zone) if isinstance(value, date) else str(value)


def _is_wanted(told: Told, feed: Feed, zones: Zones) -> bool:
    """Return whether an appointment is of the days that were asked for, on its site's clock."""
    if not isinstance(told, AppointmentRecord) or (feed.first is None and feed.last is None):
        return True
    day = told.starts_at.astimezone(zones.of(told.location_id) or UTC).date()
    return (feed.first or day) <= day <= (feed.last or day)
