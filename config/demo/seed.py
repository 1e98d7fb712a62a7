"""Set up the demo organization: its people, and a clinic for each practice of the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
from django.db import transaction
from django.utils import timezone

from clinics.models import Clinic, Membership, Organization, Role, User
from config.demo.profiles import set_up_profile
from config.embedded.layout import Layout
from config.env import VAR_DIR
from integrations.models import Integration
from sync import by_hand
from sync.models import SyncRun
from sync.requesting import Wanted
from sync.states import Status
from tenancy import scope

ORGANIZATION = "Lakeside Dental Group"


@dataclass(frozen=True, slots=True)
class Login:
    """A demo login; the password is made once for each installation."""

    username: str
    password: str = field(repr=False)
    what_for: str


def seed(sandbox_url: str, say: Callable[[str], None]) -> list[Login]:
    """Make what is missing of the demo, import the clinics' records, choose from their PMSs'
    lists, and return the logins.

    Safe to repeat: a second run changes nothing but the address of a sandbox that has moved.
    """
    offer = requests.get(f"{sandbox_url}/control/credentials", timeout=10).json()
    with scope.acting("demo"), scope.everywhere():
        logins = _people()
        for integration in _clinics(offer):
            with scope.organizations(integration.organization_id):
                if not integration.imported_at:
                    first = by_hand.carry_out(integration, Wanted(), timezone.now)
                    say(f"{integration.clinic}: {_told(first)}")
                set_up_profile(integration)
    return logins


def _told(run: SyncRun) -> str:
    """Tell of the first sync; where the PMS did not answer, workers go on with it."""
    if run.status != Status.COMPLETED:
        return f"{run.get_status_display().lower()}: {run.error_message}"
    clinic = run.clinic
    return f"{clinic.patients.count()} patients, {clinic.appointments.count()} appointments"


@transaction.atomic
def _people() -> list[Login]:
    organization, _ = Organization.objects.get_or_create(name=ORGANIZATION)
    password = Layout(VAR_DIR).password("demo_login")[:16]
    logins = [
        Login("operator", password, "sets up and watches everything, and sees no patients"),
        Login("frontdesk", password, f"staff of {ORGANIZATION}, also the one who books here"),
        Login("manager", password, f"clinic admin of {ORGANIZATION}"),
    ]
    for login in logins:
        user, is_new = User.objects.get_or_create(username=login.username)
        user.is_staff = True
        user.is_superuser = login.username == "operator"
        if is_new or not user.check_password(password):
            user.set_password(password)
        user.save()
    for username, role in (("frontdesk", Role.STAFF), ("manager", Role.CLINIC_ADMIN)):
        Membership.objects.get_or_create(
            user=User.objects.get(username=username),
            organization=organization,
            ends_at=None,
            defaults={"role": role},
        )
    return logins


def _clinics(offer: dict[str, Any]) -> list[Integration]:
    """Connect each of the sandbox's practices."""
    organization = Organization.objects.get(name=ORGANIZATION)
    sikka = offer["sikka"]
    integrations = []
    for office in sikka["offices"]:
        clinic, _ = Clinic.objects.get_or_create(
            organization=organization,
            name=office["practice_name"],
            defaults={"timezone": office["timezone"]},
        )
        integration, _ = Integration.objects.update_or_create(
            clinic=clinic,
            defaults={
                "organization": organization,
                "pms": "sikka",
                "base_url": sikka["url"],
                "is_sandbox": True,
                "account": office["office_id"],
                "credential": {
                    "app_id": sikka["app_id"],
                    "app_key": sikka["app_key"],
                    "secret_key": office["secret_key"],
                },
            },
        )
        integrations.append(integration)
    return integrations
