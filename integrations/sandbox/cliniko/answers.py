"""Answers that are not a record: refusals in Cliniko's own shapes.

From the vendor's documentation: the text about a time frame, the body of a 422, the reset header of
a 429. From reports: the words of a 400 about a filter, JSON or nothing in the body of a 404, a page
of HTML for a wrong path. All other wording and bodies are unverified.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime

from werkzeug.wrappers import Response

# The documented text of a 400 to a wrong or missing `from` or `to`.
TIME_FRAME = "Invalid time frame definition. Please check from/to param limitations."

_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
    "<body><h1>{title}</h1></body></html>\n"
)


class Refused(Exception):
    """The call ends here, with this answer."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def document(content: object, status: int = 200) -> Response:
    return Response(
        json.dumps(content, ensure_ascii=False), status, content_type="application/json"
    )


def nothing() -> Response:
    """Return the answer of a write that has nothing to tell."""
    return Response(status=204)


def bad_request(message: str) -> Refused:
    """Return the 400 to a filter, a page or a time frame: a plain message."""
    return Refused(Response(f"{message}\n", 400, content_type="text/plain; charset=utf-8"))


def denied() -> Refused:
    """Return the 401 that a wrong key, a revoked one and one of another shard get alike."""
    response = Response("HTTP Basic: Access denied.\n", 401, content_type="text/plain")
    response.headers["WWW-Authenticate"] = 'Basic realm="Application"'
    return Refused(response)


def unidentified() -> Refused:
    """Return the 403 to a program that does not say whose it is.

    Unverified: the vendor says only that such requests "may be blocked".
    """
    message = "The User-Agent header must have a name and a contact email.\n"
    return Refused(Response(message, 403, content_type="text/plain; charset=utf-8"))


def not_acceptable() -> Refused:
    """Return the answer to a call that does not ask for JSON. Unverified."""
    return Refused(Response(status=406))


def unsupported_body() -> Refused:
    """Return the answer to a write that does not say its body is JSON. Unverified."""
    return Refused(Response(status=415))


def no_record() -> Refused:
    """Return the 404 for a record that does not exist, or that this call may not see."""
    return Refused(document({"status": "404", "error": "Not Found"}, 404))


def not_bookable() -> Refused:
    """Return the 404 of free times where something is not open to online booking: no body."""
    return Refused(Response(status=404))


def no_page() -> Refused:
    """Return the 404 for an address or a verb that the API does not have: a page of HTML."""
    return Refused(_page(404, "The page you were looking for doesn't exist (404)"))


def invalid(errors: Mapping[str, str]) -> Refused:
    """Return the 422 with a message for each field that is wrong."""
    return Refused(document({"message": "Validation Failed", "errors": dict(errors)}, 422))


def throttled(resets_at: datetime) -> Refused:
    """Return the 429 with the moment the limit starts anew, in UNIX seconds."""
    response = Response("Rate limit exceeded\n", 429, content_type="text/plain")
    response.headers["X-RateLimit-Reset"] = str(math.ceil(resets_at.timestamp()))
    return Refused(response)


def failed(status: int) -> Refused:
    """Return the answer of a server that is out of order."""
    return Refused(_page(status, "We're sorry, but something went wrong"))


def not_simulated(name: str) -> Refused:
    """Answer honestly: a parameter that is passed over in silence looks like one that worked."""
    return Refused(document({"message": f"The sandbox does not simulate {name}."}, 501))


def _page(status: int, title: str) -> Response:
    return Response(_PAGE.format(title=title), status, content_type="text/html; charset=utf-8")
