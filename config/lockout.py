"""The answer to somebody who failed to log in too often: for programs and for people."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import lockout
from config.api.errors import plain_error


def answer(request: HttpRequest, *unused: Any) -> HttpResponse:
    """Refuse with 429 and the time to wait; the same whether there is such a person or not."""
    # What axes passes besides differs between its ways of running; the request tells the same.
    credentials = getattr(request, "axes_credentials", None) or {}
    wait = lockout.seconds_left(
        credentials.get("username", ""), lockout.address(request), timezone.now()
    )
    message = (
        "There were too many failed logins with this name. "
        f"Try again in {-(-wait // 60)} minutes, or ask an operator."
    )
    return refusal(request, message, wait)


def refusal(request: HttpRequest, message: str, wait: int) -> HttpResponse:
    """Return the answer of 429 in words for whoever asks."""
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = plain_error(429, "login_locked", message)
    else:
        response = render(request, "locked_out.html", {"message": message}, status=429)
    response["Retry-After"] = str(wait)
    return response
