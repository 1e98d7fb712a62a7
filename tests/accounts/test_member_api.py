"""Giving and ending roles over REST, by the rules of the admin's page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics import access
from clinics.models import Clinic, Membership, Organization, Role, User
from tests import make
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
Api = Callable[[User], APIClient]
Keys = Callable[..., APIClient]


def address(organization: Organization) -> str:
    return f"/api/v1/organizations/{organization.pk}/members"


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.fixture
def helper(db: None) -> User:
    return User.objects.create_user("helper", password=make.PASSWORD)


def test_a_clinic_admin_gives_lists_and_ends_access(
    organization: Organization,
    clinic: Clinic,
    manager: User,
    helper: User,
    api: Api,
    clock: Clock,
) -> None:
    client = api(manager)
    body = {
        "username": "helper",
        "role": "staff",
        "clinics": [str(clinic.pk)],
        "ends_at": "2030-03-06T15:00:00Z",
        "reason": "Support",
    }
    answer = client.post(address(organization), body)
    assert answer.status_code == 201, answer.content
    given = answer.json()
    assert given == body | {
        "id": given["id"],
        "granted_by": manager.username,
        "created_at": given["created_at"],
    }
    listed = client.get(address(organization)).json()["results"]
    assert {row["username"] for row in listed} == {"helper", manager.username}
    assert given in listed
    assert access.of_person(helper, clock.now).holdings
    assert client.delete(f"{address(organization)}/{given['id']}").status_code == 204
    assert access.of_person(helper, clock.now).holdings == ()
    assert client.delete(f"{address(organization)}/{given['id']}").status_code == 204


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "nobody"}, "username"),
        ({"username": ""}, "username"),
        ({"username": 7}, "username"),
        ({"role": "operator"}, "role"),
        ({"role": None}, "role"),
        ({"clinics": ["x"]}, "clinics"),
        ({"clinics": ["3662153d-0000-4000-8000-000000000000"]}, "clinics"),
        ({"ends_at": "2030-03-06T15:00:00Z"}, "reason"),
        ({"ends_at": "2030-03-06T15:00:00", "reason": "Support"}, "ends_at"),
        ({"ends_at": "2030-03-05T15:00:00Z", "reason": "Support"}, "ends_at"),
        ({"ends_at": "2030-04-04T15:00:01Z", "reason": "Support"}, "ends_at"),
        ({"reason": "x" * 201}, "reason"),
    ],
)
def test_what_cannot_be_given_is_400_and_names_the_field(
    organization: Organization,
    manager: User,
    helper: User,
    api: Api,
    clock: Clock,
    changes: dict[str, Any],
    field: str,
) -> None:
    body = {"username": "helper", "role": "staff"} | changes
    answer = api(manager).post(address(organization), body)
    assert told(answer) == (400, "invalid")
    assert list(answer.json()["error"]["details"]) == [field]
    assert not helper.memberships.exists()


def test_nobody_gives_access_to_themselves(
    organization: Organization, manager: User, operator: User, api: Api
) -> None:
    for person in (manager, operator):
        body = {"username": person.username, "role": "clinic_admin"}
        assert told(api(person).post(address(organization), body)) == (403, "own_access")
    assert not operator.memberships.exists()


def test_the_last_clinic_admin_stays(organization: Organization, manager: User, api: Api) -> None:
    own = manager.memberships.get()
    answer = api(manager).delete(f"{address(organization)}/{own.pk}")
    assert told(answer) == (409, "last_clinic_admin")
    own.refresh_from_db()
    assert own.ends_at is None


def test_temporary_access_is_not_passed_on(
    organization: Organization, helper: User, api: Api, clock: Clock
) -> None:
    ends_at = clock.now + timedelta(hours=1)
    Membership.objects.create(
        user=helper,
        organization=organization,
        role=Role.CLINIC_ADMIN,
        ends_at=ends_at,
        reason="Support",
    )
    User.objects.create_user("colleague")
    answer = api(helper).post(address(organization), {"username": "colleague", "role": "staff"})
    assert told(answer) == (403, "temporary_access")


def test_programs_neither_give_nor_end_roles(
    organization: Organization, manager: User, staff: User, helper: User, key: Keys
) -> None:
    client = key("admin", "read", "book", "sync")
    body = {"username": "helper", "role": "read_only"}
    one = f"{address(organization)}/{staff.memberships.get().pk}"
    for answer in (client.post(address(organization), body), client.delete(one)):
        assert told(answer) == (403, "not_for_keys")
        assert answer.json()["error"]["message"] == "Roles are given by people."
    assert not helper.memberships.exists()
    assert staff.memberships.get().ends_at is None
    assert client.get(address(organization)).status_code == 200
    assert told(key("read").post(address(organization), body)) == (403, "scope_missing")


@pytest.mark.parametrize("role", [Role.STAFF, Role.READ_ONLY])
def test_other_roles_neither_see_nor_give_access(
    organization: Organization, manager: User, helper: User, api: Api, role: Role
) -> None:
    client = api(make.member(organization, role))
    one = f"{address(organization)}/{manager.memberships.get().pk}"
    body = {"username": "helper", "role": "staff"}
    answers = [
        client.get(address(organization)),
        client.post(address(organization), body),
        client.delete(one),
    ]
    assert [told(answer) for answer in answers] == [(403, "permission_denied")] * 3


def test_another_organizations_members_are_unknown(
    organization: Organization, manager: User, helper: User, api: Api
) -> None:
    foreign = make.organization()
    theirs = make.member(foreign).memberships.get()
    client = api(manager)
    body = {"username": "helper", "role": "staff"}
    answers = [
        client.get(address(foreign)),
        client.post(address(foreign), body),
        client.delete(f"{address(foreign)}/{theirs.pk}"),
        client.delete(f"{address(organization)}/{theirs.pk}"),
        client.delete(f"{address(organization)}/{10**30}"),
    ]
    assert [told(answer) for answer in answers] == [(404, "not_found")] * 5
    theirs.refresh_from_db()
    assert theirs.ends_at is None
