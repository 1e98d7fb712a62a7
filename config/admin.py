"""The admin site: Django's own, with the practices' cards on its first page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from accounts import lockout as failures
from clinics import access
from config import lockout
from metrics.page import LivePage
from writebacks.dashboard import practice_cards


class FrontdeskAdminSite(admin.AdminSite):
    """The control room."""

    site_header = "Frontdesk"
    site_title = "Frontdesk"
    index_title = "Practices"
    site_url = None
    index_template = "admin/frontdesk_index.html"

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show and take the form, but not from an address that failed too often."""
        if request.method == "POST" and (
            wait := failures.seconds_of_address(request, timezone.now())
        ):
            return lockout.refusal(request, failures.words_of_address(wait), wait)
        return super().login(request, extra_context)

    def get_urls(self) -> list[Any]:
        return [
            path("cards/", self.admin_view(self.cards), name="cards"),
            *LivePage(self).urls(),
            *super().get_urls(),
        ]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return super().index(request, _cards(request) | (extra_context or {}))

    def cards(self, request: HttpRequest) -> TemplateResponse:
        """Return the practices' cards alone, for the first page to keep itself up to date."""
        return TemplateResponse(request, "admin/frontdesk_cards.html", _cards(request))


def _cards(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    return {"cards": practice_cards(access.of(request), now), "now": now}
