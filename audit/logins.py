"""Note logins, failed ones, logouts, and refresh tokens used twice.

No password and no name that was typed is kept.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from audit import entries
from audit.models import Action
from tenancy import scope
from tenancy.scope import NOTHING, Actor, Scope


def note(action: Action, user_id: int | None, **details: Any) -> None:
    """Write an entry about this person's login; None where the name is nobody's.

    Raises DatabaseError where it cannot be written; then nobody is logged in.
    """
    record_ids = [] if user_id is None else [user_id]
    # Whoever has a session in that browser may be somebody else: only the address is known to be
    # that of the login.
    address = (scope.current() or NOTHING).actor.address
    with scope.within(Scope(actor=Actor(address=address))):
        entries.write(action, "user", record_ids=record_ids, user_id=user_id, details=details)


@receiver(user_logged_in)
def _logged_in(user: Any, **_: Any) -> None:
    note(Action.LOGIN, user.pk)


@receiver(user_login_failed)
def _failed(credentials: dict[str, Any], **_: Any) -> None:
    model = get_user_model()
    name = credentials.get(model.USERNAME_FIELD)
    known = model._default_manager.filter(**{model.USERNAME_FIELD: name})
    note(Action.LOGIN_FAILED, known.values_list("pk", flat=True).first())


@receiver(user_logged_out)
def _logged_out(user: Any, **_: Any) -> None:
    # An expired session ends without a user.
    if user is not None:
        note(Action.LOGOUT, user.pk)
