"""Ask for runs of several clinics at once, and hear which of them there are already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from integrations.models import Integration
from sync import handing_on
from sync.models import SyncRun
from sync.requesting import Running, TooSoon, Wanted, request


@dataclass(slots=True)
class Asked:
    """What came of it: runs that were made, and those that stand for one that was not."""

    made: list[SyncRun] = field(default_factory=list)
    running: list[SyncRun] = field(default_factory=list)
    too_soon: list[SyncRun] = field(default_factory=list)


def ask(integrations: Iterable[Integration], wanted: Wanted, now: datetime) -> Asked:
    """Ask for a run of each integration; those that cannot have one stop no other."""
    asked = Asked()
    for integration in integrations:
        try:
            asked.made.append(request(integration, wanted, now))
        except Running as error:
            asked.running.append(error.run)
        except TooSoon as error:
            asked.too_soon.append(error.run)
    if asked.made or asked.running:
        handing_on.look_soon()
    return asked
