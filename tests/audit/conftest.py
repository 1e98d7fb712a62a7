"""What the tests of the audit share: the entries that came since, and somebody who acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from audit import entries, verify
from audit.chain import Note
from audit.models import Action, Entry
from clinics.models import Clinic
from tenancy.scope import Actor, Scope, everywhere, within

#: Somebody whom no other test knows.
ACTOR = Actor(user_id=41, membership_id=7, role="staff", address="192.0.2.7")

Noted = Callable[[], list[Entry]]


@pytest.fixture
def noted(clinic: Clinic) -> Noted:
    """Return the entries that came since the last call, the oldest first."""
    seen = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def since() -> list[Entry]:
        nonlocal seen
        new = list(Entry.objects.filter(pk__gt=seen).order_by("pk"))
        seen = max([seen, *(entry.pk for entry in new)])
        return new

    return since


@pytest.fixture
def somebody(clinic: Clinic) -> Iterator[Actor]:
    """Work for the clinic's organization as somebody."""
    with within(Scope(organizations=frozenset([clinic.organization_id]), actor=ACTOR)):
        yield ACTOR


def by_hand(statement: str, *parameters: Any) -> None:
    """Do what only the owner of the tables can: past the triggers that guard the audit."""
    with connection.cursor() as cursor:
        for table in ("audit_entries", "audit_seals"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        for table in ("audit_entries", "audit_seals"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER never_emptied")


def write(count: int = 1) -> list[int]:
    """Write entries; return their ids."""
    before = set(Entry.objects.values_list("pk", flat=True))
    for _ in range(count):
        entries.write(Action.VIEW, "patient", details={"count": 1})
    return sorted(set(Entry.objects.values_list("pk", flat=True)) - before)


def findings(now: datetime | None = None, expect: Note | None = None) -> list[str]:
    with everywhere():
        return list(verify.findings(now or timezone.now(), expect=expect))
