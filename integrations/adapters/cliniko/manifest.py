"""Numbers and abilities of Cliniko, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta

from integrations.adapters.cliniko.access import API_KEY
from integrations.contract import CredentialField, Limit, Manifest, Scope
from integrations.quality import DONE, Rule, exempt, todo
from integrations.queries import Ability, Changes, Resource

#: Lists can be asked for `updated_at`, and for what is archived (documented filters). How far back
#: is not limited anywhere. The times are Cliniko's own, so that five minutes cover two clocks.
_ALL_TOLD = Changes(told=True, removals=True)

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
    # An appointment's status cannot be written but by cancelling it (documented bodies).
    operations=frozenset({"book", "reschedule", "cancel", "create_patient", "update_patient"}),
    # Its bodies name one (documented), and the length follows from it where no end is sent.
    books_by_type=True,
    # "Future requests may be blocked" without a contact in the User-Agent (documented).
    wants_contact=True,
    # Cliniko answers a write at once and keeps no list of writes; the record itself is the proof,
    # and it stays. After a week of looking a person decides: Frontdesk's own choice.
    look_back=timedelta(days=7),
    lists={
        Resource.LOCATIONS: _ALL_TOLD,
        # Nobody is removed: who stops is told as inactive, in a list of their own.
        Resource.PRACTITIONERS: _ALL_TOLD,
        Resource.APPOINTMENT_TYPES: _ALL_TOLD,
        # Archived and merged ones are told. Their list, unlike the others, has no filter for
        # deleted_at (documented fields); Cliniko archives patients instead of deleting them.
        Resource.PATIENTS: Changes(told=True),
        Resource.APPOINTMENTS: _ALL_TOLD,
    },
    abilities=frozenset(
        {
            Ability.FREE_TIMES,
            Ability.LOOK_UP_PATIENT,
            Ability.LOOK_UP_APPOINTMENT,
            Ability.SEARCH_BY_EMAIL,
            Ability.SEARCH_BY_NAME,
        }
    ),
    # Documented: 50 unless told, and at most 100.
    page_size=100,
    credential=(CredentialField(name=API_KEY, label="API key (My info → Manage API keys)"),),
    quality={
        Rule.TYPED_ERRORS: DONE,
        Rule.SOURCED_NUMBERS: DONE,
        Rule.ALL_PAGES: DONE,
        Rule.TELLS_CHANGES: DONE,
        Rule.TELLS_REMOVALS: exempt(
            "archived, deleted and merged records are told, but no filter shows deleted patients; "
            "Cliniko archives patients instead of deleting them"
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
