"""The service's refusals: {"error": {"code", "message"}}, by field where fields are wrong."""

import json
from collections.abc import Mapping

from werkzeug.wrappers import Response

MESSAGES = {
    400: ("bad_request", "The request body is not valid JSON."),
    401: ("unauthorized", "The access token is missing or not valid."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not know the method."),
    409: ("conflict", "The time is already taken."),
    415: ("unsupported_media_type", "The request body must be application/json."),
    422: ("invalid", "Some values are missing or not valid."),
    429: ("rate_limited", "Too many requests."),
    500: ("internal_error", "Something went wrong."),
    503: ("unavailable", "The service is being looked after. Try again later."),
}


class Refused(Exception):
    """The call ends here, with this answer."""

    def __init__(
        self,
        status: int,
        *,
        fields: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status, self.fields, self.headers = status, fields, headers or {}

    def response(self) -> Response:
        code, message = MESSAGES[self.status]
        error: dict[str, object] = {"code": code, "message": message}
        if self.fields is not None:
            error["fields"] = self.fields
        body = json.dumps({"error": error})
        return Response(body, self.status, dict(self.headers), content_type="application/json")


class Wrong(ValueError):
    """A value that cannot be taken; the text is the rule that it breaks."""


def invalid(field: str, rule: str) -> Refused:
    """Return the refusal of one wrong field or parameter."""
    return Refused(422, fields={field: [rule]})
