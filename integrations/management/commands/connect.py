"""`manage.py connect`: give a clinic its PMS, once the credential is seen to work."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from clinics.models import Clinic, Organization, validate_timezone
from integrations import connecting, registry
from integrations.contract import Manifest
from integrations.http.errors import PmsError
from integrations.management import credentials, prompts
from integrations.models import Integration
from tenancy import scope

_INTERRUPTED = 130  # what shells make of Ctrl-C


class Command(BaseCommand):
    help = (
        "Connect a clinic to its PMS. Asks for what is not given, tries the credential with one "
        "call or two, and saves nothing unless it works. Secrets are typed without an echo, or "
        "come from --credential-file, from stdin (--credential-file -) or from the environment "
        f"({credentials.PREFIX} and the field's name in capitals), never from an argument."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pms", choices=sorted(registry.ADAPTERS))
        parser.add_argument("--clinic", default="", metavar="NAME", help="made where there is none")
        parser.add_argument(
            "--organization", default="", metavar="NAME", help="of the clinic; made likewise"
        )
        parser.add_argument(
            "--timezone", default="", metavar="ZONE", help="of a new clinic: America/Chicago"
        )
        parser.add_argument(
            "--base-url", default="", metavar="URL", help="where it is not the vendor's own"
        )
        parser.add_argument(
            "--account", default="", metavar="ID", help="the PMS's id of the practice, if not told"
        )
        parser.add_argument(
            "--options", default="", metavar="FILE", help="JSON that describes a rest service"
        )
        parser.add_argument(
            "--credential-file", default="", metavar="FILE", help="JSON; - is stdin"
        )
        parser.add_argument(
            "--sandbox", action="store_true", help="a simulated PMS, maybe at a private address"
        )
        parser.add_argument(
            "--no-input", "--noinput", action="store_true", help="ask nothing; fail instead"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.asks = not options["no_input"] and sys.stdin.isatty()
        with scope.acting("manage.py connect"), scope.everywhere():
            try:
                self._connect(options)
            except (KeyboardInterrupt, EOFError):
                raise CommandError("Stopped; nothing was saved.", returncode=_INTERRUPTED) from None
            except ValueError as error:  # ours, and Unusable; without a secret
                raise CommandError(str(error)) from None

    def _connect(self, options: dict[str, Any]) -> None:
        manifest = registry.manifest(options["pms"])
        clinic = self._clinic(options)
        if not clinic._state.adding:
            connecting.refuse_second(clinic)
        link = self._link(manifest, options)
        try:
            trial = connecting.try_out(link, timezone.now)
        except PmsError as error:
            raise CommandError(
                f"{manifest.title} does not let us in: {error} Nothing was saved.{_hint()}"
            ) from None
        account = trial.integration.account
        self.stdout.write(
            f"{manifest.title} lets us in as {trial.account.name or 'a practice without a name'} "
            f"(account {account})."
        )
        if self.asks and not prompts.agree(f"Connect it to {clinic}?"):
            raise CommandError("Nothing was saved.")
        with transaction.atomic():
            if clinic.organization._state.adding:
                clinic.organization.save()
            if clinic._state.adding:
                clinic.save()
            integration = connecting.keep(trial, clinic)
        self._tell_what_is_next(integration)

    def _link(self, manifest: Manifest, options: dict[str, Any]) -> connecting.Link:
        """Return the link that options and answers describe."""
        described = credentials.options_of(options["options"]) if options["options"] else {}
        credential = credentials.gather(
            manifest, options["credential_file"], may_ask=self.asks, say=self.stdout.write
        )
        base_url = options["base_url"] or registry.base_url(manifest.name, credential)
        if not base_url and self.asks:
            base_url = prompts.ask(self.stdout.write, "Base URL of its API")
        if not base_url:
            raise CommandError("Only the practice knows where its service is: give --base-url.")
        return connecting.Link(
            pms=manifest.name,
            base_url=base_url.rstrip("/"),
            credential=credential,
            options=described,
            account=options["account"],
            is_sandbox=options["sandbox"],
        )

    # --- Which clinic ---

    def _clinic(self, options: dict[str, Any]) -> Clinic:
        """Return the clinic to connect; a new one is not saved yet, nor its organization."""
        name = options["clinic"]
        found = Clinic.objects.select_related("organization")
        if options["organization"]:
            found = found.filter(organization__name__iexact=options["organization"])
        if not name and self.asks:
            free = {
                f"{each} ({each.organization})": each for each in found.filter(integration=None)
            }
            self.stdout.write("Which clinic?")
            if chosen := prompts.choose(self.stdout.write, "Clinic", list(free), "a new one"):
                return free[chosen]
            name = prompts.ask(self.stdout.write, "Name of the new clinic")
        if not name:
            raise CommandError("Say which clinic: --clinic NAME.")
        known = list(found.filter(name__iexact=name))
        if len(known) > 1:
            owners = ", ".join(sorted(str(each.organization) for each in known))
            raise CommandError(f"Several have a clinic {name!r}: {owners}. Add --organization.")
        return known[0] if known else self._new_clinic(name, options)

    def _new_clinic(self, name: str, options: dict[str, Any]) -> Clinic:
        owner = self._organization(options["organization"])
        zone = options["timezone"]
        if not zone and self.asks:
            zone = prompts.ask(self.stdout.write, f"Time zone of {name}, such as America/Chicago")
        if not zone:
            raise CommandError(f"There is no clinic {name!r} yet: a new one needs --timezone.")
        clinic = Clinic(organization=owner, name=name, timezone=zone)
        try:
            validate_timezone(zone)
            clinic.clean_fields(exclude=["organization"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        return clinic

    def _organization(self, name: str) -> Organization:
        known = Organization.objects.order_by("name")
        if not name and self.asks:
            names = [str(each) for each in known]
            self.stdout.write("Of which organization?")
            name = prompts.choose(self.stdout.write, "Organization", names, "a new one")
            name = name or prompts.ask(self.stdout.write, "Name of the new organization")
        if not name:
            there_are = ", ".join(str(each) for each in known[:10]) or "none yet"
            raise CommandError(f"A new clinic needs --organization. There are: {there_are}.")
        return known.filter(name__iexact=name).first() or Organization(name=name)

    def _tell_what_is_next(self, integration: Integration) -> None:
        clinic = integration.clinic
        self.stdout.write(
            f"{clinic} is connected. Next:\n"
            f"  manage.py sync {clinic.pk}             read its records for the first time\n"
            f"  manage.py profile {clinic.pk} --read   what it needs for bookings\n"
            "After the first sync it is kept current by itself."
        )


def _hint() -> str:
    """Name what some PMSs want of every caller, where it is not set."""
    if "@" in settings.PMS_USER_AGENT:
        return ""
    return " CONTACT_EMAIL is not set: some PMSs refuse callers who do not say whose they are."
