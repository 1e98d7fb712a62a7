"""Ask a clinic's PMS at once, for a person who waits: with the calls that are kept for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from clinics.models import Clinic
from integrations.contract import Adapter, Priority
from integrations.models import Integration
from integrations.queries import Ability
from integrations.session import open_session

Clock = Callable[[], datetime]

#: Seconds to connect to the PMS and to wait for each piece of its answer.
TIMEOUT: Final = (2.0, 8.0)
#: No call begins later than this after the question: an answer may take several.
PATIENCE: Final = timedelta(seconds=15)


class NotConnected(Exception):
    """The clinic has no PMS to be asked."""


class NotOffered(Exception):
    """This clinic's PMS cannot be asked that; `title` is what the PMS is called."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


def integration_of(clinic: Clinic) -> Integration:
    """Return the clinic's link to its PMS. Raises NotConnected."""
    found = Integration.objects.filter(clinic=clinic).first()
    if found is None:
        raise NotConnected
    found.clinic = clinic  # the same row, read already
    return found


def adapter_of(integration: Integration, clock: Clock, *, asked: str) -> Adapter:
    """Return what asks the integration's PMS; `asked` names the question in the log of calls.

    Raises NotAuthorized for an unusable set-up, and so do the questions what the PMS answers.
    """
    return open_session(
        integration,
        Priority.HIGH,
        clock,
        correlation=asked,
        deadline=clock() + PATIENCE,
        timeout=TIMEOUT,
    ).adapter


def adapter_for(integration: Integration, ability: Ability, clock: Clock) -> Adapter:
    """Return the same where the PMS can be asked this. Raises NotOffered where it cannot."""
    adapter = adapter_of(integration, clock, asked=ability)
    if ability not in adapter.abilities:
        raise NotOffered(integration.manifest.title)
    return adapter
