"""The admin's pages of integrations and of the calls that they made."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from clinics.admin import ReadOnlyAdmin
from integrations.models import BudgetWindow, Integration


@admin.register(Integration)
class IntegrationAdmin(ReadOnlyAdmin):
    """Everything but the secrets: no field of a credential or key is ever rendered."""

    list_display = ["clinic", "pms", "account", "status", "is_sandbox", "key_expires_at"]
    list_filter = ["pms", "status", "is_sandbox"]
    list_select_related = ["clinic"]
    fields = [
        "clinic",
        "pms",
        "account",
        "base_url",
        "is_sandbox",
        "status",
        "error_message",
        "key_renewed_at",
        "key_expires_at",
    ]


@admin.register(BudgetWindow)
class BudgetWindowAdmin(ReadOnlyAdmin):
    """Calls counted in each window: for operators, since an application spans tenants."""

    list_display = ["starts_at", "seconds", "key", "used_high", "used_low", "used"]
    list_filter = ["seconds"]
    date_hierarchy = "starts_at"
    ordering = ["-starts_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BudgetWindow]:
        return BudgetWindow.objects.all()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.is_superuser
