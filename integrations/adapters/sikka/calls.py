"""Sikka's two ways to call: App-Id/App-Key for what spans offices, a Request-Key for one office."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final

from integrations.adapters.sikka import answers
from integrations.adapters.sikka.manifest import KEY_LIFETIME, PAGE_SIZE
from integrations.contract import Scope, Token, TokenSource
from integrations.http.client import Client, Reply
from integrations.http.errors import KeyExpired, NoAnswer, NotReady

#: A call with an office's key counts for the practice and for the application; a call with the
#: application's own key counts for the application alone, since one answer serves every practice.
OFFICE: Final = (Scope.INTEGRATION, Scope.APPLICATION)
APPLICATION: Final = (Scope.APPLICATION,)

#: Two renewals, by the refresh key and from the credential, must end within the renewer's lease.
KEY_TIMEOUT: Final = (2.0, 4.0)
#: No list that is read in one go has more pages: one that has goes in a circle.
MOST_PAGES: Final = 100


@dataclass(frozen=True, slots=True)
class Credential:
    """What a practice's authorization gives us. Nothing of it shows in a repr.

    `office_id` is empty until somebody asked whose secret it is.
    """

    office_id: str
    app_id: str = field(repr=False)
    app_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    @classmethod
    def read(cls, account: str, credential: Mapping[str, Any]) -> Credential:
        """Return an office's credential. Raises ValueError naming what it lacks."""
        missing = {"app_id", "app_key", "secret_key"} - {
            key for key in credential if credential[key]
        }
        if missing:
            raise ValueError(f"The credential lacks {', '.join(sorted(missing))}.")
        return cls(
            office_id=account,
            app_id=str(credential["app_id"]),
            app_key=str(credential["app_key"]),
            secret_key=str(credential["secret_key"]),
        )


@dataclass(slots=True)
class Calls:
    """Sends one office's calls."""

    client: Client
    credential: Credential
    tokens: TokenSource

    def as_office(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Send with the office's key; one that has ended is renewed once."""

        def send(key: str) -> Reply:
            return self.client.request(
                method,
                path,
                dialect=answers,
                scopes=OFFICE,
                headers={"Request-Key": key},
                params=params,
                json=json,
            )

        key = self.tokens.current()
        try:
            return send(key)
        except KeyExpired:
            return send(self.tokens.renew(key))

    def as_application(
        self, method: str, path: str, params: Mapping[str, str] | None = None
    ) -> Reply:
        """Send with the application's own id and key."""
        headers = {"App-Id": self.credential.app_id, "App-Key": self.credential.app_key}
        return self.client.request(
            method, path, dialect=answers, scopes=APPLICATION, headers=headers, params=params
        )

    def read(
        self, path: str, params: Mapping[str, str], page: int = 0, *, by_application: bool = False
    ) -> Reply:
        """Ask for one page of a list. Raises NotReady while Sikka is loading the office's data."""
        where = {**params, "offset": str(page), "limit": str(PAGE_SIZE)}
        send = self.as_application if by_application else self.as_office
        try:
            reply = send("GET", path, where)
        except answers.NotUploaded as error:
            later = self.client.clock() + answers.LOADING
            raise NotReady(str(error), retry_at=later) from error
        answers.raise_if_loading(reply, self.client.clock())
        return reply

    def rows(
        self, path: str, params: Mapping[str, str] | None = None, *, by_application: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield every item of a list, a page a call. Raises NoAnswer for one without an end."""
        for page in count():
            if page >= MOST_PAGES:
                raise NoAnswer("Sikka's list has no end.")
            reply = self.read(path, params or {}, page, by_application=by_application)
            found = answers.items(reply)
            yield from found
            if not found or not answers.has_next_page(reply, page):
                return

    def ours(self) -> Iterator[dict[str, Any]]:
        """Yield the practices of this office, from the list that spans all offices.

        Anything else than an exact match is another tenant. Without an office, those whose secret
        we were given.
        """
        for row in self.rows("/authorized_practices", {"show": "all"}, by_application=True):
            if self.is_ours(row):
                yield row

    def is_ours(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row of the practices is of this office."""
        if self.credential.office_id:
            return str(row.get("office_id")) == self.credential.office_id
        return bool(row.get("office_id")) and self.has_our_secret(row)

    def has_our_secret(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row of the practices names the secret that we were given."""
        return str(row.get("secret_key")) == self.credential.secret_key

    def issue_token(self, refresh_value: str) -> Token:
        """Get a new key: by the refresh key where there is one, else by the office's secret."""
        body = {"app_id": self.credential.app_id, "app_key": self.credential.app_key}
        if refresh_value:
            body |= {"grant_type": "refresh_key", "refresh_key": refresh_value}
        else:
            body |= {
                "grant_type": "request_key",
                "office_id": self.credential.office_id,
                "secret_key": self.credential.secret_key,
            }
        reply = self.client.request(
            "POST",
            "/request_key",
            dialect=answers,
            scopes=OFFICE,
            json=body,
            timeout=KEY_TIMEOUT,
        )
        found = answers.records(reply)
        if not found or not found[0].get("request_key"):
            raise NoAnswer("Sikka's answer holds no request key.")
        # "85603 second(s)": a number with its unit.
        seconds = re.match(r"\s*(\d{1,9})", str(found[0].get("expires_in") or ""))
        return Token(
            value=str(found[0]["request_key"]),
            refresh_value=str(found[0].get("refresh_key") or refresh_value),
            lifetime=min(timedelta(seconds=int(seconds[1])), KEY_LIFETIME)
            if seconds
            else KEY_LIFETIME,
        )
