"""Keep an integration's key fresh: one renewal at a time, over any number of processes.

A renewal is claimed by moving `key_lease_until`, so that no transaction is open during the call
and a renewer that was killed holds nobody up for longer than the lease.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from integrations.contract import Token
from integrations.http.errors import NotAuthorized, PmsError, Refused, TokenBusy
from integrations.models import Integration, IntegrationStatus

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
#: How soon a caller who found a renewal under way comes again.
BUSY_RETRY = timedelta(seconds=2)


@dataclass(slots=True)
class StoredTokens:
    """The token source of one integration: its row, and a way to ask its PMS for a new key."""

    integration: Integration
    clock: Callable[[], datetime]
    #: Asks the PMS for a new key, given the refresh key or ""; the adapter's own method.
    issue: Callable[[str], Token] = field(init=False)

    def current(self) -> str:
        """Return the stored key, renewed first when it is due. Raises TokenBusy or a PmsError."""
        integration = self.integration
        if integration.access_key and not integration.key_is_due(self.clock()):
            return integration.access_key
        return self._renew(integration.access_key)

    def renew(self, rejected: str) -> str:
        """Return a key that is not the rejected one. Raises TokenBusy or a PmsError."""
        return self._renew(rejected)

    def renew_if_due(self) -> None:
        """Renew ahead of the next call where it is time. Raises TokenBusy or a PmsError."""
        if self.integration.key_is_due(self.clock()):
            self._renew(self.integration.access_key)

    def _renew(self, stale: str) -> str:
        integration, now = self.integration, self.clock()
        claimed = (
            Integration.objects.filter(pk=integration.pk, access_key=stale)
            .filter(Q(key_lease_until=None) | Q(key_lease_until__lte=now))
            .update(key_lease_until=now + LEASE)
        )
        if not claimed:
            integration.refresh_from_db()
            if integration.access_key and integration.access_key != stale:
                return integration.access_key  # somebody else was first
            raise TokenBusy("Another process is renewing the key.", retry_at=now + BUSY_RETRY)
        try:
            token = self._issue()
        except PmsError as error:
            Integration.objects.filter(pk=integration.pk).update(key_lease_until=None)
            if isinstance(error, NotAuthorized | Refused):
                mark_failed(integration, str(error))
            raise
        integration.access_key = token.value
        integration.refresh_key = token.refresh_value
        integration.key_renewed_at = now
        integration.key_expires_at = now + token.lifetime
        integration.key_lease_until = None
        integration.status = IntegrationStatus.ACTIVE
        integration.error_message = ""
        integration.save(
            update_fields=[
                "access_key",
                "refresh_key",
                "key_renewed_at",
                "key_expires_at",
                "key_lease_until",
                "status",
                "error_message",
            ]
        )
        return token.value

    def _issue(self) -> Token:
        """Ask by the refresh key; where the PMS rejects that, from the credential."""
        refresh = self.integration.refresh_key
        if refresh:
            try:
                return self.issue(refresh)
            except (NotAuthorized, Refused):
                logger.warning("integration %s: refresh key rejected", self.integration.pk)
        return self.issue("")


def mark_failed(integration: Integration, reason: str) -> None:
    """Show that the PMS rejects our credential, until a call works again."""
    logger.error("integration %s: %s", integration.pk, reason)
    integration.status = IntegrationStatus.ERROR
    integration.error_message = reason
    integration.save(update_fields=["status", "error_message"])
