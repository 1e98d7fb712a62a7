"""API keys in the admin: a secret is shown on one page, once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import ApiKey
from clinics.models import Clinic, Membership, Organization, Role, User
from tests import make
from tests.accounts.conftest import client_of, issue
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/apikey/"
ADD = f"{LIST}add/"
SECRET = re.compile(r"fd_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(organization: Organization, **changes: Any) -> dict[str, Any]:
    return {
        "organization": str(organization.pk),
        "name": "Voice agent",
        "scopes": ["read", "book"],
        "clinics": [],
        "rate_limit": "600",
        "expires_at_0": "2030-06-01",
        "expires_at_1": "00:00",
        **changes,
    }


def errors(answer: Any) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)


def page_of(key: ApiKey) -> str:
    return f"{LIST}{key.pk}/change/"


def test_a_new_key_is_shown_on_the_answer_and_nowhere_else(
    organization: Organization, clinic: Clinic, manager: User, clock: Clock
) -> None:
    client = as_(manager)
    answer = client.post(ADD, form(organization, clinics=[str(clinic.pk)]))
    assert answer.status_code == 200
    (text,) = SECRET.findall(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.clinics, key.created_by) == ([clinic.pk], manager)
    assert client_of(text).get("/api/v1/clinics").status_code == 200
    pages = [client.get(path).content.decode() for path in (LIST, page_of(key), "/admin/", ADD)]
    told = [*pages, str(client.cookies), str(list(LogEntry.objects.values()))]
    told += [str(each.get_decoded()) for each in Session.objects.all()]
    assert not [each for each in told if text in each or key.hashed in each]
    assert key.prefix in pages[0]


def test_a_key_is_replaced_and_revoked_after_asking(
    organization: Organization, manager: User, clock: Clock
) -> None:
    old = issue(organization, name="Voice agent")
    client = as_(manager)
    page = client.get(page_of(old.key)).content.decode()
    for step in ("rotate", "revoke"):
        assert f"{LIST}{old.key.pk}/{step}/" in page
        asked = client.get(f"{LIST}{old.key.pk}/{step}/")
        assert asked.status_code == 200
    old.key.refresh_from_db()
    assert (old.key.replaced_by, old.key.revoked_at) == (None, None), "asking changes nothing"
    answer = client.post(f"{LIST}{old.key.pk}/rotate/", {"overlap": "1"})
    (text,) = SECRET.findall(answer.content.decode())
    assert client_of(text).get("/api/v1/clinics").status_code == 200
    old.key.refresh_from_db()
    assert old.key.expires_at == clock.now + timedelta(hours=1)
    answer = client.post(f"{LIST}{old.key.pk}/rotate/", {"overlap": "1"}, follow=True)
    assert "This key was replaced or has ended. Make a new one." in answer.content.decode()
    client.post(f"{LIST}{old.key.replaced_by_id}/revoke/")
    assert client_of(text).get("/api/v1/clinics").status_code == 401


@pytest.mark.parametrize("overlap", ["", "-1", "2", "x", "169", "1.0"])
def test_an_overlap_that_is_not_offered_is_not_taken(
    organization: Organization, manager: User, overlap: str
) -> None:
    key = issue(organization).key
    answer = as_(manager).post(f"{LIST}{key.pk}/rotate/", {"overlap": overlap})
    assert answer.status_code == 404
    assert ApiKey.objects.count() == 1


def test_a_form_from_elsewhere_changes_nothing(organization: Organization, manager: User) -> None:
    key = issue(organization).key
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    assert client.post(f"{LIST}{key.pk}/revoke/").status_code == 403
    assert client.post(ADD, form(organization)).status_code == 403
    assert ApiKey.objects.get().revoked_at is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"rate_limit": "0"}, "rate_limit"),
        ({"rate_limit": "6001"}, "rate_limit"),
        ({"expires_at_0": "2030-03-05", "expires_at_1": "14:59"}, "expires_at"),
        ({"expires_at_0": "2032-03-06"}, "expires_at"),
        ({"expires_at_0": ""}, "expires_at"),
        ({"clinics": ["x"]}, "clinics"),
        ({"organization": "x"}, "organization"),
    ],
)
def test_a_wrong_form_makes_no_key(
    organization: Organization, manager: User, clock: Clock, changes: dict[str, Any], field: str
) -> None:
    answer = as_(manager).post(ADD, form(organization) | changes)
    assert list(errors(answer)) == [field]
    assert ApiKey.objects.count() == 0


def test_another_organizations_keys_and_clinics_are_out_of_reach(
    organization: Organization, manager: User, clock: Clock
) -> None:
    foreign = make.clinic()
    theirs = issue(foreign.organization, name="Their agent").key
    client = as_(manager)
    assert "Their agent" not in client.get(LIST).content.decode()
    assert foreign.name not in client.get(ADD).content.decode()
    for step in ("change", "rotate", "revoke"):
        assert client.post(f"{LIST}{theirs.pk}/{step}/").status_code == 404
    assert client.get(page_of(theirs)).status_code == 404
    assert list(errors(client.post(ADD, form(foreign.organization)))) == ["organization"]
    wrong = client.post(ADD, form(organization, clinics=[str(foreign.pk)]))
    assert list(errors(wrong)) == ["clinics"]
    theirs.refresh_from_db()
    assert (theirs.revoked_at, theirs.replaced_by) == (None, None)
    assert ApiKey.objects.count() == 1


def test_staff_and_admins_of_some_clinics_make_no_keys(
    organization: Organization, clinic: Clinic, manager: User
) -> None:
    key = issue(organization).key
    manager.memberships.update(clinics=[clinic.pk])
    staff = make.member(organization, Role.STAFF, is_staff=True)
    for person in (staff, manager):
        client = as_(person)
        assert client.post(ADD, form(organization)).status_code == 403
        assert client.post(f"{LIST}{key.pk}/revoke/").status_code in (403, 404)
    assert ApiKey.objects.get().revoked_at is None


def test_an_operator_revokes_but_gets_no_secret(
    organization: Organization, operator: User, clock: Clock
) -> None:
    key = issue(organization).key
    client = as_(operator)
    answer = client.post(ADD, form(organization))
    assert errors(answer)["scopes"] == [
        "Your role cannot give the scope read there: it does not let you see a clinic's "
        "numbers. Ask a clinic admin of the whole organization."
    ]
    answer = client.post(f"{LIST}{key.pk}/rotate/", {"overlap": "0"}, follow=True)
    assert "Your role cannot give the scope read there" in answer.content.decode()
    client.post(f"{LIST}{key.pk}/revoke/")
    key.refresh_from_db()
    assert (key.revoked_at, key.replaced_by) == (clock.now, None)


def test_temporary_access_leaves_no_key_behind(
    organization: Organization, operator: User, clock: Clock
) -> None:
    Membership.objects.create(
        user=operator,
        organization=organization,
        role=Role.CLINIC_ADMIN,
        ends_at=clock.now + timedelta(hours=1),
        reason="Support",
    )
    answer = as_(operator).post(ADD, form(organization))
    assert errors(answer)["scopes"] == [
        "Who has temporary access makes no keys: they would last longer. "
        "Ask a clinic admin of the whole organization."
    ]
    assert ApiKey.objects.count() == 0
