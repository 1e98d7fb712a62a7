"""Connect a clinic to its PMS: a link is tried first, and kept only where it lets us in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from clinics.models import Clinic
from integrations.contract import Priority
from integrations.http import budget
from integrations.http.client import Attempt, Pass
from integrations.http.errors import NotAuthorized
from integrations.models import Call, Integration
from integrations.profiles import start_profile
from integrations.queries import Account
from integrations.session import IntegrationGuard, adapter_of
from integrations.tokens import TrialTokens


class Unusable(ValueError):
    """A link that cannot be tried or kept; the message says why and holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What a practice gave us to reach its PMS."""

    pms: str
    base_url: str
    credential: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    #: The PMS's id of the practice; empty: what the PMS tells.
    account: str = ""
    is_sandbox: bool = False


@dataclass(slots=True)
class TrialGuard(IntegrationGuard):
    """Spends the budget as every guard does, and keeps the calls' lines until the link is kept:
    the log has none of an integration that there is not."""

    lines: list[Call] = field(default_factory=list)

    def after(self, leave: Pass, attempt: Attempt) -> None:
        if signal := attempt.signal:
            counters = self.integration.counters([signal.scope])
            budget.observe(counters, signal, self.clock())
        self.lines.append(self.line(leave, attempt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A link that lets us in, and whom as. Nothing of it is kept yet."""

    account: Account
    integration: Integration = field(repr=False)
    lines: list[Call] = field(repr=False)


def try_out(link: Link, clock: Callable[[], datetime]) -> Trial:
    """Ask the PMS whom the credential lets in, at people's priority; saves nothing.

    Raises Unusable for what cannot be an address or an account, else what the adapter raises.
    """
    _check_address(link.base_url)
    integration = Integration(
        pms=link.pms,
        base_url=link.base_url,
        is_sandbox=link.is_sandbox,
        account=link.account,
        credential=dict(link.credential),
        options=dict(link.options),
    )
    guard = TrialGuard(
        integration, Priority.HIGH, clock, "connect", even_if_rejected=True, deadline=None
    )
    tokens = TrialTokens()
    account = adapter_of(integration, guard, tokens, clock).verify()
    if link.account and account.id and account.id != link.account:
        raise NotAuthorized(
            f"The credential lets us into account {account.id}, not into {link.account}."
        )
    integration.account = account.id or link.account
    if not integration.account:
        raise Unusable("The PMS tells no id of the account: name it by one of your own.")
    if token := tokens.token:
        now = clock()
        integration.access_key, integration.refresh_key = token.value, token.refresh_value
        integration.key_renewed_at, integration.key_expires_at = now, now + token.lifetime
    return Trial(account=account, integration=integration, lines=guard.lines)


def keep(trial: Trial, clinic: Clinic) -> Integration:
    """Save what was tried as the clinic's integration. Raises Unusable where it has one, or where
    the account is another clinic's."""
    integration = trial.integration
    refuse_second(clinic)
    same = Integration.objects.filter(
        pms=integration.pms, base_url=integration.base_url, account=integration.account
    ).select_related("clinic")
    if other := same.first():
        raise Unusable(f"Account {other.account} is connected already, to {other.clinic}.")
    integration.clinic, integration.organization_id = clinic, clinic.organization_id
    try:
        with transaction.atomic():
            integration.save(force_insert=True)
            for line in trial.lines:
                line.organization_id = clinic.organization_id
            Call.objects.bulk_create(trial.lines)
            start_profile(integration)
    except IntegrityError:
        raise Unusable("The clinic or the account was connected in this moment.") from None
    return integration


def refuse_second(clinic: Clinic) -> None:
    """Raise Unusable where the clinic has an integration: it has one at most."""
    if linked := Integration.objects.filter(clinic=clinic).first():
        raise Unusable(
            f"{clinic} is connected already, to {linked.manifest.title} {linked.account}. "
            "A clinic has one PMS: give the other account a clinic of its own."
        )


def _check_address(base_url: str) -> None:
    try:
        Integration._meta.get_field("base_url").clean(base_url, None)
        address = urlsplit(base_url)
    except (ValidationError, ValueError):
        raise Unusable("The base URL is no address: write it as https://host/path.") from None
    # They would stand in every message that shows the address.
    if address.username or address.query or address.fragment:
        raise Unusable("The base URL must be without a login and without ? and #.")
