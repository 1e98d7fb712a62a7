"""What is taken for JSON: nothing that would break later, in an answer or in the database."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

#: A booking is one object with nothing nested in it.
DEEPEST = 20
TOO_DEEP = f"This JSON is nested deeper than {DEEPEST} levels."
#: JSON can write half of a surrogate pair, which UTF-8, and so the database, has no bytes for.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class SafeJSONParser(JSONParser):
    """JSON of finite numbers and whole characters, nested no deeper than `DEEPEST`."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return what the body says, or raise ParseError."""
        try:
            text = stream.read().decode()  # JSON is UTF-8, whatever a header says
        except UnicodeDecodeError:
            raise ParseError("This body is not UTF-8.") from None
        try:
            data = json.loads(
                text, parse_int=_integer, parse_float=_finite, parse_constant=_refused
            )
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        except json.JSONDecodeError as error:
            raise ParseError(f"This is no JSON: {error}") from None
        _check(data)
        return data


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python stops at some thousands of digits
        raise ParseError("A number has too many digits.") from None


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ParseError(f"The number {digits[:20]} is too large.")
    return number


def _refused(word: str) -> None:
    raise ParseError(f"{word} is no JSON.")


def _check(data: Any) -> None:
    """Look at every text, level by level: a recursion would end where a deep body wants it to."""
    level = [data]
    for _ in range(DEEPEST + 1):
        for value in level:
            if isinstance(value, str) and (found := LONE_SURROGATE.search(value)):
                code = f"\\u{ord(found[0]):04x}"
                raise ParseError(f"{code} is half a character; send the whole of it.")
        nested = [value for value in level if isinstance(value, (dict, list))]
        if not nested:
            return
        level = [inner for value in nested for inner in _inside(value)]
    raise ParseError(TOO_DEEP)


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return [*value, *value.values()] if isinstance(value, dict) else value
