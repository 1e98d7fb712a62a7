"""Giving and ending roles in the admin: within one organization, never to oneself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import memberships
from clinics import access
from clinics.models import Clinic, Membership, Organization, Role, User
from tests import make
from tests.conftest import Clock
from tests.integrations.threads import at_once

pytestmark = pytest.mark.django_db
LIST = "/admin/clinics/membership/"
ADD = f"{LIST}add/"


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form(organization: Organization, username: str, **changes: Any) -> dict[str, Any]:
    return {
        "username": username,
        "organization": str(organization.pk),
        "role": "staff",
        "clinics": [],
        "ends_at_0": "",
        "ends_at_1": "",
        "reason": "",
        **changes,
    }


def errors(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, answer.status_code
    return dict(answer.context["adminform"].form.errors)


def page_of(membership: Membership) -> str:
    return f"{LIST}{membership.pk}/change/"


@pytest.fixture
def helper(db: None) -> User:
    """Somebody of nowhere, as support is."""
    return User.objects.create_user("helper", password=make.PASSWORD)


def test_a_clinic_admin_gives_a_role_at_some_clinics(
    organization: Organization, clinic: Clinic, manager: User, helper: User
) -> None:
    answer = as_(manager).post(ADD, form(organization, "helper", clinics=[str(clinic.pk)]))
    assert answer.status_code == 302
    given = Membership.objects.get(user=helper)
    assert (given.role, given.granted_by, given.ends_at) == ("staff", manager, None)
    assert given.clinics == [clinic.pk]
    assert f'<td class="field-at">{clinic}</td>' in as_(manager).get(LIST).content.decode()


def test_a_role_is_narrowed_and_widened(
    organization: Organization, manager: User, staff: User
) -> None:
    given = staff.memberships.get()
    clinics = sorted(make.clinic(organization).pk for _ in range(2))
    for chosen in (clinics, clinics[:1], []):
        body = form(organization, "", clinics=[str(pk) for pk in reversed(chosen)])
        assert as_(manager).post(page_of(given), body).status_code == 302
        given.refresh_from_db()
        assert given.clinics == chosen


def test_a_change_of_something_else_widens_no_role_whose_clinics_are_gone(
    organization: Organization, clinic: Clinic, manager: User, staff: User
) -> None:
    given = staff.memberships.get()
    gone = make.clinic(organization)
    Membership.objects.filter(pk=given.pk).update(clinics=[gone.pk])
    pk = gone.pk
    gone.delete()
    client = as_(manager)
    assert "none that is left" in client.get(LIST).content.decode()
    body = form(organization, "", role="read_only")
    assert client.post(page_of(given), body).status_code == 302
    given.refresh_from_db()
    assert (given.role, given.clinics) == ("read_only", [pk])
    client.post(page_of(given), body | {"clinics": [str(clinic.pk)]})
    given.refresh_from_db()
    assert given.clinics == [clinic.pk]


def test_the_page_of_ended_access_names_its_clinics(
    organization: Organization, clinic: Clinic, manager: User, staff: User, clock: Clock
) -> None:
    given = staff.memberships.get()
    ended = {"clinics": [clinic.pk], "ends_at": clock.now, "reason": "Support"}
    Membership.objects.filter(pk=given.pk).update(**ended)
    page = as_(manager).get(page_of(given)).content.decode()
    assert f'<div class="readonly">{clinic}</div>' in page
    assert str(clinic.pk) not in page


def test_temporary_access_ends_by_itself(
    organization: Organization, clinic: Clinic, manager: User, helper: User, clock: Clock
) -> None:
    ends = {"ends_at_0": "2030-03-05", "ends_at_1": "16:00", "reason": "Support, an import"}
    as_(manager).post(ADD, form(organization, "helper", **ends))
    found = access.of_person(helper, clock.now)
    assert [each.organization_id for each in found.holdings] == [organization.pk]
    assert found.actor.role == "Staff, temporary"
    clock.advance(3600)
    assert access.of_person(helper, clock.now).holdings == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "nobody"}, "username"),
        ({"username": "HELPER"}, "username"),
        ({"username": "help"}, "username"),
        ({"username": "a\0b"}, "username"),
        ({"role": "operator"}, "role"),
        ({"organization": "x"}, "organization"),
        ({"clinics": ["x"]}, "clinics"),
        ({"ends_at_0": "2030-03-06", "ends_at_1": "12:00"}, "reason"),
        ({"ends_at_0": "2030-03-06", "ends_at_1": "12:00", "reason": " "}, "reason"),
        ({"ends_at_0": "2030-03-05", "ends_at_1": "15:00", "reason": "Support"}, "ends_at"),
        ({"ends_at_0": "2030-04-04", "ends_at_1": "15:01", "reason": "Support"}, "ends_at"),
    ],
)
def test_a_wrong_form_gives_nothing(
    organization: Organization,
    manager: User,
    helper: User,
    clock: Clock,
    changes: dict[str, Any],
    field: str,
) -> None:
    answer = as_(manager).post(ADD, form(organization, "helper") | changes)
    assert list(errors(answer)) == [field]
    assert not Membership.objects.filter(user=helper).exists()


def test_a_person_has_one_role_in_an_organization(
    organization: Organization, manager: User, staff: User
) -> None:
    answer = as_(manager).post(ADD, form(organization, staff.username))
    assert errors(answer) == {"username": ["This person has a role in this organization already."]}


def test_other_organizations_are_out_of_reach(
    organization: Organization, manager: User, helper: User
) -> None:
    foreign = make.clinic()
    theirs = make.member(foreign.organization).memberships.get()
    client = as_(manager)
    listed = client.get(LIST).content.decode()
    assert theirs.user.username not in listed
    shown = client.get(ADD).content.decode()
    assert foreign.name not in shown
    assert "helper" not in shown, "people are not listed"
    answer = client.post(ADD, form(foreign.organization, "helper"))
    assert list(errors(answer)) == ["organization"]
    answer = client.post(ADD, form(organization, "helper", clinics=[str(foreign.pk)]))
    assert list(errors(answer)) == ["clinics"]
    assert client.post(page_of(theirs), form(organization, "x")).status_code == 404
    assert client.post(f"{LIST}{theirs.pk}/end/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.ends_at is None


def test_an_admin_of_two_organizations_mixes_no_clinics(
    organization: Organization, clinic: Clinic, manager: User, helper: User
) -> None:
    other = make.clinic()
    Membership.objects.create(user=manager, organization=other.organization, role=Role.CLINIC_ADMIN)
    answer = as_(manager).post(ADD, form(organization, "helper", clinics=[str(other.pk)]))
    assert errors(answer) == {"clinics": ["Choose clinics of the same organization."]}


def test_an_operator_gives_roles_to_others_and_none_to_themselves(
    organization: Organization, operator: User, helper: User
) -> None:
    client = as_(operator)
    answer = client.post(ADD, form(organization, "helper", role="clinic_admin"))
    assert answer.status_code == 302
    answer = client.post(ADD, form(organization, "operator"))
    expected = f"Nobody gives access to themselves. Ask a clinic admin of {organization}."
    assert errors(answer) == {"__all__": [expected]}
    own = Membership.objects.create(
        user=operator, organization=organization, role=Role.READ_ONLY, granted_by=helper
    )
    answer = client.post(page_of(own), form(organization, "", role="clinic_admin"))
    assert errors(answer) == {"__all__": [expected]}
    own.refresh_from_db()
    assert own.role == Role.READ_ONLY


def test_the_page_of_a_person_gives_no_roles(operator: User, organization: Organization) -> None:
    page = as_(operator).get(f"/admin/clinics/user/{operator.pk}/change/").content.decode()
    assert "memberships-TOTAL_FORMS" not in page


def test_nobody_raises_their_own_role(organization: Organization, manager: User) -> None:
    own = manager.memberships.get()
    answer = as_(manager).post(page_of(own), form(organization, ""))
    assert errors(answer) == {
        "__all__": ["Nobody gives access to themselves. Ask another clinic admin."]
    }


def test_temporary_access_is_not_passed_on(
    organization: Organization, helper: User, manager: User, clock: Clock
) -> None:
    User.objects.filter(pk=helper.pk).update(is_staff=True)
    Membership.objects.create(
        user=helper,
        organization=organization,
        role=Role.CLINIC_ADMIN,
        ends_at=clock.now + timedelta(hours=1),
        reason="Support",
    )
    colleague = User.objects.create_user("colleague")
    answer = as_(helper).post(ADD, form(organization, "colleague"))
    assert errors(answer) == {
        "__all__": [
            "Who has temporary access gives none to others: it would last longer. "
            f"Ask a clinic admin of {organization}."
        ]
    }
    assert not colleague.memberships.exists()


def test_access_is_ended_after_asking_and_stays_on_record(
    organization: Organization, manager: User, staff: User, clock: Clock
) -> None:
    given = staff.memberships.get()
    client = as_(manager)
    assert f"{LIST}{given.pk}/end/" in client.get(page_of(given)).content.decode()
    assert client.get(f"{LIST}{given.pk}/end/").status_code == 200
    assert access.of_person(staff, clock.now).holdings
    assert client.post(f"{LIST}{given.pk}/end/").status_code == 302
    given.refresh_from_db()
    assert (given.ends_at, given.reason) == (clock.now, "Ended by Clinic admin")
    assert access.of_person(staff, clock.now).holdings == ()
    assert client.post(f"{LIST}{given.pk}/end/").status_code == 403, "only once"
    assert client.post(page_of(given), form(organization, "")).status_code == 403
    assert client.get(page_of(given)).status_code == 200
    assert client.post(ADD, form(organization, staff.username)).status_code == 302, "and anew"


def test_the_last_clinic_admin_stays(
    organization: Organization, clinic: Clinic, manager: User, clock: Clock
) -> None:
    own = manager.memberships.get()
    answer = as_(manager).post(f"{LIST}{own.pk}/end/", follow=True)
    message = (
        f"{organization} would be left without a clinic admin. "
        "Give that role to somebody else first."
    )
    assert message in answer.content.decode()
    second = make.member(organization, Role.CLINIC_ADMIN, is_staff=True)
    theirs = second.memberships.get()
    for changes in ({"role": "staff"}, {"clinics": [str(clinic.pk)]}):
        body = form(organization, "", role="clinic_admin") | changes
        assert as_(manager).post(page_of(theirs), body).status_code == 302, "one is left"
        Membership.objects.filter(pk=theirs.pk).update(role=Role.CLINIC_ADMIN, clinics=[])
    assert as_(manager).post(f"{LIST}{own.pk}/end/").status_code == 302
    own.refresh_from_db()
    assert own.ends_at == clock.now
    answer = as_(second).post(f"{LIST}{theirs.pk}/end/", follow=True)
    assert message in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_last_admins_who_leave_at_once_do_not_both_leave() -> None:
    organization = make.organization()
    people = [make.member(organization, Role.CLINIC_ADMIN) for _ in range(2)]

    def leave(number: int) -> str:
        own = people[number].memberships.get()
        try:
            memberships.end(access.of_person(people[number]), own, own.created_at)
        except memberships.Refused as refused:
            return refused.code
        return "left"

    assert sorted(at_once(2, leave)) == ["last_clinic_admin", "left"]


def test_staff_see_no_members(organization: Organization, manager: User) -> None:
    staff = make.member(organization, Role.STAFF, is_staff=True)
    client = as_(staff)
    assert client.get(LIST).status_code == 403
    assert client.post(ADD, form(organization, "x")).status_code == 403
    assert client.post(f"{LIST}{manager.memberships.get().pk}/end/").status_code in (403, 404)
