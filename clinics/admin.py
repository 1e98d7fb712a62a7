"""The admin's pages of organizations, users, and our copy of clinics' records."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from audit.reads import AuditedPages
from clinics import access
from clinics.models import (
    Appointment,
    Clinic,
    Location,
    Membership,
    Operatory,
    Organization,
    Patient,
    Practitioner,
    User,
)

#: A sidebar filter that names only clinics of the rows that the user may see.
OWN_CLINICS = ("clinic", admin.RelatedOnlyFieldListFilter)


class TenantAdmin(admin.ModelAdmin):
    """Shows members the rows of their own organizations; a superuser sees all."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        return rows if request.user.is_superuser else access.visible(rows, request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_staff


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


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user", "organization"]


@admin.register(User)
class FrontdeskUserAdmin(UserAdmin):
    inlines = [MembershipInline]


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    inlines = [MembershipInline]


@admin.register(Clinic)
class ClinicAdmin(TenantAdmin):
    list_display = ["name", "organization", "timezone"]
    list_select_related = ["organization"]
    search_fields = ["name"]


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
    list_display = ["__str__", "birth_date", "phone", "is_active"]
    search_fields = ["first_name", "last_name", "external_id"]
    search_help_text = "First name, last name or the PMS's id"


@admin.register(Appointment)
class AppointmentAdmin(AuditedPages, RecordAdmin):
    list_display = ["__str__", "patient", "practitioner", "operatory", "status"]
    list_filter = [OWN_CLINICS, "status", ("practitioner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["clinic", "patient", "practitioner", "operatory"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]
