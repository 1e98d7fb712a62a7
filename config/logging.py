"""How log lines are written: what the database quotes of a row stays out of them."""

from __future__ import annotations

import logging
import re
from traceback import TracebackException
from typing import Any

#: PostgreSQL's message is one part, and these may follow: they quote rows, keys and statements.
#: In the `repr` of an exception, line ends are written out as backslash and n.
_QUOTES = re.compile(
    r"(?:\n|\\+n)(?:DETAIL|HINT|CONTEXT|QUERY|WHERE|STATEMENT|LINE \d+):.*", re.DOTALL
)


class DiscreetFormatter(logging.Formatter):
    """Leaves out the parts of database errors that tell of people.

    A row may hold any text, also what looks like the end of its quotation, so an exception's text
    ends with the first such part, and so does a line in which an exception is quoted.
    """

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info:
            record.exc_text = None  # written by another formatter
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        return without_quotes(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        told = TracebackException(*ei, compact=True)
        links = [told]
        for link in links:
            _shorten(link)
            links += [other for other in (link.__cause__, link.__context__) if other]
            links += link.exceptions or []
        return "".join(told.format()).rstrip("\n")


class OnceAMinute(logging.Filter):
    """Lets a library's repeated outcry through as one line a minute, without its traceback.

    For one that cries each second for as long as a server is away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created < self._quiet_until:
            return False
        self._quiet_until = record.created + 60
        if record.exc_info and record.exc_info[0]:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[0].__name__}", ()
            record.exc_info = record.exc_text = None
        return True


def without_quotes(text: str) -> str:
    """Return the text up to the first part that quotes a row or a statement."""
    return _QUOTES.sub("", text)


def _shorten(link: TracebackException) -> None:
    whole = link.format_exception_only

    def short(**options: Any) -> list[str]:
        return [without_quotes("".join(whole(**options))).rstrip("\n") + "\n"]

    link.format_exception_only = short  # type: ignore[method-assign, assignment]
