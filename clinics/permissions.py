"""Who may do what: the one table that the web, the API's keys, the docs and the tests read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from clinics.models import Role


class Action(StrEnum):
    """Something that a person or a program does with what Frontdesk holds."""

    VIEW_CLINICS = "view_clinics"
    VIEW_PATIENTS = "view_patients"
    VIEW_WRITEBACKS = "view_writebacks"
    VIEW_METRICS = "view_metrics"
    CALL_PATIENTS = "call_patients"
    BOOK = "book"
    SYNC = "sync"
    VIEW_CONNECTIONS = "view_connections"
    MANAGE_CONNECTIONS = "manage_connections"
    MANAGE_ACCESS = "manage_access"
    VIEW_AUDIT = "view_audit"
    OPERATE = "operate"


#: The actions in words, as docs/permissions.md and refusals say them.
WORDS: Mapping[Action, str] = {
    Action.VIEW_CLINICS: "see clinics, sites, practitioners and chairs",
    Action.VIEW_PATIENTS: "see patients and appointments",
    Action.VIEW_WRITEBACKS: "see writebacks",
    Action.VIEW_METRICS: "see a clinic's numbers",
    Action.CALL_PATIENTS: "work through the list of whom to call",
    Action.BOOK: "ask for changes in the PMS",
    Action.SYNC: "have records fetched from the PMS",
    Action.VIEW_CONNECTIONS: "see integrations, their calls and budgets",
    Action.MANAGE_CONNECTIONS: "change budgets and profiles, and close breakers",
    Action.MANAGE_ACCESS: "give and end roles, temporary access, API keys and webhooks",
    Action.VIEW_AUDIT: "see who looked at and changed what",
    Action.OPERATE: "set up organizations, clinics, people and schedules",
}

_LOOK = {
    Action.VIEW_CLINICS,
    Action.VIEW_PATIENTS,
    Action.VIEW_WRITEBACKS,
    Action.VIEW_METRICS,
    Action.VIEW_CONNECTIONS,
}

#: What a role may do at the clinics that it is for.
ROLES: Mapping[Role, frozenset[Action]] = {
    Role.CLINIC_ADMIN: frozenset(set(Action) - {Action.OPERATE}),
    Role.STAFF: frozenset(_LOOK | {Action.BOOK, Action.SYNC, Action.CALL_PATIENTS}),
    Role.READ_ONLY: frozenset(_LOOK),
}

#: What a platform operator may do in every organization: how things stand, and no patients. More
#: than that takes a membership, as for everybody.
OPERATOR = frozenset(
    {
        Action.VIEW_CLINICS,
        Action.VIEW_CONNECTIONS,
        Action.MANAGE_CONNECTIONS,
        Action.MANAGE_ACCESS,
        Action.OPERATE,
    }
)


class KeyScope(StrEnum):
    """What an API key is for."""

    READ = "read"
    BOOK = "book"
    SYNC = "sync"
    ADMIN = "admin"


#: What each scope of an API key allows; a key may have several.
SCOPES: Mapping[KeyScope, frozenset[Action]] = {
    KeyScope.READ: frozenset(_LOOK),
    KeyScope.BOOK: frozenset({Action.VIEW_CLINICS, Action.BOOK, Action.CALL_PATIENTS}),
    KeyScope.SYNC: frozenset({Action.VIEW_CLINICS, Action.SYNC}),
    KeyScope.ADMIN: frozenset(
        {Action.VIEW_CLINICS, Action.MANAGE_CONNECTIONS, Action.MANAGE_ACCESS, Action.VIEW_AUDIT}
    ),
}


def scope_for(action: Action) -> KeyScope | None:
    """Return the scope that a key needs for this; None where no key may."""
    return next((scope for scope, actions in SCOPES.items() if action in actions), None)
