"""The admin's page of webhooks: who is told what, how it fares, and its buttons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clinics import access
from clinics.admin import TenantAdmin
from clinics.models import Organization
from clinics.permissions import Action
from webhooks import endpoints, publishing
from webhooks.endpoint_form import EndpointForm
from webhooks.models import Endpoint, Reason

#: How long a replaced secret may sign on, in hours, as the page offers it.
OVERLAPS = {0: "not at all", 1: "1 hour", 24: "24 hours", 72: "3 days", 168: "7 days"}
#: Deliveries that the page of a webhook lists.
LISTED = 20


class EndpointAdmin(TenantAdmin):
    """Webhooks. A secret is on the page that answers, and on no other."""

    to_view = to_change = Action.MANAGE_ACCESS
    form = EndpointForm
    add_form_template = "admin/change_form.html"
    change_form_template = "admin/webhook.html"
    list_display = ["__str__", "organization", "health", "last_success_at", "failures", "host"]
    list_filter = ["is_active", ("organization", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["organization"]
    search_fields = ["description"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(deleted_at=None)

    @admin.display(description="health")
    def health(self, endpoint: Endpoint) -> SafeString:
        """Return in a coloured word whether it can be told anything."""
        return format_html('<span class="fd-health fd-{}">{}</span>', *standing(endpoint))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj and not self.has_change_permission(request, obj):
            return ["organization", "description"]
        return EndpointForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["organization"] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        organizations = Organization.objects.all()
        managed = access.of(request).visible(organizations, self.to_change)
        return bool(request.user.is_staff) and managed.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # by a button of its own: what it was told stays on record

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type("EndpointForm", (form,), {"asker": access.of(request)})

    def save_model(self, request: HttpRequest, obj: Endpoint, form: Any, change: bool) -> None:
        asker, now = access.of(request), timezone.now()
        values = {name: form.cleaned_data[name] for name in EndpointForm.Meta.fields[1:]}
        if change:
            endpoints.change(asker, obj, values, now)
            return
        issued = endpoints.create(asker, obj.organization, values, now)
        obj.pk = issued.endpoint.pk
        request.issued = issued  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self.shown_once(request, request.issued)  # type: ignore[attr-defined]

    def shown_once(self, request: HttpRequest, issued: endpoints.Issued) -> HttpResponse:
        """Return the page with the secret; it is in no cookie, no session and no other page."""
        context = self.admin_site.each_context(request) | {
            "title": str(issued.endpoint),
            "endpoint": issued.endpoint,
            "secret": issued.secret,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/webhook_secret.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        story: dict[str, Any] = {}
        if endpoint := self.get_object(request, object_id):
            level, words = standing(endpoint)
            story = {
                "endpoint": endpoint,
                "level": level,
                "words": words,
                "may_change": self.has_change_permission(request, endpoint),
                "notices": endpoint.notices.all()[:LISTED],
                "deliveries": endpoint.deliveries.all()[:LISTED],
                "old_secret_signs": len(endpoint.secrets(timezone.now())) > 1,
            }
        return super().change_view(request, object_id, form_url, story | (extra_context or {}))

    # --- Buttons: each asks first, and does it when the answer is posted ---

    def get_urls(self) -> list[URLPattern]:
        buttons: dict[str, Callable[..., HttpResponse]] = {
            "test": self.test,
            "rotate": self.rotate,
            "enable": self.enable,
            "disable": self.disable,
            "remove": self.remove,
        }
        own = [
            path(
                f"<uuid:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"webhooks_endpoint_{name}",
            )
            for name, view in buttons.items()
        ]
        return [*own, *super().get_urls()]

    def test(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Send an event that means nothing."""
        endpoint = self._managed(request, pk)
        if request.method != "POST":
            return self._ask(request, endpoint, f"Send a test to {endpoint}?", "Send it")
        if not endpoint.is_active:
            messages.error(request, "This webhook is disabled. Enable it first.")
            return self._back(endpoint)
        delivery = publishing.send_test(endpoint, timezone.now())
        messages.success(request, "A test is on its way; this page shows what becomes of it.")
        return redirect("admin:webhooks_delivery_change", delivery.pk)

    def rotate(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Replace the secret; the answer shows the new one."""
        endpoint = self._managed(request, pk)
        if request.method != "POST":
            question = f"Give {endpoint} a new secret?"
            return self._ask(
                request, endpoint, question, "Replace it", overlaps=list(OVERLAPS.items())
            )
        hours = request.POST.get("overlap", "")
        if hours not in map(str, OVERLAPS):
            raise Http404
        try:
            overlap = timedelta(hours=int(hours))
            issued = endpoints.rotate(access.of(request), endpoint, overlap, timezone.now())
        except endpoints.MoreThanOwn as error:
            messages.error(request, str(error))
            return self._back(endpoint)
        self.log_change(request, endpoint, "Secret replaced.")
        return self.shown_once(request, issued)

    def enable(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Tell it things again."""
        endpoint = self._managed(request, pk)
        if request.method != "POST":
            return self._ask(request, endpoint, f"Enable {endpoint} again?", "Enable it")
        try:
            values = {"is_active": True}
            endpoints.change(access.of(request), endpoint, values, timezone.now())
        except endpoints.MoreThanOwn as error:
            messages.error(request, str(error))
            return self._back(endpoint)
        self.log_change(request, endpoint, "Enabled.")
        messages.success(request, f"{endpoint} is told what happens from now on.")
        return self._back(endpoint)

    def disable(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Tell it nothing until it is enabled again."""
        endpoint = self._managed(request, pk)
        if request.method != "POST":
            question = f"Disable {endpoint}? What is on its way to it is cancelled."
            return self._ask(request, endpoint, question, "Disable it")
        endpoints.disable(endpoint, Reason.BY_HAND, timezone.now())
        self.log_change(request, endpoint, "Disabled.")
        messages.success(request, f"{endpoint} is disabled.")
        return self._back(endpoint)

    def remove(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Delete it; its deliveries stay on record for a while."""
        endpoint = self._managed(request, pk)
        if request.method != "POST":
            question = f"Delete {endpoint}? What is on its way to it is cancelled."
            return self._ask(request, endpoint, question, "Delete it")
        name = str(endpoint)
        endpoints.delete(endpoint, timezone.now())
        self.log_deletions(request, Endpoint.objects.filter(pk=endpoint.pk))
        messages.success(request, f"{name} is deleted.")
        return redirect("admin:webhooks_endpoint_changelist")

    def _managed(self, request: HttpRequest, pk: Any) -> Endpoint:
        endpoint: Endpoint = self.get_object(request, str(pk))
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        return endpoint

    def _back(self, endpoint: Endpoint) -> HttpResponse:
        return redirect("admin:webhooks_endpoint_change", endpoint.pk)

    def _ask(
        self, request: HttpRequest, endpoint: Endpoint, question: str, button: str, **told: Any
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": str(endpoint),
            "opts": self.opts,
            "back": reverse("admin:webhooks_endpoint_change", args=[endpoint.pk]),
            "question": question,
            "button": button,
            **told,
        }
        return TemplateResponse(request, "admin/confirm.html", context)


def standing(endpoint: Endpoint) -> tuple[str, str]:
    """Return how an endpoint fares: good, warning or bad, and in words."""
    if endpoint.disabled_at:
        by_hand = endpoint.disabled_reason == Reason.BY_HAND
        why = f"{endpoint.get_disabled_reason_display()}, since {endpoint.disabled_at:%d %b, %H:%M}"
        return "warning" if by_hand else "bad", why
    if endpoint.failing_since:
        return "warning", f"Fails since {endpoint.failing_since:%d %b, %H:%M}"
    return "good", "Answers" if endpoint.last_success_at else "Not told anything yet"
