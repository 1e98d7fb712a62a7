"""The calls that one key can make: lists, single records, free times and writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from integrations.adapters.cliniko import access, answers, paging
from integrations.adapters.cliniko.fields import UnreadableRecord, identifier
from integrations.adapters.cliniko.listings import Listing
from integrations.adapters.cliniko.manifest import MANIFEST
from integrations.contract import Scope
from integrations.http.client import Client, Reply
from integrations.http.errors import Refused

#: A key belongs to one practice, and the limit to the key.
SCOPES: Final = (Scope.INTEGRATION,)
#: Pages of a question that is not a sync; more of them than this are too much for one.
MOST_PAGES: Final = 20
#: By what lists are read here: it never changes.
ORDER: Final = "created_at"
PAGE_SIZE: Final = MANIFEST.page_size

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Calls:
    """What can be asked of Cliniko, and told, with one key. Every method may raise a PmsError."""

    client: Client
    key: str = field(repr=False)

    @property
    def now(self) -> datetime:
        """The client's own time."""
        return self.client.clock()

    def get(
        self,
        path: str,
        params: paging.Params | None = None,
        timeout: tuple[float, float] | None = None,
    ) -> Reply:
        """Ask once."""
        return self.client.request(
            "GET",
            path,
            dialect=answers,
            scopes=SCOPES,
            headers={"Authorization": access.authorization(self.key)},
            params=params,
            timeout=timeout,
        )

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> Reply:
        """Send a write once."""
        return self.client.request(
            method,
            path,
            dialect=answers,
            scopes=SCOPES,
            headers={"Authorization": access.authorization(self.key)},
            json=body,
        )

    def some(self, listing: Listing, filters: Sequence[str]) -> list[Any]:
        """Return one page of what a list has, hidden records included."""
        return self._page(listing, filters, paging.Position())[0]

    def all(self, listing: Listing, filters: Sequence[str]) -> tuple[list[Item], bool]:
        """Return the records of a list, and whether these are surely all that it has."""
        at: paging.Position | None = paging.Position()
        found: dict[str, Item] = {}
        readable = True
        for _ in range(MOST_PAGES):
            if at is None:
                break
            rows, has_more = self._page(listing, filters, at)
            some = _by_id(rows)
            found |= some
            readable &= len(some) == len(rows)
            at = paging.following(at, paging.keys(rows, ORDER), has_more)
        return list(found.values()), readable and at is None

    def by_id(self, listing: Listing, ids: Collection[str]) -> dict[str, Item]:
        """Return those of these records that there are, by their ids: a call for each hundred."""
        wanted = sorted(set(ids))
        found: dict[str, Item] = {}
        for first in range(0, len(wanted), PAGE_SIZE):
            named = ",".join(wanted[first : first + PAGE_SIZE])
            found |= _by_id(self.some(listing, [f"id:={named}"]))
        return {id: item for id, item in found.items() if id in wanted}

    def _page(
        self, listing: Listing, filters: Sequence[str], at: paging.Position
    ) -> tuple[list[Any], bool]:
        params = paging.parameters(at, ORDER, "", [*listing.filters, *filters])
        return answers.rows(self.get(listing.path, params), listing.name)

    def starts(self, path: str, first: date, last: date, *, is_today: bool) -> list[Any]:
        """Return the free times of a range of dates that fits into one question, page by page.

        Where the first one is the site's today, it may have passed in the account's zone already,
        which is refused: then all times to come are of the dates from tomorrow on.
        """
        try:
            return list(self._starts(path, first, last))
        except answers.NotFound:
            raise
        except Refused:
            if not is_today:
                raise
        tomorrow = first + timedelta(days=1)
        return list(self._starts(path, tomorrow, max(last, tomorrow)))

    def _starts(self, path: str, first: date, last: date) -> Iterator[Any]:
        for page in range(1, MOST_PAGES + 1):
            reply = self.get(
                path,
                [
                    ("from", first.isoformat()),
                    ("to", last.isoformat()),
                    ("page", str(page)),
                    ("per_page", str(PAGE_SIZE)),
                ],
            )
            rows, has_more = answers.rows(reply, "available_times")
            yield from rows
            if not has_more or not rows:
                return


def _by_id(rows: Sequence[Any]) -> dict[str, Item]:
    found = {}
    for row in rows:
        if isinstance(row, dict):
            try:
                found[identifier(row)] = row
            except UnreadableRecord:
                continue
    return found
