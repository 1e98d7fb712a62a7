"""The admin's buttons of a writeback: cancel, retry, look now, decide; for one or for many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from clinics import access
from clinics.admin import ReadOnlyAdmin
from clinics.permissions import Action
from writebacks import steering
from writebacks.models import Writeback
from writebacks.services import Asker
from writebacks.states import Status

#: Writebacks that one choice in the list may carry along; it is made again for the rest.
AT_ONCE = 200


class DecisionForm(forms.Form):
    """What a person found in the PMS, and how they know."""

    decision = forms.ChoiceField(
        label="What did you find?",
        choices=[
            ("completed", "It stands in the PMS."),
            ("failed", "It does not stand there, and shall not be sent again."),
            ("again", "It does not stand there: send it again."),
        ],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label="How do you know?",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="It is kept with the writeback: no names or other data of patients.",
    )


def possible(writeback: Writeback) -> set[str]:
    """Return the buttons that its state allows; when pressed, the model says whether it still
    does."""
    match Status(writeback.status):
        case Status.QUEUED:
            return {"cancel"}
        case Status.PENDING:
            withdraws = writeback.integration.manifest.withdraws
            return {"look", "cancel"} if withdraws and not writeback.withdraw_asked_at else {"look"}
        case Status.UNCONFIRMED:
            return {"look", "decide"}
        case Status.FAILED | Status.CANCELLED:
            return set() if hasattr(writeback, "retried_as") else {"retry"}
    return set()


class SteeringAdmin(ReadOnlyAdmin):
    """Adds what a person may do with writebacks at clinics where they may ask for changes."""

    actions = ["look_now_at_selected", "retry_selected"]

    def has_book_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether they may ask for changes: of this one, or anywhere at all."""
        return bool(request.user.is_staff) and access.of(request).may(Action.BOOK, obj)

    def get_urls(self) -> list[URLPattern]:
        buttons = {
            "cancel": self.cancel,
            "retry": self.retry,
            "look": require_POST(self.look),
            "decide": self.decide,
        }
        return [
            *(
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"writebacks_writeback_{name}",
                )
                for name, view in buttons.items()
            ),
            *super().get_urls(),
        ]

    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Withdraw it, after asking."""
        writeback = self._mine(request, object_id)
        if request.method != "POST":
            return self._ask(request, writeback, "cancel", _cancelling(writeback), "Withdraw it")
        if self._done(request, lambda now: steering.withdraw(writeback, now, _person(request))):
            self.log_change(request, writeback, "Withdrew it.")
            if writeback.status == Status.CANCELLED:
                messages.success(request, "It is withdrawn; nothing of it has reached the PMS.")
            else:
                messages.success(request, "The PMS is being asked to take it back.")
        return redirect(_page(writeback))

    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for it once more, after asking whether that is meant."""
        writeback = self._mine(request, object_id)
        if request.method != "POST":
            question = f"Ask the PMS for it again, as a new writeback in place of {writeback}?"
            return self._ask(request, writeback, "retry", question, "Ask again")
        made: list[Writeback] = []

        def again(now: datetime) -> None:
            made.append(steering.retry(writeback, Asker(user=_person(request)), now)[0])

        if not self._done(request, again):
            return redirect(_page(writeback))
        self.log_change(request, writeback, f"Asked for it again as {made[0].pk}.")
        messages.success(request, "It is asked for again: this is the new writeback.")
        return redirect(_page(made[0]))

    def look(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Have the PMS asked about it now."""
        writeback = self._mine(request, object_id)
        if self._done(request, lambda now: steering.look_again(writeback, now)):
            messages.success(
                request, "The PMS is being asked; load the page again in a few seconds."
            )
        return redirect(_page(writeback))

    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take down what a person found in the PMS, with how they know."""
        writeback = self._mine(request, object_id)
        form = DecisionForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            question = "Look for it in the PMS itself first: what you say here is not checked."
            return self._ask(request, writeback, "decide", question, "Decide", form)
        found, reason = form.cleaned_data["decision"], form.cleaned_data["reason"]

        def take_down(now: datetime) -> None:
            steering.decide(writeback, found, reason, now, _person(request))

        if self._done(request, take_down):
            self.log_change(request, writeback, f"Decided: {found}.")
            messages.success(request, "Your decision is carried out.")
        return redirect(_page(writeback))

    @admin.action(description="Look now: ask the PMS about the selected", permissions=["book"])
    def look_now_at_selected(self, request: HttpRequest, queryset: QuerySet[Writeback]) -> None:
        """Have the PMS asked about each of them that is open."""
        done = self._each(request, queryset, steering.look_again)
        if done:
            messages.success(request, f"The PMS is being asked about {_counted(done)}.")

    @admin.action(description="Retry: ask again for the selected", permissions=["book"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Writeback]) -> None:
        """Ask for each of them again that has failed."""
        asker = Asker(user=_person(request))

        def again(writeback: Writeback, now: datetime) -> None:
            new, _ = steering.retry(writeback, asker, now)
            self.log_change(request, writeback, f"Asked for it again as {new.pk}.")

        done = self._each(request, queryset, again)
        if done:
            messages.success(request, f"Asked again for {_counted(done)}.")

    def _mine(self, request: HttpRequest, object_id: str) -> Writeback:
        """Return the one of this page, if the person may ask for changes at its clinic."""
        writeback: Writeback = self.get_object(request, object_id)
        if not self.has_book_permission(request, writeback):
            raise PermissionDenied
        return writeback

    def _ask(
        self,
        request: HttpRequest,
        writeback: Writeback,
        button: str,
        question: str,
        label: str,
        form: forms.Form | None = None,
    ) -> HttpResponse:
        """Return the page that asks for confirmation; the way back where its state allows none."""
        if button not in possible(writeback):
            messages.error(request, f"It is {writeback.status}: this cannot be done with it now.")
            return redirect(_page(writeback))
        context = self.admin_site.each_context(request) | {
            "title": str(writeback),
            "opts": self.opts,
            "writeback": writeback,
            "back": _page(writeback),
            "question": question,
            "button": label,
            "form": form,
        }
        return TemplateResponse(request, "admin/writeback_confirm.html", context)

    def _done(self, request: HttpRequest, step: Callable[[datetime], None]) -> bool:
        """Take a step; where it is refused, say why and return False."""
        try:
            step(timezone.now())
        except steering.REFUSALS as refused:
            messages.error(request, str(refused))
            return False
        return True

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Writeback],
        step: Callable[[Writeback, datetime], Any],
    ) -> int:
        """Take a step with each that the person may steer; return how many took it, and say of
        the others why they did not."""
        chosen = queryset.count()
        mine = access.of(request).visible(queryset, Action.BOOK)
        rows = mine.select_related("integration", "clinic").order_by("created_at")[:AT_ONCE]
        refused: Counter[str] = Counter()
        done = 0
        for writeback in rows:
            try:
                step(writeback, timezone.now())
                done += 1
            except steering.REFUSALS as error:
                refused[str(error)] += 1
        for text, count in refused.most_common():
            messages.warning(request, f"Not for {_counted(count)}: {text}")
        if left := chosen - done - refused.total():
            why = f"beyond the first {AT_ONCE}, or at clinics where you may not ask for changes"
            messages.warning(request, f"Not for {_counted(left)}: {why}.")
        return done


def _person(request: HttpRequest) -> Any:
    return request.user


def _page(writeback: Writeback) -> str:
    return reverse("admin:writebacks_writeback_change", args=[writeback.pk])


def _counted(count: int) -> str:
    return f"{count} writeback{'' if count == 1 else 's'}"


def _cancelling(writeback: Writeback) -> str:
    """Return the question, with what it means in this state."""
    waiting = writeback.dependents.filter(status=Status.QUEUED).count()
    verbs = "waits for it fails" if waiting == 1 else "wait for it fail"
    too = f" {_counted(waiting)} that {verbs} with it." if waiting else ""
    if writeback.status == Status.QUEUED:
        return f"Withdraw {writeback}? Nothing of it has reached the PMS.{too}"
    return (
        f"Withdraw {writeback}? The PMS has it and may have carried it out by now: then it "
        f"stands, and is shown as completed.{too}"
    )
