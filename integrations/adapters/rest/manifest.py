"""Numbers and abilities of a service that is described by data, as the default description has it.

What one service really has is in its own description: `Rest.lists`, `abilities`, `operations`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from integrations.adapters.rest.parsing import parse
from integrations.contract import CredentialField, Limit, Manifest, Scope
from integrations.quality import DONE, Rule, exempt, todo
from integrations.queries import Resource

#: What an integration without options speaks to.
USUAL: Final = parse({})

MANIFEST = Manifest(
    name="rest",
    title="REST service",
    limits=(
        # No vendor, so no published limit. One call a second is Frontdesk's own guess at what
        # bothers nobody; background work leaves a quarter of it. An integration may override it,
        # and what the service itself says (429, X-RateLimit-*) lowers it.
        Limit(Scope.INTEGRATION, calls=60, seconds=60, reserve=15),
    ),
    operations=USUAL.operations,
    # A service answers a write at once and keeps no list of writes; the record itself is the
    # proof, and it stays. After a week of looking a person decides: Frontdesk's own choice.
    look_back=timedelta(days=7),
    lists={resource: listing.told for resource, listing in USUAL.lists.items()},
    abilities=USUAL.abilities,
    # As most services have it: 100 at most. A description may say otherwise (`paging.size`).
    page_size=USUAL.lists[Resource.PATIENTS].paging.size,
    credential=(
        CredentialField(name="token", label="API token, or password where it is a login"),
        CredentialField(
            name="username",
            label="User name (only where the service wants a login; else empty)",
            is_secret=False,
        ),
        # Not for calls: what it signs its webhooks with (docs/sync.md).
        CredentialField(name="webhook_secret", label="Secret of its webhooks (empty: none)"),
    ),
    # Where a service's own people are few: patients change less often than their appointments.
    usual_minutes={Resource.PATIENTS: 360, Resource.APPOINTMENTS: 120},
    quality={
        Rule.TYPED_ERRORS: DONE,
        Rule.SOURCED_NUMBERS: DONE,
        Rule.ALL_PAGES: DONE,
        Rule.TELLS_CHANGES: DONE,
        Rule.TELLS_REMOVALS: exempt("whether removals are told is the service's matter"),
        Rule.TELLS_CANCELLATIONS: DONE,
        Rule.SITE_TIMES: DONE,
        Rule.BAD_RECORDS: DONE,
        Rule.BOOKS: DONE,
        Rule.PATIENTS: DONE,
        Rule.FINDS_LOST_WRITES: DONE,
        Rule.FREE_TIMES: DONE,
        Rule.SEARCH: DONE,
        Rule.SANDBOX: DONE,
        Rule.LIVE_TESTED: todo("no account of a vendor was at hand"),
    },
)
