"""Note who reads which records of patients, before the data leaves: unnoted, nothing is shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework.generics import GenericAPIView

from audit import entries
from audit.models import Action
from tenancy.scope import NOTHING, current

#: Parameters that turn pages, and narrow nothing.
PAGING = frozenset({"cursor", "page_size"})


def record(
    action: Action, model: type[Model], rows: Iterable[Any], *, patient: str, **details: Any
) -> None:
    """Write one entry for each organization whose rows are read, with the ids of all of them.

    `patient` names the attribute that holds the id of the patient a row is about, or None.
    Also a search that finds nothing leaves an entry. Raises DatabaseError where one cannot be
    written; then the rows must not be shown.
    """
    by_tenant: dict[UUID | None, list[Any]] = defaultdict(list)
    for row in rows:
        by_tenant[row.organization_id].append(row)
    for organization_id, read in (by_tenant or {_sole_tenant(): []}).items():
        patients = {getattr(row, patient) for row in read} - {None}
        entries.write(
            action,
            str(model._meta.verbose_name),
            organization_id=organization_id,
            record_ids=[row.pk for row in read],
            patient_ids=sorted(patients),
            details={"count": len(read), **details},
        )


def _sole_tenant() -> UUID | None:
    tenants = (current() or NOTHING).organizations
    return next(iter(tenants)) if len(tenants) == 1 else None


class AuditedReads(GenericAPIView[Any]):
    """Before a viewset's other bases: notes each page of the API and each single record."""

    #: The attribute with the id of the patient that a row is about.
    patient_attribute = "patient_id"

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        """Return the rows of the page, once they are noted."""
        rows = super().paginate_queryset(queryset)
        # The names of the parameters only: their values may be a patient's.
        narrowed_by = sorted(self.request.query_params.keys() - PAGING)
        details = {"narrowed_by": narrowed_by} if narrowed_by else {}
        record(Action.LIST, queryset.model, rows or (), patient=self.patient_attribute, **details)
        return rows

    def get_object(self) -> Any:
        """Return the record, once it is noted."""
        row: Any = super().get_object()
        record(Action.VIEW, type(row), [row], patient=self.patient_attribute)
        return row


class AuditedPages(admin.ModelAdmin):
    """Before an admin's other bases: notes its lists, searches and pages of single records."""

    #: The attribute with the id of the patient that a row is about.
    patient_attribute = "patient_id"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the list, not rendered yet, once its rows are noted."""
        response = super().changelist_view(request, extra_context)
        # Else it is the way back from an address that is not understood, and shows no row.
        if found := (getattr(response, "context_data", None) or {}).get("cl"):
            action = Action.SEARCH if found.query else Action.LIST
            self._record(action, found.result_list, page=found.page_num)
        return response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Return the page of one record, once it is noted."""
        if row := context.get("original"):
            self._record(Action.VIEW, [row])
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return the admin's own history of one record, whose title names it, once it is noted."""
        response = super().history_view(request, object_id, extra_context)
        if row := (getattr(response, "context_data", None) or {}).get("object"):
            self._record(Action.VIEW, [row])
        return response

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search for the list; choosing a record by its first letters would be an unnoted way."""
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            raise PermissionDenied
        return super().get_search_results(request, queryset, search_term)

    def _record(self, action: Action, rows: Iterable[Any], **details: Any) -> None:
        record(action, self.model, rows, patient=self.patient_attribute, **details)
