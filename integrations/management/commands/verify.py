"""`manage.py verify`: does an integration work, and what is left of its calls?"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from clinics.finding import NotFound, clinic_called
from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import Integration, IntegrationStatus
from integrations.profiles import missing, profile_of
from integrations.session import open_session
from integrations.standing import breaker_of, breaker_words, calls_left
from tenancy import scope


class Command(BaseCommand):
    help = (
        "Ask a clinic's PMS whom the credential lets in: one call, and one for a new key where "
        "that is due. Tells of the calls left, the breaker, the key and the profile. Exit code 1 "
        "when the PMS does not let us in, or into another account."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "which",
            metavar="CLINIC",
            help="its name or the start of its id, or an integration's id",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with scope.acting("manage.py verify"), scope.everywhere():
            found = _integration(options["which"])
            with scope.organizations(found.organization_id):
                self._verify(found)

    def _verify(self, integration: Integration) -> None:
        say = self.stdout.write
        say(f"{integration}, account {integration.account}")
        wrong, made = "", 0
        try:
            session = open_session(
                integration, Priority.HIGH, correlation="verify", even_if_rejected=True
            )
            try:
                account = session.adapter.verify()
            finally:
                made = session.calls
        except PmsError as error:
            wrong = f"{integration.manifest.title} does not let us in: {error}"
        else:
            say(_line("lets in", f"{account.name or 'without a name'} ({account.id or '–'})"))
            if account.id and account.id != integration.account:
                wrong = f"The credential is another account's: {account.id}."
        integration.refresh_from_db()
        now = timezone.now()
        say(_line("calls", _calls(integration, made, now)))
        say(_line("PMS", breaker_words(breaker_of(integration), now, integration)))
        say(_line("key", _key(integration, now)))
        say(_line("status", _status(integration)))
        say(_line("profile", _profile(integration)))
        if wrong:
            raise CommandError(wrong)


def _integration(text: str) -> Integration:
    """Return the integration of this id or clinic. Raises CommandError."""
    known = Integration.objects.select_related("clinic")
    try:
        if found := known.filter(pk=UUID(text)).first():
            return found
    except ValueError:
        pass  # no id: a name, or the start of a clinic's id
    try:
        clinic = clinic_called(text)
    except NotFound as error:
        raise CommandError(str(error)) from None
    found = known.filter(clinic=clinic).first()
    if found is None:
        raise CommandError(f"{clinic} is not connected to a PMS yet: manage.py connect.")
    return found


def _line(name: str, words: str) -> str:
    return f"  {name:<9}{words}"


def _calls(integration: Integration, made: int, now: datetime) -> str:
    left = {each: calls_left(integration, each, now) for each in Priority}
    return (
        f"{made} made now; {left[Priority.HIGH]} left for people, "
        f"{left[Priority.LOW]} of them for background work"
    )


def _key(integration: Integration, now: datetime) -> str:
    """Say how long the key of a PMS whose keys end is good for."""
    if integration.key_expires_at is None:
        return "does not end"
    local = integration.key_expires_at.astimezone(integration.clinic.zone)
    ended = "" if integration.key_works(now) else "ended, "
    return f"{ended}good until {local:%Y-%m-%d %H:%M} on the clinic's clock"


def _status(integration: Integration) -> str:
    if integration.status == IntegrationStatus.SETUP_REQUIRED and not integration.imported_at:
        return "never synced: manage.py sync"
    return integration.get_status_display().lower()


def _profile(integration: Integration) -> str:
    """Say which operations lack something, by name."""
    gaps = missing(profile_of(integration))
    blocked = sorted({gap.operation for gap in gaps if gap.blocks})
    if not blocked:
        return "complete"
    return f"lacks something for {', '.join(blocked)}: manage.py profile {integration.clinic_id}"
