"""Tells a program with each answer how many requests its key has left."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.rates import Rate


class RateMiddleware:
    """Put the key's rate into the headers, whatever the answer is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        rate: Rate | None = getattr(request, "rate", None)
        for name, value in rate.headers.items() if rate else ():
            response[name] = value
        return response
