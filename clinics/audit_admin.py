"""The admin's page of the audit: who looked at or changed what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import cached_property

from audit.models import Entry, Subject
from clinics import access
from clinics.admin import ReadOnlyAdmin
from clinics.models import Patient, User
from clinics.permissions import Action

#: How far back the pages reach; narrowed by a filter or a search, they reach further.
REACH = 10_000
#: What entries are about. Not asked of the table, which would be read as a whole.
KINDS = [
    "patient",
    "appointment",
    "writeback",
    "user",
    "membership",
    "organization",
    "clinic",
    "location",
    "practitioner",
    "operatory",
    "integration",
    "API key",
    "webhook",
    "delivery",
]


class NewestPaginator(Paginator):
    """Pages over the newest rows, so that nobody counts millions."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, REACH at most."""
        rows: Any = self.object_list
        return rows[:REACH].count()


class KindFilter(admin.SimpleListFilter):
    """The kind of record."""

    title = "record"
    parameter_name = "record_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind.capitalize()) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(record_type=self.value()) if self.value() else queryset


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """Entries, newest first; those of no organization, such as logins, are for operators."""

    to_view = Action.VIEW_AUDIT
    list_display = ["at", "who", "action", "record_type", "records", "changed", "address"]
    list_filter = ["action", KindFilter, ("at", admin.DateFieldListFilter)]
    ordering = ["-id"]
    paginator = NewestPaginator
    show_full_result_count = False
    search_fields = ["patient_ids"]
    search_help_text = "A patient's id here or in the PMS, or a username"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        names = User.objects.filter(pk=OuterRef("user_id")).values("username")
        rows = super().get_queryset(request)
        if access.of(request).is_operator:
            rows = rows | Entry.objects.filter(organization_id=None)
        return rows.annotate(username=Subquery(names))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if super().has_view_permission(request, obj):
            return True
        of_none = obj is None or obj.organization_id is None
        return bool(request.user.is_staff) and access.of(request).is_operator and of_none

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        """Search for exactly this patient or person."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            patients = [UUID(term)]
        except ValueError:
            named = Patient.objects.filter(external_id=term)
            known = access.of(request).visible(named, Action.VIEW_PATIENTS)
            patients = list(known.values_list("pk", flat=True)[:100])
        people = list(User.objects.filter(username=term).values_list("pk", flat=True))
        found = Subject.objects.filter(patient_ids__overlap=patients).order_by("-entry_id")
        about = list(found.values_list("entry_id", flat=True)[:REACH]) if patients else []
        return queryset.filter(Q(user_id__in=people) | Q(pk__in=about)), False

    @admin.display(description="who")
    def who(self, entry: Entry) -> str:
        """Return the person's name and as what they did it, as far as known."""
        person = getattr(entry, "username", None)
        if entry.user_id and not person:
            person = f"user {entry.user_id}"
        return ", ".join(filter(None, [person, entry.role])) or "–"

    @admin.display(description="records")
    def records(self, entry: Entry) -> str:
        """Return how the record's id begins, or how many there are."""
        ids = entry.record_ids
        if len(ids) != 1:
            return f"{len(ids):,}"
        return ids[0] if len(ids[0]) <= 8 else f"{ids[0][:8]}…"

    @admin.display(description="changed")
    def changed(self, entry: Entry) -> str:
        """Return the names of the columns that changed."""
        return ", ".join(entry.fields) or "–"
