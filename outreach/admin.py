"""The admin's pages: whom to call today with its buttons, and the thresholds."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from audit.models import Action as Noted
from audit.reads import AuditedPages
from clinics import access
from clinics.admin import ReadOnlyAdmin, TenantAdmin
from clinics.models import Clinic, User
from clinics.permissions import Action
from outreach import calling
from outreach.models import CallTask, Thresholds
from outreach.outcomes import CALLS_AGAIN, Outcome
from outreach.page import SHOWS, OutcomeForm, SnoozeForm, around, asked_for, shown_page
from outreach.scoring import Limits


@admin.register(CallTask)
class CallTaskAdmin(AuditedPages, ReadOnlyAdmin):
    """The list of whom to call, one clinic at a time, and the buttons beside each patient."""

    to_view = Action.VIEW_PATIENTS
    fields = [
        *("clinic", "patient", "status", "priority", "engagement", "risk", "because"),
        *("made_at", "not_before", "outcome", "note", "called_by", "called_by_key"),
        *("closed_at", "again_on"),
    ]

    @admin.display(description="reasons")
    def because(self, task: CallTask) -> str:
        """Return the reasons in words."""
        return "; ".join(task.told_why)

    def has_call_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether they may work through the list: of this clinic, or anywhere at all."""
        return bool(request.user.is_staff) and access.of(request).may(Action.CALL_PATIENTS, obj)

    def get_urls(self) -> list[URLPattern]:
        buttons = {"outcome": self.outcome, "undo": self.undo, "snooze": self.snooze}
        return [
            *(
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(require_POST(view)),
                    name=f"outreach_calltask_{name}",
                )
                for name, view in buttons.items()
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Return one clinic's list, once the patients on the page are noted."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        clinics = list(access.of(request).visible(Clinic.objects.all(), self.to_view))
        clinic = _chosen(clinics, request.GET.get("clinic", ""))
        if clinic is None and "clinic" in request.GET:
            return redirect(request.path)
        context = self.admin_site.each_context(request) | {
            "title": "Whom to call today",
            "opts": self.opts,
            "clinics": clinics,
            "clinic": clinic,
        }
        if clinic is not None:
            context |= self._list(request, clinic)
        return TemplateResponse(request, "admin/outreach_list.html", context)

    def _list(self, request: HttpRequest, clinic: Clinic) -> dict[str, Any]:
        now = timezone.now()
        asked = asked_for(clinic, request.GET)
        page = shown_page(asked, now)
        self._record(Noted.LIST, page.object_list, page=page.number)
        return around(asked, now) | {
            "asked": asked,
            "page": page,
            "shows": [(name, title, name == asked.show) for name, title in SHOWS.items()],
            "outcomes": Outcome.choices,
            "reached": [each for each in Outcome.choices if each[0].startswith("reached")],
            "dated": ", ".join(each.label.lower() for each in CALLS_AGAIN),
            "may_call": self.has_call_permission(request, clinic),
            "now": now,
        }

    def outcome(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep what came of a call."""
        task = self._mine(request, object_id)
        form = OutcomeForm(request.POST)
        if not form.is_valid():
            return self._back(request, task, error=_first_error(form))
        said = form.cleaned_data
        try:
            done = calling.record(
                task,
                Outcome(said["outcome"]),
                calling.Caller(user=_person(request)),
                timezone.now(),
                note=said["note"],
                again=said["call_again_on"] if said["outcome"] in CALLS_AGAIN else None,
            )
        except calling.Refused as error:
            return self._back(request, task, error=error.message)
        again = f" Not listed before {done.again_on:%d %b}." if done.again_on else ""
        return self._back(request, task, f"{done.get_outcome_display()}.{again}")

    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take an outcome back."""
        task = self._mine(request, object_id)
        try:
            calling.undo(task, timezone.now())
        except calling.Refused as error:
            return self._back(request, task, error=error.message)
        return self._back(request, task, "Undone: the patient is on the list again.")

    def snooze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put a call off to a date."""
        task = self._mine(request, object_id)
        form = SnoozeForm(request.POST)
        if not form.is_valid():
            return self._back(request, task, error=_first_error(form))
        until = form.cleaned_data["call_again_on"]
        try:
            calling.snooze(task, until, timezone.now())
        except calling.Refused as error:
            return self._back(request, task, error=error.message)
        return self._back(request, task, f"Put off until {until:%d %b %Y}.")

    def _mine(self, request: HttpRequest, object_id: str) -> CallTask:
        """Return the call of this page, if the person may work through that clinic's list."""
        task: CallTask = self.get_object(request, object_id)
        if not self.has_call_permission(request, task):
            raise PermissionDenied
        return task

    def _back(
        self, request: HttpRequest, task: CallTask, done: str = "", error: str = ""
    ) -> HttpResponse:
        """Lead back to the list as it was, with a message that names no patient."""
        if error:
            messages.error(request, error)
        else:
            messages.success(request, done)
        query = asked_for(task.clinic, QueryDict(request.POST.get("back", ""))).query
        return redirect(f"{reverse('admin:outreach_calltask_changelist')}?{query}")


@admin.register(Thresholds)
class ThresholdsAdmin(TenantAdmin):
    """From where on something counts, clinic by clinic; a clinic without a row has the usual."""

    to_view, to_change = Action.VIEW_CONNECTIONS, Action.MANAGE_CONNECTIONS
    list_display = ["clinic", "differs"]
    list_select_related = ["clinic"]
    ordering = ["clinic__name"]
    fieldsets = [
        (None, {"fields": ["clinic"]}),
        ("Engagement", {"fields": ["active_days"]}),
        (
            "Days without contact",
            {"fields": ["high_after_days", "medium_after_days", "unbooked_after_days"]},
        ),
        (
            "Attendance",
            {
                "fields": [
                    *("high_attendance", "high_attendance_visits"),
                    *("medium_attendance", "medium_attendance_visits"),
                ]
            },
        ),
        ("Missed visits", {"fields": ["high_missed", "medium_missed", "missed_days"]}),
        ("Recall", {"fields": ["recall_from_days", "recall_until_days"]}),
        ("The list", {"fields": ["lists_up_to", "no_answer_days", "will_think_days"]}),
    ]

    @admin.display(description="differs from the usual in")
    def differs(self, thresholds: Thresholds) -> str:
        """Return which limits are the clinic's own."""
        usual, own = Limits(), thresholds.limits
        names = [name for name in Limits.__slots__ if getattr(usual, name) != getattr(own, name)]
        return ", ".join(name.replace("_", " ") for name in names) or "nothing"

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["clinic"] if obj else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "clinic":
            clinics = access.of(request).visible(Clinic.objects.all(), self.to_change)
            kwargs["queryset"] = clinics.filter(outreach_thresholds=None)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Thresholds, form: Any, change: bool) -> None:
        obj.organization_id = obj.clinic.organization_id
        super().save_model(request, obj, form, change)


def _chosen(clinics: list[Clinic], text: str) -> Clinic | None:
    """Return the clinic of the address, or the first; None where there is no such one."""
    if not text:
        return clinics[0] if clinics else None
    try:
        pk = UUID(text)
    except ValueError:
        return None
    return next((clinic for clinic in clinics if clinic.pk == pk), None)


def _first_error(form: forms.Form) -> str:
    return str(next(iter(form.errors.values()))[0])


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
