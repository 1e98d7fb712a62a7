"""Numbers and abilities of Sikka, each with where it comes from."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from integrations.contract import CredentialField, Limit, Manifest, Scope
from integrations.quality import DONE, Rule, exempt, todo
from integrations.queries import Ability, Changes, Resource

#: Rows of a page: the documented maximum. Fewer, larger pages cost fewer calls.
PAGE_SIZE: Final = 5000
#: Life of a request key (documented). Answers say what is left of it.
KEY_LIFETIME: Final = timedelta(hours=24)
#: Days of one question for appointments. Seen in a public client: about a year at most.
LONGEST_RANGE: Final = 365
#: What a full pass reads of appointments, in two such questions: days before today, days after it.
DAYS_BACK: Final = 365
DAYS_AHEAD: Final = 364

#: practice_events tells what was added, updated and deleted. Each of its answers spans a day at
#: most (documented as advice); how many days back it goes is not documented, and a week costs nine
#: calls: more than a full pass of most offices. The overlap is for records that Sikka dates
#: earlier than it shows them (unverified).
_EVENTS = Changes(
    told=True,
    removals=True,
    overlap=timedelta(minutes=15),
    furthest=timedelta(days=7),
)

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
    lists={
        # Also read whole by each full pass; a call or two each.
        Resource.LOCATIONS: Changes(),
        Resource.PRACTITIONERS: Changes(),
        Resource.OPERATORIES: Changes(),
        Resource.APPOINTMENT_TYPES: Changes(),
        Resource.PATIENTS: _EVENTS,
        Resource.APPOINTMENTS: Changes(
            told=_EVENTS.told,
            removals=_EVENTS.removals,
            overlap=_EVENTS.overlap,
            furthest=_EVENTS.furthest,
            covers=(DAYS_BACK, DAYS_AHEAD),
        ),
    },
    abilities=frozenset(
        {
            Ability.FREE_TIMES,
            Ability.LOOK_UP_PATIENT,
            Ability.LOOK_UP_APPOINTMENT,
            Ability.SEARCH_BY_PHONE,
            Ability.SEARCH_BY_EMAIL,
            Ability.SEARCH_BY_NAME,
            Ability.BALANCE,
            Ability.PAYMENTS,
            # Not COVERAGES: no parameter of insurance_plan_coverage names a patient (documented).
        }
    ),
    page_size=PAGE_SIZE,
    credential=(
        CredentialField(name="app_id", label="App-Id (API portal, application)", is_secret=False),
        CredentialField(name="app_key", label="App-Key (API portal, application)"),
        CredentialField(name="secret_key", label="secret_key of the office (authorized_practices)"),
    ),
    quality={
        Rule.TYPED_ERRORS: DONE,
        Rule.SOURCED_NUMBERS: DONE,
        Rule.ALL_PAGES: exempt(
            "Pages are counted, and no way to sort them is documented: what leaves a list while "
            "it is read moves another record past the reader, and the next run brings that one."
        ),
        Rule.TELLS_CHANGES: DONE,
        Rule.TELLS_REMOVALS: DONE,
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
