"""Numbers and abilities of Sikka, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta

from integrations.contract import Limit, Manifest, Scope

MANIFEST = Manifest(
    name="sikka",
    title="Sikka ONE API v4",
    limits=(
        # Frontdesk's own default for a practice, not a published limit: people may use all of
        # it, background work stops at 150 used in total.
        Limit(Scope.INTEGRATION, calls=200, seconds=3600, reserve=50),
        # Sikka limits an application per minute by its plan. Its documentation's recorded
        # answers show 20 (2020), 120 (2022) and 250 (2024, 2026); 120 suits all but the oldest.
        Limit(Scope.APPLICATION, calls=120, seconds=60, reserve=20),
    ),
    # What Sikka can pass on; whether the practice's own system takes it is in its profile.
    operations=frozenset(
        {
            "book",
            "reschedule",
            "cancel",
            "set_status",
            "create_patient",
            "update_patient",
            "add_note",
            "record_payment",
        }
    ),
    # Of the systems behind Sikka only OrthoTrac and Dolphin are documented to take it.
    per_system=frozenset({"update_patient"}),
    withdraws=True,
    # One query of the list of writes may span 7 days (documented).
    look_back=timedelta(days=7),
    lists={},
    abilities=frozenset(),
    page_size=1000,
    credential=(),
    quality={},
)

#: Rows of a page: the documented maximum is 5,000; fewer, larger pages cost fewer calls.
PAGE_SIZE = 1000
#: Life of a request key (documented). Answers say what is left of it.
KEY_LIFETIME = timedelta(hours=24)
