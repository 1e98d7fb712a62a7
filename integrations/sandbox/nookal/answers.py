"""What Nookal answers: the envelope of success, the one of failure, and pages that are no JSON.

A failure comes with HTTP 200. Only two of its codes were ever seen, those of `verify` and of
`getLocations` without a key, where the message may be missing. All other codes and words here are
invented (unverified).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from werkzeug.wrappers import Response

# Invented, but for the two of a missing key.
OTHER_CODE = "L000_9"
WRONG_KEY_CODE = "L000_2"
NO_KEY_CODES = {"getLocations": "L003"}
USUAL_NO_KEY_CODE = "L000_1"

NO_FUNCTION = """<!DOCTYPE html>
<html lang="en"><head><title>404 Page Not Found</title></head>
<body class="error-page"><div id="container"><h1>404</h1>
<p>The page you requested was not found.</p></div></body></html>
"""
BROKEN = """<!DOCTYPE html>
<html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1></body></html>
"""


@dataclass
class Failed(Exception):
    """The call ends in a failure that Nookal tells in its envelope."""

    message: str
    code: str = OTHER_CODE
    alerts: list[str] = field(default_factory=list)

    def response(self, *, objects: bool, status: int = 200) -> Response:
        details: dict[str, object] = {"errorCode": self.code, "alerts": self.alerts}
        if self.message:
            details["errorMessage"] = self.message
        content = {"status": "failure", "details": details}
        return document(content, objects=objects, status=status)


@dataclass
class NotJson(Exception):
    """The call ends in a page that is no JSON."""

    status: int
    text: str
    content_type: str = "text/html; charset=UTF-8"

    def response(self) -> Response:
        return Response(self.text, status=self.status, content_type=self.content_type)


def missing(names: Sequence[str]) -> Failed:
    """Return the failure of a call without parameters that it needs.

    "Missing variable: api_key" was seen; that others are told alike is unverified.
    """
    return Failed("Missing variables", alerts=[f"Missing variable: {name}" for name in names])


def wrong(name: str, rule: str) -> Failed:
    return Failed(f"Invalid variable: {name}", alerts=[f"{name} {rule}"])


def no_key(function: str) -> Failed:
    code = NO_KEY_CODES.get(function, USUAL_NO_KEY_CODE)
    return Failed("", code, ["Missing variable: api_key"])


def wrong_key() -> Failed:
    return Failed("Invalid API key", WRONG_KEY_CODE)


def no_function() -> NotJson:
    return NotJson(404, NO_FUNCTION)


def broken(status: int, title: str) -> NotJson:
    return NotJson(status, BROKEN.format(title=title))


def success(
    function: str,
    results: object,
    *,
    objects: bool,
    details: dict[str, int] | None = None,
    settings: dict[str, str | None] | None = None,
) -> Response:
    content: dict[str, object] = {
        "status": "success",
        "data": {"api_call": function, "results": results},
        "details": details or {"totalItems": 1, "currentItems": 1},
    }
    if settings is not None:
        content["settings"] = settings
    return document(content, objects=objects)


def document(content: object, *, objects: bool, status: int = 200) -> Response:
    """Return JSON; with `objects`, each list in it as an object whose names count its items."""
    text = json.dumps(_keyed(content) if objects else content, ensure_ascii=False)
    return Response(text, status=status, content_type="application/json")


def _keyed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _keyed(item) for name, item in value.items()}
    if isinstance(value, list) and value:  # an empty one stays a list, as PHP writes it
        return {str(number): _keyed(item) for number, item in enumerate(value)}
    return value
