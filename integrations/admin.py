"""The admin's pages of integrations and of the calls that they made."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from clinics import access
from clinics.admin import OWN_CLINICS, ReadOnlyAdmin
from clinics.permissions import Action
from integrations.contract import Scope
from integrations.http.breaker import Breaker
from integrations.models import BudgetWindow, Call, Integration, IntegrationStatus, Profile
from integrations.profile_admin import ReadsLists
from integrations.standing import breaker_of, breaker_words, limit_words, use_of

#: Calls that the page of an integration lists.
LISTED = 50
LEVELS = {
    IntegrationStatus.ACTIVE: "good",
    IntegrationStatus.SETUP_REQUIRED: "warning",
    IntegrationStatus.ERROR: "bad",
}


@admin.register(Integration)
class IntegrationAdmin(ReadsLists):
    """How each link fares. Only its budget can be changed, and no secret is ever rendered."""

    list_display = ["clinic", "pms", "account", "badge", "reachable", "is_sandbox"]
    list_filter = ["pms", "status", "is_sandbox", OWN_CLINICS]
    list_select_related = ["clinic", "breaker"]
    to_view, to_change = Action.VIEW_CONNECTIONS, Action.MANAGE_CONNECTIONS
    fields = ["budget_calls", "budget_reserve"]
    change_form_template = "admin/integration.html"

    @admin.display(description="status", ordering="status")
    def badge(self, integration: Integration) -> SafeString:
        """Return the status as a coloured word."""
        return format_html(
            '<span class="fd-health fd-{}">{}</span>',
            LEVELS[IntegrationStatus(integration.status)],
            integration.get_status_display(),
        )

    @admin.display(description="connection")
    def reachable(self, integration: Integration) -> str:
        """Return whether it answers."""
        return str(breaker_of(integration))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Integration, form: ModelForm, change: bool
    ) -> None:
        # Not the whole row: a key that is renewed in this moment must not be undone.
        obj.save(update_fields=form.changed_data)

    def get_urls(self) -> list[URLPattern]:
        reset = path(
            "<path:object_id>/reset-breaker/",
            self.admin_site.admin_view(require_POST(self.reset_breaker)),
            name="integrations_integration_reset_breaker",
        )
        return [reset, *super().get_urls()]

    def reset_breaker(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the next call go through, although the last ones failed."""
        integration = self.get_object(request, object_id)
        if not self.has_change_permission(request, integration):
            raise PermissionDenied
        Breaker(integration.pk).reset()
        self.log_change(request, integration, "Reset the breaker.")
        messages.success(request, "The breaker is closed: the next call goes through.")
        return redirect("admin:integrations_integration_change", integration.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story: dict[str, Any] = {}
        if integration := self.get_object(request, object_id):
            now = timezone.now()
            breaker = breaker_of(integration)
            story = {
                "integration": integration,
                # A PMS's words may name a patient.
                "reason": integration.error_message
                if access.of(request).may(Action.VIEW_PATIENTS, integration)
                else "What the PMS said is for those who may see patients.",
                "level": LEVELS[IntegrationStatus(integration.status)],
                "breaker": breaker,
                "breaker_words": breaker_words(breaker, now, integration),
                "may_change": self.has_change_permission(request, integration),
                "usual": limit_words(integration.usual_limit),
                "uses": [use_of(each, now) for each in integration.counters([Scope.INTEGRATION])],
                "calls": [(call, _is_id(call.correlation)) for call in _calls(integration)],
                "profile": Profile.objects.filter(integration=integration).first(),
                "title": str(integration),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))


def _calls(integration: Integration) -> QuerySet[Call]:
    """Return its newest calls; the order of the index, and of their making within a moment."""
    return integration.calls.order_by("-at", "-pk")[:LISTED]


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@admin.register(BudgetWindow)
class BudgetWindowAdmin(ReadOnlyAdmin):
    """Calls counted in each window: for operators, since an application spans tenants."""

    to_view = Action.OPERATE
    list_display = ["starts_at", "seconds", "key", "used_high", "used_low", "used"]
    list_filter = ["seconds"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BudgetWindow]:
        return BudgetWindow.objects.all()
