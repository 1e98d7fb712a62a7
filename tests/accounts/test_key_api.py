"""Making, replacing and revoking API keys over REST, and that nobody climbs by it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys
from accounts.authentication import of_key
from accounts.models import ApiKey
from clinics.models import Clinic, Membership, Organization, Role, User
from tests import make
from tests.accounts.conftest import client_of, issue
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
Api = Callable[[User], APIClient]
Keys = Callable[..., APIClient]
YEAR = timedelta(days=365)


def address(organization: Organization) -> str:
    return f"/api/v1/organizations/{organization.pk}/api-keys"


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_clinic_admin_makes_a_key_that_works_and_is_shown_once(
    organization: Organization, clinic: Clinic, manager: User, api: Api, clock: Clock
) -> None:
    client = api(manager)
    answer = client.post(address(organization), {"name": "Voice agent", "scopes": ["read"]})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    secret = made.pop("key")
    assert made == {
        "id": made["id"],
        "organization": str(organization.pk),
        "name": "Voice agent",
        "prefix": secret[3:11],
        "scopes": ["read"],
        "clinics": [],
        "rate_limit": 600,
        "created_by": manager.username,
        "created_by_key": None,
        "created_at": "2030-03-05T15:00:00Z",
        "expires_at": "2031-03-05T15:00:00Z",
        "last_used_at": None,
        "revoked_at": None,
        "replaced_by": None,
    }
    assert client_of(secret).get("/api/v1/clinics").json()["results"][0]["id"] == str(clinic.pk)
    (listed,) = client.get(address(organization)).json()["results"]
    assert listed == made | {"last_used_at": "2030-03-05T15:00:00Z"}
    assert client.get(f"/api/v1/api-keys/{made['id']}").json() == listed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": [["read"]]}, "scopes"),
        ({"clinics": ["x"]}, "clinics"),
        ({"clinics": [str(uuid.UUID(int=1))]}, "clinics"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": 6_001}, "rate_limit"),
        ({"rate_limit": "many"}, "rate_limit"),
        ({"expires_at": "2030-03-05T15:00:00Z"}, "expires_at"),
        ({"expires_at": "2032-03-04T15:00:01Z"}, "expires_at"),
        ({"expires_at": "2031-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
    ],
)
def test_what_no_key_can_be_is_400_and_names_the_field(
    organization: Organization,
    manager: User,
    api: Api,
    clock: Clock,
    changes: dict[str, Any],
    field: str,
) -> None:
    body = {"name": "Voice agent", "scopes": ["read"]} | changes
    answer = api(manager).post(address(organization), body)
    assert told(answer) == (400, "invalid")
    assert list(answer.json()["error"]["details"]) == [field]
    assert ApiKey.objects.count() == 0


def test_a_key_is_for_clinics_of_its_own_organization(
    organization: Organization, clinic: Clinic, manager: User, api: Api
) -> None:
    foreign = make.clinic()
    body = {"name": "Agent", "scopes": ["read"], "clinics": [str(clinic.pk), str(foreign.pk)]}
    answer = api(manager).post(address(organization), body)
    assert answer.json()["error"]["details"] == {
        "clinics": ["A key is for clinics of its own organization."]
    }
    body["clinics"] = [str(clinic.pk), str(clinic.pk)]
    assert api(manager).post(address(organization), body).json()["clinics"] == [str(clinic.pk)]


@pytest.mark.parametrize("role", [Role.STAFF, Role.READ_ONLY])
def test_other_roles_neither_make_nor_see_keys(
    organization: Organization, api: Api, role: Role
) -> None:
    issued = issue(organization)
    client = api(make.member(organization, role))
    body = {"name": "Agent", "scopes": ["read"]}
    one = f"/api/v1/api-keys/{issued.key.pk}"
    answers = [
        client.get(address(organization)),
        client.post(address(organization), body),
        client.get(one),
        client.delete(one),
        client.post(f"{one}/rotate"),
    ]
    assert [told(answer) for answer in answers] == [(403, "permission_denied")] * 5
    assert ApiKey.objects.get().revoked_at is None


def test_keys_of_another_organization_are_unknown(manager: User, api: Api) -> None:
    foreign = make.organization()
    issued = issue(foreign)
    client = api(manager)
    one = f"/api/v1/api-keys/{issued.key.pk}"
    body = {"name": "Agent", "scopes": ["read"]}
    answers = [
        client.get(address(foreign)),
        client.post(address(foreign), body),
        client.get(one),
        client.delete(one),
        client.post(f"{one}/rotate"),
    ]
    assert [told(answer) for answer in answers] == [(404, "not_found")] * 5
    assert ApiKey.objects.get().revoked_at is None


def test_an_admin_here_who_is_staff_there_makes_no_key_there(manager: User, api: Api) -> None:
    other = make.organization()
    Membership.objects.create(user=manager, organization=other, role=Role.STAFF)
    answer = api(manager).post(address(other), {"name": "Agent", "scopes": ["read"]})
    assert told(answer) == (403, "permission_denied")


def test_an_admin_of_some_clinics_makes_no_key_of_the_organization(
    organization: Organization, clinic: Clinic, manager: User, api: Api
) -> None:
    manager.memberships.update(clinics=[clinic.pk])
    client = api(manager)
    body = {"name": "Agent", "scopes": ["read"], "clinics": [str(clinic.pk)]}
    expected = (403, "whole_organization_needed")
    assert told(client.post(address(organization), body)) == expected
    assert told(client.get(address(organization))) == expected


@pytest.mark.parametrize(
    ("own", "asked", "status"),
    [
        (["admin"], ["admin"], 201),
        (["admin"], ["read"], 403),
        (["admin", "book"], ["read", "book"], 403),
        (["admin", "book"], ["book"], 201),
        (["admin", "read", "book", "sync"], ["read", "sync"], 201),
        (["read", "book", "sync"], ["read"], 403),
    ],
)
def test_a_key_makes_no_key_that_may_more(
    organization: Organization, key: Keys, own: list[str], asked: list[str], status: int
) -> None:
    answer = key(*own).post(address(organization), {"name": "Next", "scopes": asked})
    assert answer.status_code == status
    if status == 403:
        code = "more_than_own" if "admin" in own else "scope_missing"
        assert told(answer) == (403, code)
    assert ApiKey.objects.count() == (2 if status == 201 else 1)


def test_a_key_of_one_clinic_makes_no_key_at_all(
    organization: Organization, clinic: Clinic, key: Keys
) -> None:
    client = key("admin", clinics=[clinic.pk])
    other = make.clinic(organization)
    for clinics in ([], [str(clinic.pk)], [str(other.pk)]):
        answer = client.post(
            address(organization), {"name": "Next", "scopes": ["admin"], "clinics": clinics}
        )
        assert told(answer) == (403, "whole_organization_needed")


def test_a_key_does_not_rotate_a_stronger_one_to_get_its_secret(
    organization: Organization, key: Keys
) -> None:
    stronger = issue(organization, "read", "admin").key
    answer = key("admin").post(f"/api/v1/api-keys/{stronger.pk}/rotate")
    assert told(answer) == (403, "more_than_own")
    stronger.refresh_from_db()
    assert stronger.replaced_by is None


def test_an_operator_revokes_keys_and_gets_at_no_patients_by_one(
    organization: Organization, operator: User, api: Api
) -> None:
    issued = issue(organization)
    client = api(operator)
    one = f"/api/v1/api-keys/{issued.key.pk}"
    body = {"name": "Mine", "scopes": ["read"]}
    assert told(client.post(address(organization), body)) == (403, "more_than_own")
    assert told(client.post(f"{one}/rotate")) == (403, "more_than_own")
    assert client.get(one).status_code == 200
    assert client.delete(one).status_code == 204
    assert told(client_of(issued.text).get("/api/v1/clinics")) == (401, "key_revoked")


def test_a_rotated_key_works_on_for_the_overlap(
    organization: Organization, manager: User, api: Api, clock: Clock
) -> None:
    old = issue(organization, "read", "book", name="Agent", rate_limit=70)
    clock.advance(86_400)
    answer = api(manager).post(f"/api/v1/api-keys/{old.key.pk}/rotate")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert (made["name"], made["scopes"], made["rate_limit"]) == ("Agent", ["book", "read"], 70)
    assert made["expires_at"] == "2031-03-06T15:00:00Z"
    old.key.refresh_from_db()
    assert str(old.key.replaced_by_id) == made["id"]
    assert old.key.expires_at == clock.now + timedelta(hours=24)
    both = [client_of(old.text), client_of(made["key"])]
    assert [each.get("/api/v1/clinics").status_code for each in both] == [200, 200]
    clock.advance(86_400)
    assert told(both[0].get("/api/v1/clinics")) == (401, "key_expired")
    assert both[1].get("/api/v1/clinics").status_code == 200


def test_an_overlap_makes_no_key_live_longer(
    organization: Organization, manager: User, api: Api, clock: Clock
) -> None:
    ends = clock.now + timedelta(hours=1)
    old = issue(organization, expires_at=ends)
    body = {"overlap_hours": 168}
    assert api(manager).post(f"/api/v1/api-keys/{old.key.pk}/rotate", body).status_code == 201
    old.key.refresh_from_db()
    assert old.key.expires_at == ends


@pytest.mark.parametrize(
    ("overlap", "status"), [(0, 201), (168, 201), (-1, 400), (169, 400), ("x", 400), (None, 400)]
)
def test_an_overlap_is_up_to_a_week(
    organization: Organization, manager: User, api: Api, overlap: Any, status: int
) -> None:
    old = issue(organization)
    answer = api(manager).post(f"/api/v1/api-keys/{old.key.pk}/rotate", {"overlap_hours": overlap})
    assert answer.status_code == status
    if overlap == 0:
        assert told(client_of(old.text).get("/api/v1/clinics")) == (401, "key_expired")


def test_what_has_ended_is_not_rotated(
    organization: Organization, manager: User, api: Api, clock: Clock
) -> None:
    client = api(manager)

    def rotate(key: ApiKey) -> Any:
        return client.post(f"/api/v1/api-keys/{key.pk}/rotate")

    replaced, revoked = issue(organization).key, issue(organization).key
    expired = issue(organization, expires_at=clock.now + timedelta(seconds=1)).key
    assert rotate(replaced).status_code == 201
    assert client.delete(f"/api/v1/api-keys/{revoked.pk}").status_code == 204
    clock.advance(1)
    for key in (replaced, revoked, expired):
        assert told(rotate(key)) == (409, "key_ended")


def test_a_key_of_a_deleted_clinic_is_not_rotated(
    organization: Organization, clinic: Clinic, manager: User, api: Api
) -> None:
    key = issue(organization, clinics=[clinic.pk]).key
    clinic.delete()
    answer = api(manager).post(f"/api/v1/api-keys/{key.pk}/rotate")
    assert told(answer) == (409, "key_ended")
    message = "A clinic of this key was deleted. Make a new one."
    assert answer.json()["error"]["message"] == message


def test_a_revocation_is_at_once_and_keeps_its_time(
    organization: Organization, manager: User, api: Api, clock: Clock
) -> None:
    issued = issue(organization)
    client = api(manager)
    when = clock.now
    assert client.delete(f"/api/v1/api-keys/{issued.key.pk}").status_code == 204
    assert told(client_of(issued.text).get("/api/v1/clinics")) == (401, "key_revoked")
    clock.advance(60)
    assert client.delete(f"/api/v1/api-keys/{issued.key.pk}").status_code == 204
    assert ApiKey.objects.get().revoked_at == when


def test_nobody_without_a_login_sees_keys(organization: Organization) -> None:
    assert APIClient().get(address(organization)).status_code == 401
    assert APIClient().post(address(organization), {}).status_code == 401


def test_a_key_tells_who_made_it(organization: Organization, manager: User, api: Api) -> None:
    client = api(manager)
    body = {"name": "Agent", "scopes": ["admin"]}
    first = client.post(address(organization), body).json()
    second = client_of(first["key"]).post(address(organization), body).json()
    rows = [client.get(f"/api/v1/api-keys/{each['id']}").json() for each in (first, second)]
    assert [(row["created_by"], row["created_by_key"]) for row in rows] == [
        (manager.username, None),
        (None, first["id"]),
    ]


def test_a_key_made_by_a_key_ends_no_later_than_its_maker(
    organization: Organization, key: Keys, clock: Clock
) -> None:
    client = key("admin", expires_at=clock.now + timedelta(days=7))
    body = {"name": "Next", "scopes": ["admin"]}
    assert client.post(address(organization), body).json()["expires_at"] == "2030-03-12T15:00:00Z"
    sooner = body | {"expires_at": "2030-03-12T14:00:00Z"}
    answer = client.post(address(organization), sooner)
    assert answer.json()["expires_at"] == sooner["expires_at"]
    later = client.post(address(organization), body | {"expires_at": "2030-03-12T15:00:01Z"})
    assert told(later) == (400, "invalid")
    assert later.json()["error"]["details"] == {
        "expires_at": [
            "A key made by a key ends no later than that one, on 2030-03-12T15:00:00+00:00."
        ]
    }


def test_a_key_that_replaces_itself_does_not_live_longer(
    organization: Organization, clock: Clock
) -> None:
    old = issue(organization, "admin", expires_at=clock.now + timedelta(days=7))
    clock.advance(86_400)
    made = client_of(old.text).post(f"/api/v1/api-keys/{old.key.pk}/rotate").json()
    assert (made["expires_at"], made["created_by_key"]) == (
        "2030-03-12T15:00:00Z",
        str(old.key.pk),
    )


def test_a_revocation_ends_every_key_that_followed_and_no_other(
    organization: Organization, manager: User, api: Api
) -> None:
    leaked, other = issue(organization, "admin"), issue(organization, "admin")
    body = {"name": "Next", "scopes": ["admin"]}

    def child_of(text: str) -> str:
        return str(client_of(text).post(address(organization), body).json()["key"])

    def replaced(client: APIClient, text: str) -> str:
        row = ApiKey.objects.get(prefix=text[3:11])
        return str(client.post(f"/api/v1/api-keys/{row.pk}/rotate").json()["key"])

    child = child_of(leaked.text)
    grandchild = child_of(child)
    by_the_key = replaced(client_of(grandchild), other.text)
    by_itself = replaced(client_of(leaked.text), leaked.text)
    by_a_person = replaced(api(manager), child_of(leaked.text))
    ended = [leaked.text, child, grandchild, by_the_key, by_itself]
    assert api(manager).delete(f"/api/v1/api-keys/{leaked.key.pk}").status_code == 204
    answers = [told(client_of(text).get("/api/v1/clinics")) for text in ended]
    assert answers == [(401, "key_revoked")] * 5
    assert client_of(by_a_person).get("/api/v1/clinics").status_code == 200
    assert client_of(other.text).get("/api/v1/clinics").status_code == 200, "its overlap"
    assert len(set(ApiKey.objects.exclude(revoked_at=None).values_list("revoked_at"))) == 1


def test_a_key_that_was_just_revoked_makes_none(organization: Organization) -> None:
    """Its request may have been let in before the revocation, and waits for that to end."""
    key = issue(organization, "admin").key
    keys.revoke(key, timezone.now())
    with pytest.raises(keys.KeyEnded):
        keys.issue(of_key(key), organization, name="Next", scopes=["admin"], now=timezone.now())
    another = issue(organization, "admin").key
    with pytest.raises(keys.KeyEnded):
        keys.rotate(of_key(key), another, timedelta(0), timezone.now())
