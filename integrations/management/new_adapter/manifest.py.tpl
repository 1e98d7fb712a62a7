"""Numbers and abilities of $title, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta

from integrations.contract import CredentialField, Limit, Manifest, Scope
from integrations.quality import Rule, todo
from integrations.queries import Changes, Resource

MANIFEST = Manifest(
    name="$name",
    title="$title",
    limits=(
        # One call a second is a guess at what bothers nobody; background work leaves a quarter of
        # it. Write what is documented, and where.
        Limit(Scope.INTEGRATION, calls=60, seconds=60, reserve=15),
    ),
    # Of book, reschedule, cancel, set_status, create_patient, update_patient, add_note and
    # record_payment, those that it can do.
    operations=frozenset(),
    # How far back it tells what became of a write. A week is Frontdesk's own choice for a PMS
    # that answers at once.
    look_back=timedelta(days=7),
    # How each list tells what changed (integrations/queries.py, Changes); as it stands here, only
    # reading everything can tell.
    lists={
        Resource.LOCATIONS: Changes(),
        Resource.PRACTITIONERS: Changes(),
        Resource.PATIENTS: Changes(),
        Resource.APPOINTMENTS: Changes(),
    },
    # What it can be asked beside its lists (integrations/queries.py, Ability).
    abilities=frozenset(),
    # The most that it gives at once, and where that is documented.
    page_size=100,
    credential=(CredentialField(name="api_key", label="API key"),),
    # `DONE` once tests/integrations/contract shows it; `exempt` where there is no such thing.
    quality={
        Rule.TYPED_ERRORS: todo("answers.py has only what is true of most PMSs"),
        Rule.SOURCED_NUMBERS: todo("limits and page size are guesses"),
        Rule.ALL_PAGES: todo("no list is read yet"),
        Rule.TELLS_CHANGES: todo("no list is read yet"),
        Rule.TELLS_REMOVALS: todo("no list is read yet"),
        Rule.TELLS_CANCELLATIONS: todo("no list is read yet"),
        Rule.SITE_TIMES: todo("no list is read yet"),
        Rule.BAD_RECORDS: todo("no list is read yet"),
        Rule.BOOKS: todo("it writes nothing yet"),
        Rule.PATIENTS: todo("it writes nothing yet"),
        Rule.FINDS_LOST_WRITES: todo("it writes nothing yet"),
        Rule.FREE_TIMES: todo("not looked at yet"),
        Rule.SEARCH: todo("not looked at yet"),
        Rule.SANDBOX: todo("nothing simulates it yet"),
        Rule.LIVE_TESTED: todo("no account of the vendor was at hand"),
    },
)
