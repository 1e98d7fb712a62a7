"""The admin's pages of organizations, users, and our copy of clinics' records."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import DataError, ProgrammingError, transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from audit.reads import AuditedPages
from clinics import access, search
from clinics.models import (
    Appointment,
    Clinic,
    Location,
    Operatory,
    Organization,
    Patient,
    Practitioner,
    User,
)
from clinics.permissions import Action

#: A sidebar filter that names only clinics of the rows that the user may see.
OWN_CLINICS = ("clinic", admin.RelatedOnlyFieldListFilter)


class TenantAdmin(admin.ModelAdmin):
    """Shows the rows with which the person may do what `to_view` names, and no others.

    `to_change` is what adding, changing and deleting take.
    """

    to_view: Action = Action.VIEW_CLINICS
    to_change: Action = Action.OPERATE

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return access.of(request).visible(super().get_queryset(request), self.to_view)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list; an address that the database cannot make sense of leads back to it."""
        try:
            # A block of its own, which a refused query leaves usable.
            with transaction.atomic():
                return super().changelist_view(request, extra_context)
        except (DataError, ProgrammingError, ValueError):
            if not request.GET:
                raise
            return redirect(request.path)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the row of a page; one of somebody else's is as unknown as one of nobody's."""
        found = super().get_object(request, *args, **kwargs)
        if found is None:
            raise Http404
        return found

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_staff) and access.of(request).may(self.to_view, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_staff) and access.of(request).may(self.to_change)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_staff) and access.of(request).may(self.to_change, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_change_permission(request, obj)


class ReadOnlyAdmin(TenantAdmin):
    """For rows that a person looks at and only the program writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


# What a person may do follows from their membership; groups would be a second, unused way.
admin.site.unregister(Group)


# Roles are given on a page of their own (accounts/membership_admin.py), which knows who may.
@admin.register(User)
class FrontdeskUserAdmin(UserAdmin):
    """Logins, for operators alone. What a login may do is said by its memberships."""

    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    list_filter = ("is_staff", "is_superuser", "is_active")
    filter_horizontal = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_staff) and access.of(request).may(Action.OPERATE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request)


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    list_display = ["name", "created_at"]
    search_fields = ["name"]


@admin.register(Clinic)
class ClinicAdmin(TenantAdmin):
    list_display = ["name", "organization", "timezone"]
    list_select_related = ["organization"]
    search_fields = ["name"]
    change_form_template = "admin/clinic.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        clinic = self.get_object(request, object_id)
        shown = {"opens_metrics": access.of(request).may(Action.VIEW_METRICS, clinic)}
        return super().change_view(request, object_id, form_url, shown | (extra_context or {}))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        # Its records would stay behind with the one that it had.
        return ["organization"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Roles and keys narrowed to it would be left with an id that tells nobody anything.
        return False


class RecordAdmin(ReadOnlyAdmin):
    """One kind of record as the PMS last told it."""

    list_filter = [OWN_CLINICS, "sync_status"]
    list_select_related = ["clinic"]
    show_full_result_count = False
    record_columns = ["clinic", "external_id", "last_synced_at"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [*self.list_display, *self.record_columns]


@admin.register(Location)
class LocationAdmin(RecordAdmin):
    list_display = ["name", "timezone"]


@admin.register(Practitioner)
class PractitionerAdmin(RecordAdmin):
    list_display = ["__str__", "is_active"]
    search_fields = ["first_name", "last_name", "external_id"]


@admin.register(Operatory)
class OperatoryAdmin(RecordAdmin):
    list_display = ["name"]


@admin.register(Patient)
class PatientAdmin(AuditedPages, RecordAdmin):
    patient_attribute = "pk"
    change_form_template = "admin/patient.html"
    to_view = Action.VIEW_PATIENTS
    # Not the fields themselves: a list can be ordered by a field, and ciphertext has no order.
    list_display = ["__str__", "born", "telephone", "is_active"]
    search_fields = ["external_id"]  # makes the search box appear
    search_help_text = search.HELP

    @admin.display(description="birth date")
    def born(self, patient: Patient) -> date | None:
        return patient.birth_date

    @admin.display(description="phone")
    def telephone(self, patient: Patient) -> str:
        return patient.phone

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, _ = super().get_search_results(request, queryset, "")
        return search.patients(found, search_term) if search_term else found, False


@admin.register(Appointment)
class AppointmentAdmin(AuditedPages, RecordAdmin):
    to_view = Action.VIEW_PATIENTS
    list_display = ["__str__", "patient", "practitioner", "operatory", "status"]
    list_filter = [OWN_CLINICS, "status", ("practitioner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["clinic", "patient", "practitioner", "operatory"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]
