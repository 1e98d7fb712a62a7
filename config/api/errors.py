"""Every error in one envelope, whatever raised it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, JsonResponse
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback


def error_response(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception raised in a view with the error envelope; None lets a bug surface."""
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    set_rollback()
    body = envelope(*_describe(exc))
    if fallback := getattr(exc, "fallback_data", None):
        body["error"]["fallback_data"] = fallback
    return Response(body, status=exc.status_code, headers=headers)


def envelope(code: str, message: str, details: Any = None) -> dict[str, Any]:
    """Return the body of every error of this API."""
    error = {
        "code": code,
        "message": message,
        "details": details,
        "timestamp": timezone.now().isoformat().replace("+00:00", "Z"),
    }
    return {"error": error}


def _describe(exc: exceptions.APIException) -> tuple[str, str, Any]:
    if isinstance(exc, exceptions.ValidationError):
        details = exc.detail if isinstance(exc.detail, dict) else {"body": exc.detail}
        return "invalid", "Some fields need another value; see details.", details
    detail: Any = exc.detail
    if isinstance(detail, dict):  # simplejwt puts its message and code into a dict
        detail = detail.get("detail", exc.default_detail)
    code = getattr(detail, "code", exc.default_code)
    return str(code), str(detail), getattr(exc, "details", None)


def plain_error(status_code: int, code: str, message: str) -> JsonResponse:
    """Answer outside of a DRF view (unknown path, unexpected failure) in the same shape."""
    return JsonResponse(envelope(code, message), status=status_code)
