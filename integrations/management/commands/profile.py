"""`manage.py profile`: what a clinic's PMS offers, what is chosen of it, and what is missing."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from clinics.models import Clinic
from integrations.contract import Priority, Term
from integrations.http.errors import PmsError
from integrations.models import Integration, Profile
from integrations.profile_model import LIST_NAMES
from integrations.profile_report import report
from integrations.profiles import profile_of, read_vocabulary
from tenancy import scope


class Command(BaseCommand):
    help = (
        "Check the profile of a clinic's integration: what its PMS offers, what is set, and what "
        "is missing for each operation. Exit code 1 when an operation cannot be done at all. To "
        "choose, use the profile's page in the admin."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("clinic", type=UUID, metavar="CLINIC_ID")
        parser.add_argument(
            "--read",
            action="store_true",
            help="ask the PMS for its lists first: a few calls of the practice's budget",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        with scope.acting("manage.py profile"):
            try:
                with scope.tenant_of(Clinic, options["clinic"]):
                    self.tell(options)
            except Clinic.DoesNotExist:
                raise CommandError("There is no clinic of this id.") from None

    def tell(self, options: dict[str, Any]) -> None:
        """Print the report, and end with 1 where something cannot be done."""
        integration = Integration.objects.filter(clinic_id=options["clinic"]).first()
        if integration is None:
            raise CommandError("This clinic is not connected to a PMS yet.")
        profile = profile_of(integration)
        if options["read"]:
            try:
                profile = read_vocabulary(integration, timezone.now, priority=Priority.HIGH)
            except PmsError as error:
                raise CommandError(f"The PMS's lists could not be read: {error}") from None
        told = report(profile)
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2))
        else:
            self.print(profile, told)
        if not told["is_complete"]:
            raise SystemExit(1)

    def print(self, profile: Profile, told: dict[str, Any]) -> None:
        """Write the report for people."""
        say = self.stdout.write
        say(f"{profile}, {profile.integration.manifest.title} {profile.integration.account}")
        say(f"lists read {told['read_at'] or 'never'}, checked {told['checked_at'] or 'never'}")
        say("\nThe PMS offers")
        for name, words in LIST_NAMES.items():
            terms = told["offers"].get(name)
            if terms is None:
                offered = told["unread"].get(name, "not read yet; use --read")
            else:
                offered = ", ".join(str(Term(**term)) for term in terms) or "none"
            say(f"  {words}: {offered}")
        say("\nSet")
        for field, value in told["set"].items():
            hint = told["suggestions"].get(field)
            looks = f" (looks like it: {hint})" if hint else ""
            say(f"  {field}: {json.dumps(value) if value else 'not set'}{looks}")
        say("\nMissing" if told["missing"] else "\nNothing is missing.")
        for gap in told["missing"]:
            say(f"  {'!' if gap['blocks'] else '-'} {gap['operation']}: {gap['words']}")
