"""Keep an integration's key fresh: one renewal at a time, over any number of processes.

A renewal is claimed by moving `key_lease_until`, so that no transaction is open during the call
and a renewer that was killed holds nobody up for longer than the lease.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from integrations.contract import Token
from integrations.http.errors import (
    KeyExpired,
    NotAuthorized,
    NotReached,
    PmsError,
    Refused,
    TokenBusy,
)
from integrations.models import Integration, IntegrationStatus

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
#: How soon a caller who found a renewal under way comes again.
BUSY_RETRY = timedelta(seconds=2)
#: What a PMS says to a refresh key or a credential that it does not accept.
REJECTIONS = (NotAuthorized, Refused, KeyExpired)


@dataclass(slots=True)
class StoredTokens:
    """The token source of one integration: its row, and a way to ask its PMS for a new key."""

    integration: Integration
    clock: Callable[[], datetime]
    #: Asks the PMS for a new key, given the refresh key or ""; the adapter's own method.
    issue: Callable[[str], Token] = field(init=False)

    def current(self) -> str:
        """Return the stored key, renewed first when it is due. Raises TokenBusy or a PmsError."""
        integration, now = self.integration, self.clock()
        if integration.access_key and not integration.key_is_due(now):
            return integration.access_key
        try:
            return self._renew(integration.access_key)
        except PmsError:
            if integration.key_works(now):
                return integration.access_key  # due, but good until its end
            raise

    def renew(self, rejected: str) -> str:
        """Return a key that is not the rejected one. Raises TokenBusy or a PmsError."""
        return self._renew(rejected)

    def renew_if_due(self) -> None:
        """Renew ahead of the next call where it is time. Raises TokenBusy or a PmsError."""
        rejected = self.integration.status == IntegrationStatus.ERROR
        if rejected or self.integration.key_is_due(self.clock()):
            self._renew(self.integration.access_key)

    def _renew(self, stale: str) -> str:
        integration, now = self.integration, self.clock()
        if not self._claim(stale, now):
            integration.refresh_from_db()
            if integration.access_key and integration.access_key != stale:
                return integration.access_key  # somebody else was first
            raise TokenBusy("Another process is renewing the key.", retry_at=now + BUSY_RETRY)
        # Matches nothing any more once the lease has lapsed and another process has renewed.
        ours = Integration.objects.filter(pk=integration.pk, key_lease_until=now + LEASE)
        try:
            token = self._issue()
        except REJECTIONS as error:
            if ours.update(key_lease_until=None):
                mark_failed(integration, str(error))
            # Not Refused: that would be taken for an answer to the call that wants the key.
            raise NotAuthorized(str(error)) from error
        except PmsError as error:
            ours.update(key_lease_until=None)
            if error.may_have_happened:  # to the key, but the call that wants it was not sent
                raise NotReached(f"No key came. {error}") from error
            raise
        renewed = {
            "access_key": token.value,
            "refresh_key": token.refresh_value,
            "key_renewed_at": now,
            "key_expires_at": now + token.lifetime,
            "key_lease_until": None,
            "error_message": "",
        }
        if integration.status == IntegrationStatus.ERROR:  # what set-up lacks, a key does not mend
            renewed["status"] = (
                IntegrationStatus.ACTIVE
                if integration.imported_at
                else IntegrationStatus.SETUP_REQUIRED
            )
        for name, value in renewed.items():
            setattr(integration, name, value)
        ours.update(**renewed)
        return token.value

    def _claim(self, stale: str, now: datetime) -> bool:
        """Take the lease, if the stored key still is the stale one and nobody holds the lease.

        Under a lock of the row, since the database cannot compare what is encrypted.
        """
        ours = Integration.objects.filter(pk=self.integration.pk)
        free = ours.filter(Q(key_lease_until=None) | Q(key_lease_until__lte=now))
        with transaction.atomic():
            stored = list(free.select_for_update().order_by().values_list("access_key", flat=True))
            return stored == [stale] and bool(ours.update(key_lease_until=now + LEASE))

    def _issue(self) -> Token:
        """Ask by the refresh key; where the PMS rejects that, from the credential."""
        refresh = self.integration.refresh_key
        if refresh:
            try:
                return self.issue(refresh)
            except REJECTIONS:
                logger.warning("integration %s: refresh key rejected", self.integration.pk)
        return self.issue("")


@dataclass(slots=True)
class TrialTokens:
    """The token source of an integration that is being tried and stands nowhere yet."""

    #: Asks the PMS for a new key, given the refresh key or ""; the adapter's own method.
    issue: Callable[[str], Token] = field(init=False)
    #: The newest key, to be kept with the integration; None where no call needed one.
    token: Token | None = None

    def current(self) -> str:
        """Return the key, got with the first call. Raises a PmsError."""
        return self.token.value if self.token else self.renew("")

    def renew(self, rejected: str) -> str:
        """Return a new key. Raises a PmsError."""
        self.token = self.issue("")
        return self.token.value


def mark_failed(integration: Integration, reason: str) -> None:
    """Show that the PMS rejects our credential, until a renewal works again.

    A key that has not ended yet goes on being used; the tick tries for a new one meanwhile.
    """
    logger.error("integration %s: %s", integration.pk, reason)
    integration.status = IntegrationStatus.ERROR
    integration.error_message = reason[:500]
    integration.save(update_fields=["status", "error_message"])
