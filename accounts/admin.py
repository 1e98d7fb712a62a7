"""The admin's pages of logins: API keys here, members in membership_admin.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import keys
from accounts.membership_admin import MembershipAdmin
from accounts.models import USUAL_LIFE, ApiKey
from clinics import access
from clinics.access import Access
from clinics.admin import TenantAdmin
from clinics.models import Clinic, Membership, Organization
from clinics.permissions import SCOPES, WORDS, Action, KeyScope

admin.site.register(Membership, MembershipAdmin)

#: How long a replaced key may work on, in hours, as the page offers it.
OVERLAPS = {0: "not at all", 1: "1 hour", 24: "24 hours", 72: "3 days", 168: "7 days"}


class ApiKeyForm(forms.ModelForm):
    """An API key to be made by whoever `asker` says."""

    asker: Access
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        choices=[
            (scope.value, f"{scope}: {', '.join(sorted(WORDS[each] for each in actions))}")
            for scope, actions in SCOPES.items()
        ],
        initial=[KeyScope.READ.value],
    )
    clinics = forms.ModelMultipleChoiceField(
        Clinic.objects.none(),
        required=False,
        help_text="None chosen: all of the organization's.",
    )

    class Meta:
        model = ApiKey
        fields = ["organization", "name", "scopes", "clinics", "rate_limit", "expires_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        may = self.asker.visible
        own: Any = self.fields
        own["organization"].queryset = may(Organization.objects.all(), Action.MANAGE_ACCESS)
        own["clinics"].queryset = may(Clinic.objects.all(), Action.MANAGE_ACCESS)

    def clean_clinics(self) -> list[Any]:
        return sorted(clinic.pk for clinic in self.cleaned_data["clinics"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            keys.check(self.asker, ApiKey(**cleaned), timezone.now())
        except keys.MoreThanOwn as error:
            self.add_error("scopes", str(error))
        except keys.ForeignClinic as error:
            self.add_error("clinics", str(error))
        except keys.WrongEnd as error:
            self.add_error("expires_at", str(error))
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    """API keys: made, replaced and revoked. A secret is on the page that answers, and no other."""

    to_view = to_change = Action.MANAGE_ACCESS
    form = ApiKeyForm
    add_form_template = "admin/change_form.html"
    change_form_template = "admin/api_key.html"
    list_display = ["name", "prefix", "organization", "standing", "expires_at", "last_used_at"]
    list_filter = [("organization", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["organization"]
    search_fields = ["name", "prefix"]
    shown = [
        *("organization", "name", "prefix", "standing", "may", "for_clinics", "rate_limit"),
        *("created_by", "created_by_key", "created_at", "expires_at", "last_used_at"),
        *("revoked_at", "replaced_by"),
    ]

    @admin.display(description="standing")
    def standing(self, key: ApiKey) -> str:
        """Return in a word whether it works."""
        return key.standing(timezone.now())

    @admin.display(description="scopes")
    def may(self, key: ApiKey) -> str:
        """Return its scopes."""
        return ", ".join(key.scopes)

    @admin.display(description="clinics")
    def for_clinics(self, key: ApiKey) -> str:
        """Return the clinics that it is for."""
        if not key.clinics:
            return "all of the organization's"
        names = Clinic.objects.filter(organization=key.organization, pk__in=key.clinics)
        return ", ".join(str(each) for each in names) or "none that is left"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.shown if obj else ApiKeyForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.shown if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_staff) and _manages_some(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A key is never changed: its buttons ask `may_manage` of themselves.
        return False

    def may_manage(self, request: HttpRequest, key: ApiKey) -> bool:
        """Return whether this person may replace and revoke the key."""
        return TenantAdmin.has_change_permission(self, request, key)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj:  # only looked at
            return super().get_form(request, obj, change, form=forms.ModelForm, **kwargs)
        form = super().get_form(request, obj, change, **kwargs)
        return type("ApiKeyForm", (form,), {"asker": access.of(request)})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"expires_at": timezone.now() + USUAL_LIFE, "scopes": [KeyScope.READ.value]}

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        issued = keys.save(obj, access.of(request), timezone.now())
        request.issued = issued  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self.shown_once(request, request.issued)  # type: ignore[attr-defined]

    def shown_once(self, request: HttpRequest, issued: keys.Issued) -> HttpResponse:
        """Return the page with the secret; it is in no cookie, no session and no other page."""
        context = self.admin_site.each_context(request) | {
            "title": str(issued.key),
            "key": issued.key,
            "text": issued.text,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/api_key_shown_once.html", context)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/rotate/", wrap(self.rotate), name="accounts_apikey_rotate"),
            path("<uuid:pk>/revoke/", wrap(self.revoke), name="accounts_apikey_revoke"),
            *super().get_urls(),
        ]

    def rotate(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Replace a key after asking; the answer shows the new secret."""
        key = self._managed(request, pk)
        if request.method != "POST":
            return self._ask(
                request,
                key,
                question=f"Replace {key} by a key with a new secret?",
                button="Replace it",
                overlaps=OVERLAPS.items(),
            )
        hours = request.POST.get("overlap", "")
        if hours not in map(str, OVERLAPS):
            raise Http404
        try:
            issued = keys.rotate(
                access.of(request), key, timedelta(hours=int(hours)), timezone.now()
            )
        except (keys.KeyEnded, keys.MoreThanOwn) as error:
            messages.error(request, str(error))
            return redirect("admin:accounts_apikey_change", key.pk)
        self.log_change(request, key, f"Replaced by {issued.key}.")
        self.log_addition(request, issued.key, "Made by replacing.")
        return self.shown_once(request, issued)

    def revoke(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """End a key at once, after asking."""
        key = self._managed(request, pk)
        if request.method != "POST":
            return self._ask(
                request,
                key,
                question=f"Revoke {key}, and every key that was made with it? "
                "What uses them is refused from its next request on.",
                button="Revoke it",
            )
        keys.revoke(key, timezone.now())
        self.log_change(request, key, "Revoked.")
        messages.success(request, f"{key} is revoked.")
        return redirect("admin:accounts_apikey_change", key.pk)

    def _managed(self, request: HttpRequest, pk: Any) -> ApiKey:
        key: ApiKey = self.get_object(request, str(pk))
        if not self.may_manage(request, key):
            raise PermissionDenied
        return key

    def _ask(self, request: HttpRequest, key: ApiKey, **told: Any) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": str(key),
            "opts": self.opts,
            "back": reverse("admin:accounts_apikey_change", args=[key.pk]),
            **told,
        }
        return TemplateResponse(request, "admin/confirm.html", context)


def _manages_some(request: HttpRequest) -> bool:
    """Return whether there is an organization, and not only a clinic, whose access they manage."""
    organizations = Organization.objects.all()
    return access.of(request).visible(organizations, Action.MANAGE_ACCESS).exists()
