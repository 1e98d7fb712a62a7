"""The admin's pages of integrations and of the calls that they made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Sum
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
from integrations.contract import Limit, Priority, Scope
from integrations.http.breaker import Breaker
from integrations.http.budget import Counter, window_start
from integrations.models import Breaker as BreakerRow
from integrations.models import BudgetWindow, Call, Integration, IntegrationStatus, Profile
from integrations.profile_admin import ReadsLists

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
        return str(_breaker(integration))

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
            breaker = _breaker(integration)
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
                "uses": [_use(each, now) for each in integration.counters([Scope.INTEGRATION])],
                "calls": [(call, _is_id(call.correlation)) for call in _calls(integration)],
                "profile": Profile.objects.filter(integration=integration).first(),
                "title": str(integration),
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))


def _breaker(integration: Integration) -> BreakerRow:
    """Return its row, or one that was never needed."""
    try:
        return integration.breaker
    except BreakerRow.DoesNotExist:
        return BreakerRow(integration=integration)


def breaker_words(breaker: BreakerRow, now: datetime, integration: Integration) -> str:
    """Say whether the PMS answers, with times on the clinic's clock."""
    if breaker.opened_at is None:
        if not breaker.failures:
            return "answers"
        return f"answers, but not the last {breaker.failures} calls"
    since = f"away since {_clock(breaker.opened_at, now, integration)}"
    if breaker.probe_until and breaker.probe_until > now:
        return f"{since}, being tried right now"
    if breaker.retry_at and breaker.retry_at > now:
        return f"{since}, tried again at {_clock(breaker.retry_at, now, integration)}"
    return f"{since}, tried again with the next call"


def _clock(moment: datetime, now: datetime, integration: Integration) -> str:
    local = moment.astimezone(integration.clinic.zone)
    is_today = local.date() == now.astimezone(integration.clinic.zone).date()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%d %b, %H:%M:%S}"


def limit_words(limit: Limit) -> str:
    """Say a limit in words: 200 calls an hour, 50 of them reserved for people."""
    spans = {60: "a minute", 3600: "an hour", 86_400: "a day"}
    span = spans.get(limit.seconds, f"in {limit.seconds} s")
    return f"{limit.calls} calls {span}, {limit.reserve} of them reserved for people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Calls counted in the window of now, against what each priority may reach."""

    limit: Limit
    words: str
    starts_at: datetime
    ends_at: datetime
    high: int
    low: int

    @property
    def used(self) -> int:
        """Calls of both priorities."""
        return self.high + self.low

    @property
    def low_ceiling(self) -> int:
        """From this many calls in total, background work waits."""
        return self.limit.ceiling(Priority.LOW)

    @property
    def percent(self) -> int:
        """How full the bar is, 0 to 100."""
        return min(100, round(100 * self.used / self.limit.calls))


def _use(counter: Counter, now: datetime) -> Use:
    limit, row = counter.limit, counter.row_seconds
    starts_at = ends_at = window_start(now, row)
    if limit.moving:
        starts_at -= timedelta(seconds=limit.seconds)
    windows = BudgetWindow.objects.filter(key=counter.key, seconds=row, starts_at__gte=starts_at)
    used = windows.aggregate(high=Sum("used_high"), low=Sum("used_low"))
    return Use(
        limit=limit,
        words=limit_words(limit),
        starts_at=starts_at,
        ends_at=ends_at + timedelta(seconds=row),
        high=used["high"] or 0,
        low=used["low"] or 0,
    )


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
