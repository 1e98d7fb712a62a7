"""Django's PostgreSQL backend, where every statement carries the scope of its work."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import NotSupportedError
from django.db.backends.postgresql import base

from tenancy.scope import NOTHING, Scope, current

#: Django's own statements about savepoints: they touch no row, and must run after an error too.
_TRANSACTION = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose statements are held to `tenancy.scope.current()`.

    The settings go in front of the statement, in one message and so in one transaction with it,
    and end with that: no round trip more, and nothing that a pool could hand to the next request.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(_carry_scope)


def _carry_scope(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    scope = current()
    connection = context["connection"]
    # Outside of a transaction nothing can stand from a statement before.
    settings = _assignments(scope, with_empty=connection.in_atomic_block)
    if not settings:
        return execute(sql, params, many, context)
    if many:
        if scope is not None:
            raise NotSupportedError("A scope goes with single statements: use bulk_create, UPDATE.")
        context["cursor"].cursor.execute("".join(settings))
        return execute(sql, params, many, context)
    if not isinstance(sql, str):
        sql = sql.as_string(connection.connection)
    if sql.startswith(_TRANSACTION):
        return execute(sql, params, many, context)
    prefix = "".join(settings)
    if params is not None:  # the driver then reads % as the sign of a parameter
        prefix = prefix.replace("%", "%%")
    result = execute(prefix + sql, params, many, context)
    cursor = context["cursor"].cursor
    for _ in settings:  # on to the statement's own result
        cursor.nextset()
    return result


@lru_cache(maxsize=512)
def _assignments(scope: Scope | None, *, with_empty: bool) -> tuple[str, ...]:
    settings = dict.fromkeys(NOTHING.settings, "") if scope is None else scope.settings
    return tuple(
        f"SET LOCAL {name} = '{text.replace(chr(39), chr(39) * 2)}';"
        for name, text in settings.items()
        if text or with_empty
    )
