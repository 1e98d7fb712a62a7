"""Numbers and abilities of Nookal, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta

from integrations.contract import Limit, Manifest, Scope

MANIFEST = Manifest(
    name="nookal",
    title="Nookal",
    limits=(
        # Nookal publishes no limit. One call a second is Frontdesk's own guess at what bothers
        # nobody; background work leaves a quarter of it.
        Limit(Scope.INTEGRATION, calls=60, seconds=60, reserve=15),
    ),
    operations=frozenset(),
    # Nookal answers a write at once and keeps no list of writes; the record itself is the proof,
    # and it stays. After a week of looking a person decides: Frontdesk's own choice.
    look_back=timedelta(days=7),
    lists={},
    abilities=frozenset(),
    page_size=100,
    credential=(),
    quality={},
)
