"""The admin's buttons of a run: cancel, release, and accept as gone what has vanished."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from clinics import access
from clinics.admin import ReadOnlyAdmin
from clinics.permissions import Action
from sync import holding, requesting, steering
from sync.models import SyncRun
from sync.states import Status


class AcceptForm(forms.Form):
    """Why somebody believes that records are gone."""

    reason = forms.CharField(
        label="How do you know?",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept in the run's history: no names or other data of patients.",
    )


class SteeringAdmin(ReadOnlyAdmin):
    """Adds what a person may do with runs at clinics whose records they may have fetched."""

    def has_sync_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether they may have records fetched: of this clinic, or anywhere at all."""
        return bool(request.user.is_staff) and access.of(request).may(Action.SYNC, obj)

    def has_accept_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether they may say that records are gone: those who manage the link as well."""
        manages = access.of(request).may(Action.MANAGE_CONNECTIONS, obj)
        return manages and self.has_sync_permission(request, obj)

    def buttons(self, request: HttpRequest, run: SyncRun) -> set[str]:
        """Return the buttons that its state and the person's role allow."""
        if not self.has_sync_permission(request, run):
            return set()
        if run.is_open:
            return {"cancel", "release"}
        held = run.status == Status.HELD and not holding.is_outdated(run)
        accepts = held and self.has_accept_permission(request, run)
        return {"sync", "accept"} if accepts else {"sync"}

    def get_urls(self) -> list[URLPattern]:
        buttons = {"cancel": self.cancel, "release": self.release, "accept": self.accept}
        return [
            *(
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"sync_syncrun_{name}",
                )
                for name, view in buttons.items()
            ),
            *super().get_urls(),
        ]

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End it, after asking; what it has stored stays."""
        run = self._mine(request, object_id)
        if request.method != "POST":
            question = "End this run? What it has read is kept, and the next one reads the rest."
            return self._ask(request, run, "cancel", question, "End it")
        if requesting.cancel(run, timezone.now()):
            self.log_change(request, run, "Cancelled it.")
            messages.success(request, "It is cancelled.")
        else:
            messages.error(request, "It had ended already.")
        return redirect(_page(run))

    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take it from whoever holds it, after asking."""
        run = self._mine(request, object_id)
        if request.method != "POST":
            question = (
                "Take this run from the worker that has it, and make it due now? Meant for one "
                "that gives no sign any more, or need not wait: what it has read is kept, and a "
                "page that is on its way is read again."
            )
            return self._ask(request, run, "release", question, "Release it")
        if steering.release(run, timezone.now()):
            self.log_change(request, run, "Released it.")
            messages.success(request, "It is due now; a worker goes on with it within seconds.")
        else:
            messages.error(request, "It had ended already.")
        return redirect(_page(run))

    def accept(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have everything read once more, and what is missing then be removed; with a reason."""
        run = self._mine(request, object_id)
        if not self.has_accept_permission(request, run):
            raise PermissionDenied
        form = AcceptForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            question = (
                f"The PMS's lists did not have {run.checkpoint.vanished:,} of our records any "
                "more. Look at the PMS first: a filter, a moved site or a key with fewer rights "
                "looks just like this. If they really are gone, everything is read once more, and "
                "what is missing then counts as removed. It comes back if the PMS shows it again."
            )
            return self._ask(request, run, "accept", question, "They are gone", form)
        try:
            new = holding.accept(run, timezone.now(), user=_person(request))
        except holding.CannotAccept as error:
            messages.error(request, error.message)
            return redirect(_page(run))
        except requesting.Running as error:
            messages.error(request, "A run is under way: accept it when that has ended.")
            return redirect(_page(error.run))
        reason = form.cleaned_data["reason"]
        self.log_change(request, run, f"Accepted what has vanished, in run {new.pk}: {reason}")
        self.log_change(request, new, f"Made to accept what has vanished: {reason}")
        messages.success(request, "Everything is being read; what is missing then is removed.")
        return redirect(_page(new))

    def _mine(self, request: HttpRequest, object_id: str) -> SyncRun:
        """Return the one of this page, if the person may have that clinic's records fetched."""
        run: SyncRun = self.get_object(request, object_id)
        if not self.has_sync_permission(request, run):
            raise PermissionDenied
        return run

    def _ask(
        self,
        request: HttpRequest,
        run: SyncRun,
        button: str,
        question: str,
        label: str,
        form: forms.Form | None = None,
    ) -> HttpResponse:
        """Return the page that asks for confirmation; the way back where its state allows none."""
        if button not in self.buttons(request, run):
            said = run.get_status_display().lower()
            messages.error(request, f"It is {said}: this cannot be done with it now.")
            return redirect(_page(run))
        context: dict[str, Any] = self.admin_site.each_context(request) | {
            "title": str(run),
            "opts": self.opts,
            "run": run,
            "back": _page(run),
            "question": question,
            "button": label,
            "form": form,
        }
        return TemplateResponse(request, "admin/sync_confirm.html", context)


def _page(run: SyncRun) -> str:
    return reverse("admin:sync_syncrun_change", args=[run.pk])


def _person(request: HttpRequest) -> Any:
    """Return the person at the page; only those with a login come here."""
    return request.user
