"""The OpenAPI schema's common parts: every operation tells which errors it may answer."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers, status


class ErrorDetail(serializers.Serializer):
    """The inside of the error envelope."""

    code = serializers.CharField(help_text="For programs: stays the same between versions.")
    message = serializers.CharField(help_text="For people: what is wrong and what to do next.")
    details = serializers.JSONField(
        allow_null=True,
        help_text="For a 400 an object: the field's name → its messages. For `slot_taken` and "
        "`outside_hours` an object: `reason`, `alternatives` (each with `starts_at`, `ends_at`, "
        "`practitioner`, `operatory`) and `inferred`. For `sync_running` an object: `run`, the id "
        "of the sync to wait for, and `runs`, those of all. Of a PMS that is away a text: why.",
    )
    timestamp = serializers.DateTimeField()
    fallback_data = serializers.JSONField(
        required=False,
        help_text="Where a PMS is away: what we still have. An object: `last_updated` and "
        "`data_age_minutes`, null where nothing was ever read; `period` and `metrics`, the last "
        "numbers, null where there are none or this login may not see them.",
    )


class ErrorEnvelope(serializers.Serializer):
    """The body of every error."""

    error = ErrorDetail()


Direction = Literal["request", "response"]

#: Answers that an endpoint may give besides its own, by whether it needs a login.
_COMMON_ERRORS: dict[int, str] = {
    status.HTTP_400_BAD_REQUEST: "What was sent cannot be used; see the message."
}
_LOGIN_ERRORS: dict[int, str] = {
    status.HTTP_401_UNAUTHORIZED: "No valid login was sent; of an API key `bad_key`, `key_revoked` "
    "or `key_expired`, of an access token `token_not_valid`, `token_revoked` or `user_inactive`.",
    status.HTTP_403_FORBIDDEN: "This login may not do that.",
    status.HTTP_404_NOT_FOUND: "There is no such thing, or not for this login.",
    status.HTTP_429_TOO_MANY_REQUESTS: "`rate_limited`: this API key has spent its requests of "
    "this minute; see Retry-After.",
}


class Schema(AutoSchema):
    """drf-spectacular's schema with the error envelope on every operation.

    A view may name further refusals of an action: `error_answers = {"create": (SomeError,)}`,
    exception classes with a `status_code` and a `default_detail`.
    """

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        errors: dict[int, str] = dict(_COMMON_ERRORS)
        if self.get_auth():
            errors |= _LOGIN_ERRORS
        named = getattr(self.view, "error_answers", {})
        for error in named.get(getattr(self.view, "action", None), ()):
            texts = (
                errors.get(error.status_code, ""),
                f"`{error.default_code}`: {error.default_detail}",
            )
            errors[error.status_code] = " ".join(text for text in texts if text)
        for code, description in errors.items():
            if str(code) not in bodies:
                body = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    ErrorEnvelope, str(code), direction=direction
                )
                bodies[str(code)] = {**body, "description": description}
        return bodies
