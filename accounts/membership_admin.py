"""The admin's page of members: roles, and temporary access that ends by itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import PermissionDenied
from django.db.models import F, Func, IntegerField, OuterRef, QuerySet
from django.db.models.lookups import IsNull
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from accounts import memberships
from clinics import access
from clinics.access import Access
from clinics.admin import TenantAdmin
from clinics.models import Clinic, Membership, Organization, User
from clinics.permissions import Action


class MembershipForm(forms.ModelForm):
    """A role to be given by whoever `asker` says."""

    asker: Access
    clinics = forms.ModelMultipleChoiceField(
        Clinic.objects.none(),
        required=False,
        help_text="None chosen: all of the organization's.",
    )

    class Meta:
        model = Membership
        fields = ["organization", "role", "clinics", "ends_at", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own: Any = self.fields
        may = self.asker.visible
        clinics = may(Clinic.objects.all(), Action.MANAGE_ACCESS)
        if self.instance.pk:
            clinics = clinics.filter(organization=self.instance.organization_id)
        own["clinics"].queryset = clinics
        if "organization" in own:
            own["organization"].queryset = may(Organization.objects.all(), Action.MANAGE_ACCESS)

    def clean_clinics(self) -> list[Any]:
        chosen = sorted(clinic.pk for clinic in self.cleaned_data["clinics"])
        stands = self.instance.clinics
        if not chosen and not Clinic.objects.filter(pk__in=stands).exists():
            # None of its clinics is left, so none was there to choose: that is not to choose all.
            return stands
        return chosen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        given = Membership(
            pk=self.instance.pk,
            user=cleaned.get("username") or self.instance.user,
            organization=cleaned.get("organization") or self.instance.organization,
            role=cleaned["role"],
            ends_at=cleaned["ends_at"],
            reason=cleaned["reason"],
        )
        clinics = list(Clinic.objects.filter(pk__in=cleaned["clinics"]))
        try:
            memberships.check(self.asker, given, clinics, timezone.now())
        except memberships.Refused as refused:
            field = refused.field if refused.field in self.fields else None
            self.add_error(field, str(refused))
        self.instance.user = given.user
        cleaned["reason"] = given.reason
        return cleaned


class NewMembershipForm(MembershipForm):
    """The same for somebody new: known by their username, and not picked from a list."""

    username = forms.CharField(
        max_length=150, help_text="Exactly as the person logs in; an operator makes new logins."
    )

    class Meta(MembershipForm.Meta):
        pass

    def clean_username(self) -> User:
        user = User.objects.filter(username=self.cleaned_data["username"], is_active=True).first()
        if user is None:
            raise forms.ValidationError("There is nobody of this username. Ask an operator.")
        return user


class MembershipAdmin(TenantAdmin):
    """Roles of people in organizations; ended ones stay on record."""

    to_view = to_change = Action.MANAGE_ACCESS
    change_form_template = "admin/membership.html"
    list_display = ["user", "organization", "label", "at", "ends_at", "granted_by"]
    list_filter = ["role", ("organization", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["user", "organization", "granted_by"]
    search_fields = ["user__username"]
    ordering = ["organization__name", "user__username"]
    changed = ["role", "clinics", "ends_at", "reason"]
    fixed = ["user", "organization", "granted_by", "created_at"]

    @admin.display(description="role", ordering="role")
    def label(self, membership: Membership) -> str:
        """Return the role, and of temporary access that it is."""
        return membership.label

    @admin.display(description="clinics")
    def at(self, membership: Membership) -> str:
        """Return the clinics that it is narrowed to."""
        if not membership.clinics:
            return "all"
        return ", ".join(membership.clinic_names) or "none that is left"  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        place = Func(
            OuterRef("clinics"), F("pk"), function="array_position", output_field=IntegerField()
        )
        names = Clinic.objects.filter(IsNull(place, False)).values("name")
        return super().get_queryset(request).annotate(clinic_names=ArraySubquery(names))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj and not self.has_change_permission(request, obj):  # names to be read, and no ids
            return [*self.fixed, *("at" if each == "clinics" else each for each in self.changed)]
        return [*self.fixed, *self.changed] if obj else ["username", "organization", *self.changed]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fixed if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        organizations = Organization.objects.all()
        managed = access.of(request).visible(organizations, self.to_change)
        return bool(request.user.is_staff) and managed.exists()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        has_ended = bool(obj and obj.ends_at and obj.ends_at <= timezone.now())
        return super().has_change_permission(request, obj) and not has_ended

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # ended, and kept on record

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = MembershipForm if obj else NewMembershipForm
        form = super().get_form(request, obj, change, **kwargs)
        return type("MembershipForm", (form,), {"asker": access.of(request)})

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        obj.granted_by = request.user  # type: ignore[assignment]
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        end = path(
            "<int:pk>/end/",
            self.admin_site.admin_view(self.end),
            name="clinics_membership_end",
        )
        return [end, *super().get_urls()]

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a role or temporary access at once, after asking."""
        membership: Membership = self.get_object(request, str(pk))
        if not self.has_change_permission(request, membership):
            raise PermissionDenied
        back = reverse("admin:clinics_membership_change", args=[membership.pk])
        if request.method != "POST":
            context = self.admin_site.each_context(request) | {
                "title": str(membership),
                "opts": self.opts,
                "back": back,
                "question": f"End the access of {membership} to {membership.organization} now?",
                "button": "End it now",
            }
            return TemplateResponse(request, "admin/confirm.html", context)
        try:
            memberships.end(access.of(request), membership, timezone.now())
        except memberships.Refused as refused:
            messages.error(request, str(refused))
            return redirect(back)
        self.log_change(request, membership, "Ended.")
        messages.success(request, f"The access of {membership.user} has ended.")
        return redirect("admin:clinics_membership_changelist")
