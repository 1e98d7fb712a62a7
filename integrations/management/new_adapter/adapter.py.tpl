"""What Frontdesk asks of $title: one practice, by its key.

What is still to be written raises NotImplementedError; `integrations.contract.Adapter` says what
each method has to do. What the manifest does not name is never asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from clinics.records import PatientRecord, PmsRecord, Removed, Unreadable
from integrations.adapters.$name import answers, mapping
from integrations.adapters.$name.manifest import MANIFEST
from integrations.commands import BookAppointment, Command
from integrations.contract import (
    Lookup,
    Manifest,
    Outcome,
    PreparedWrite,
    Receipt,
    Scope,
    SentWrite,
    Token,
    TokenSource,
    Vocabulary,
)
from integrations.http.client import Client, Reply
from integrations.http.errors import Refused
from integrations.queries import (
    Account,
    Balance,
    Coverage,
    Feed,
    FreeTime,
    FreeTimes,
    Page,
    PatientQuery,
    Payment,
    Resource,
)
from integrations.system import AsInManifest

#: Where its API is, as documented; "" where only the practice knows.
BASE_URL: Final = ""
#: Its key does not end; so often it is asked whether it still takes it.
KEY_LIFETIME: Final = timedelta(hours=24)
#: Where each list is asked for.
PATHS: Final[Mapping[Resource, str]] = {}


@dataclass(slots=True)
class $cls(AsInManifest):
    """One practice's $title."""

    manifest: ClassVar[Manifest] = MANIFEST

    client: Client
    api_key: str = field(repr=False)

    @classmethod
    def connect(
        cls,
        client: Client,
        account: str,
        credential: Mapping[str, Any],
        options: Mapping[str, Any],
        tokens: TokenSource,
    ) -> $cls:
        """Return the adapter of one practice. Raises ValueError where its credential has no key."""
        key = str(credential.get("api_key") or "").strip()
        if not key:
            raise ValueError("The credential lacks api_key.")
        return cls(client, key)

    def issue_token(self, refresh_value: str) -> Token:
        """Return the key, which is the practice's own, if it still lets us in."""
        self.verify()
        return Token(value=self.api_key, refresh_value="", lifetime=KEY_LIFETIME)

    def verify(self) -> Account:
        raise NotImplementedError("$cls.verify: ask whom the key lets in, in one call")

    # --- Reading -----------------------------------------------------------------------------

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        """Read one page of a list, in one call."""
        if feed.resource not in PATHS:
            raise NotImplementedError(
                f"$cls.page: PATHS does not say where {feed.resource} are asked for; "
                "what changed, days, and the pages after the first are still to be asked for, too"
            )
        rows = answers.rows(self._get(PATHS[feed.resource]))
        records = (mapping.record(feed.resource, row, feed.timezones) for row in rows)
        return Page(records=tuple(records))

    def lookup(self, resource: Resource, external_id: str) -> PmsRecord | Removed | Unreadable:
        raise Refused("$title is not asked for single records.")

    def search_patients(self, query: PatientQuery) -> list[PatientRecord]:
        raise Refused("$title is not asked for patients.")

    def free_times(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        raise Refused("$title is not asked for free times.")

    def balance(self, patient_id: str) -> Balance | None:
        raise Refused("$title is not asked for balances.")

    def payments(self, patient_id: str) -> list[Payment]:
        raise Refused("$title is not asked for payments.")

    def coverages(self, patient_id: str) -> list[Coverage]:
        raise Refused("$title is not asked for insurances.")

    def vocabulary(self) -> Vocabulary:
        raise NotImplementedError("$cls.vocabulary: read the words that a write takes")

    def is_offered(self, booking: BookAppointment) -> bool | None:
        return None

    # --- Writing -----------------------------------------------------------------------------

    def prepare(self, command: Command) -> PreparedWrite:
        raise NotImplementedError("$cls.prepare: put a command into its words")

    def submit(self, prepared: PreparedWrite) -> Receipt:
        raise NotImplementedError("$cls.submit: send a write once, and read what was answered")

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        raise NotImplementedError("$cls.outcomes: ask what became of writes")

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        raise NotImplementedError("$cls.created_ids: tell what completed writes have created")

    def withdraw(self, reference: str) -> bool:
        return False  # the manifest does not say that it can

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        raise NotImplementedError("$cls.find: look for writes whose answers were lost")

    # --- Sending -----------------------------------------------------------------------------

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Reply:
        return self.client.request(
            "GET",
            path,
            dialect=answers,
            scopes=(Scope.INTEGRATION,),
            headers={"Authorization": f"Bearer {self.api_key}"},
            params=params,
        )


def base_url(credential: Mapping[str, Any]) -> str:
    """Return where the API is for this credential."""
    return BASE_URL
