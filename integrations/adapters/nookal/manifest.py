"""Numbers and abilities of Nookal, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta

from integrations.contract import CredentialField, Limit, Manifest, Scope
from integrations.quality import DONE, Rule, exempt, todo
from integrations.queries import Ability, Changes, Resource

#: In which zone `last_modified` is read is not documented. Zones reach from UTC-12 to UTC+14, and
#: it is asked for in UTC: a day covers whatever they make of it.
ANY_ZONE = timedelta(hours=24)

MANIFEST = Manifest(
    name="nookal",
    title="Nookal",
    limits=(
        # Nookal publishes no limit. One call a second is Frontdesk's own guess at what bothers
        # nobody; background work leaves a quarter of it.
        Limit(Scope.INTEGRATION, calls=60, seconds=60, reserve=15),
    ),
    operations=frozenset(
        {"book", "reschedule", "cancel", "set_status", "create_patient", "update_patient"}
    ),
    # An appointment takes as long as its type says, and has no other end (documented).
    books_by_type=True,
    # Nookal answers a write at once and keeps no list of writes; the record itself is the proof,
    # and it stays. After a week of looking a person decides: Frontdesk's own choice.
    look_back=timedelta(days=7),
    lists={
        Resource.LOCATIONS: Changes(told=True, overlap=ANY_ZONE),
        Resource.PRACTITIONERS: Changes(told=True, overlap=ANY_ZONE),
        # The one list that takes no last_modified (documented).
        Resource.APPOINTMENT_TYPES: Changes(),
        Resource.PATIENTS: Changes(told=True, overlap=ANY_ZONE),
        # Whether a cancellation counts as a change is not documented.
        Resource.APPOINTMENTS: Changes(told=True, overlap=ANY_ZONE, needs_window=True),
    },
    abilities=frozenset(
        {
            Ability.FREE_TIMES,
            Ability.LOOK_UP_PATIENT,
            Ability.SEARCH_BY_EMAIL,
            Ability.SEARCH_BY_NAME,
        }
    ),
    # The documented maximum of page_length.
    page_size=200,
    credential=(CredentialField(name="api_key", label="API key (Setup > Connections > API Keys)"),),
    quality={
        Rule.TYPED_ERRORS: DONE,
        Rule.SOURCED_NUMBERS: DONE,
        Rule.ALL_PAGES: exempt(
            "Pages are counted, in an order that is not documented: what leaves a list while it "
            "is read moves others past the reader, and the next run brings them."
        ),
        Rule.TELLS_CHANGES: DONE,
        Rule.TELLS_REMOVALS: exempt(
            "Nookal tells nothing of what was deleted or merged: a full pass shows that it is gone."
        ),
        Rule.TELLS_CANCELLATIONS: DONE,
        Rule.SITE_TIMES: DONE,
        Rule.BAD_RECORDS: DONE,
        Rule.BOOKS: DONE,
        Rule.PATIENTS: DONE,
        Rule.FINDS_LOST_WRITES: DONE,
        Rule.FREE_TIMES: DONE,
        Rule.SEARCH: DONE,
        Rule.SANDBOX: DONE,
        Rule.LIVE_TESTED: todo("no account of the vendor was at hand"),
    },
)
