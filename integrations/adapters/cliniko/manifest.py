"""Numbers and abilities of Cliniko, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta

from integrations.contract import Limit, Manifest, Scope

MANIFEST = Manifest(
    name="cliniko",
    title="Cliniko",
    limits=(
        # Documented per user, and a key belongs to one user. It was 120 and 60 in earlier years.
        # Where its minute starts is not documented: a 429 tells.
        Limit(Scope.INTEGRATION, calls=200, seconds=60, reserve=50),
        # Frontdesk's own ceiling, not a published limit; background work leaves a quarter of it.
        Limit(Scope.INTEGRATION, calls=5000, seconds=3600, reserve=1250),
    ),
    operations=frozenset(),
    # Cliniko answers a write at once and keeps no list of writes; the record itself is the proof,
    # and it stays. After a week of looking a person decides: Frontdesk's own choice.
    look_back=timedelta(days=7),
    lists={},
    abilities=frozenset(),
    page_size=100,
    credential=(),
    quality={},
)
