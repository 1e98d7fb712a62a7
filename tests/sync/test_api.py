"""Asking for syncs over REST: of one PMS's clinics, and of all of one's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.keys import save
from accounts.models import ApiKey
from clinics import access
from clinics.models import Clinic, Membership, Role, User
from integrations.queries import Resource
from sync.models import SyncRun
from sync.states import Status
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in


@pytest.fixture
def client(desk: Desk) -> APIClient:
    return logged_in(make.member(desk.integration.organization))


@pytest.fixture
def sibling(desk: Desk, connect: Callable[[Clinic], Desk]) -> Desk:
    """A second clinic of the organization, with the same PMS."""
    return connect(make.clinic(desk.integration.organization))


def address(desk: Desk, **asked: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return f"/api/v1/toy/sync/{desk.integration.organization_id}?{query}"


def code(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    return answer.json()["error"]["code"]


def done(desk: Desk, run_id: str) -> SyncRun:
    return desk.work(SyncRun.objects.get(pk=run_id))


def test_a_sync_is_begun_and_followed_to_its_end(client: APIClient, desk: Desk) -> None:
    desk.pms.put(Resource.PATIENTS, toy.patient(1))
    answer = client.post(address(desk))
    assert answer.status_code == 202, answer.content
    (run,), skipped = answer.json()["runs"], answer.json()["skipped"]
    assert skipped == []
    assert (run["clinic"], run["pms"]) == (str(desk.clinic.pk), "toy")
    assert (run["status"], run["mode"], run["is_full"]) == ("queued", "incremental", False)
    assert (run["trigger"], run["deprecated"]) == ("person", None)
    assert answer["Location"] == f"http://testserver/api/v1/sync/runs/{run['id']}"
    assert not answer.has_header("Deprecation")
    done(desk, run["id"])
    told = client.get(answer["Location"]).json()
    assert (told["status"], told["is_full"], told["counts"]["created"]) == ("completed", True, 3)


def test_each_clinic_with_that_pms_gets_a_run_and_no_other(
    client: APIClient, desk: Desk, sibling: Desk
) -> None:
    make.integration(make.clinic(desk.integration.organization))  # of another PMS
    make.integration(make.clinic(), pms="toy")  # of another organization
    runs = client.post(address(desk)).json()["runs"]
    assert {run["clinic"] for run in runs} == {str(desk.clinic.pk), str(sibling.clinic.pk)}
    assert SyncRun.objects.count() == 2


def test_one_clinic_may_be_chosen(client: APIClient, desk: Desk, sibling: Desk) -> None:
    answer = client.post(address(desk, clinic=str(sibling.clinic.pk)))
    assert [run["clinic"] for run in answer.json()["runs"]] == [str(sibling.clinic.pk)]
    assert SyncRun.objects.count() == 1


def test_a_sync_that_is_under_way_is_named_and_none_is_begun(client: APIClient, desk: Desk) -> None:
    run = desk.ask()
    answer = client.post(address(desk, force="true"))
    assert code(answer, 409) == "sync_running"
    assert answer.json()["error"]["details"] == {"run": str(run.pk), "runs": [str(run.pk)]}
    assert SyncRun.objects.count() == 1


def test_where_one_clinic_is_being_read_the_others_are_begun(
    client: APIClient, desk: Desk, sibling: Desk
) -> None:
    run = desk.ask()
    answer = client.post(address(desk))
    assert answer.status_code == 202
    assert [each["clinic"] for each in answer.json()["runs"]] == [str(sibling.clinic.pk)]
    (skipped,) = answer.json()["skipped"]
    assert (skipped["reason"], skipped["run"]["id"]) == ("running", str(run.pk))


def test_within_half_an_hour_of_the_last_only_a_forced_one_is_begun(
    client: APIClient, desk: Desk
) -> None:
    last = desk.sync()
    desk.later(minutes=29)
    answer = client.post(address(desk))
    assert answer.status_code == 200
    assert answer.json()["runs"] == []
    (skipped,) = answer.json()["skipped"]
    assert (skipped["reason"], skipped["run"]["id"]) == ("too_soon", str(last.pk))
    assert SyncRun.objects.count() == 1
    (run,) = client.post(address(desk, force="true")).json()["runs"]
    assert done(desk, run["id"]).is_full is False
    (run,) = client.post(address(desk, force_full="true", mode="incremental")).json()["runs"]
    assert run["is_full"] is True
    assert done(desk, run["id"]).status == Status.COMPLETED


def test_a_forced_one_lets_what_waits_go_on_now(client: APIClient, desk: Desk) -> None:
    run = desk.ask()
    later = desk.clock.now + timedelta(hours=1)
    SyncRun.objects.filter(pk=run.pk).update(status=Status.WAITING, due_at=later)
    assert code(client.post(address(desk)), 409) == "sync_running"
    run.refresh_from_db()
    assert run.due_at == later
    assert code(client.post(address(desk, force="true")), 409) == "sync_running"
    run.refresh_from_db()
    assert run.due_at == desk.clock.now


@pytest.mark.parametrize("mode", ["incremental", "comprehensive"])
def test_modes_are_carried_out(client: APIClient, desk: Desk, mode: str) -> None:
    desk.sync()
    desk.later(hours=1)
    (run,) = client.post(address(desk, mode=mode)).json()["runs"]
    assert done(desk, run["id"]).is_full is (mode == "comprehensive")
    assert (run["mode"], run["deprecated"]) == (mode, None)


@pytest.mark.parametrize(
    ("mode", "reads"), [("basic", ["patients", "appointments"]), ("patients-only", ["patients"])]
)
def test_a_deprecated_mode_works_and_says_so(
    client: APIClient, desk: Desk, mode: str, reads: list[str]
) -> None:
    desk.sync()
    desk.later(hours=1)
    desk.pms.asked.clear()
    answer = client.post(address(desk, mode=mode))
    assert answer.status_code == 202
    assert answer["Deprecation"] == "@1795305600"  # 22 November 2026
    (run,) = answer.json()["runs"]
    assert run["deprecated"] == f"Use the mode incremental instead of {mode}."
    done(desk, run["id"])
    assert [str(feed.resource) for feed, _ in desk.pms.asked] == reads


def test_after_patients_only_a_whole_sync_is_not_too_soon(client: APIClient, desk: Desk) -> None:
    desk.sync()
    desk.later(hours=1)
    (run,) = client.post(address(desk, mode="patients-only")).json()["runs"]
    done(desk, run["id"])
    desk.later(minutes=1)
    assert client.post(address(desk)).status_code == 202


def test_an_unknown_mode_is_400_with_the_ones_there_are(client: APIClient, desk: Desk) -> None:
    answer = client.post(address(desk, mode="upcoming"))
    assert code(answer, 400) == "invalid"
    assert answer.json()["error"]["details"] == {
        "mode": [
            "“upcoming” is no mode; use one of incremental, comprehensive, basic, patients-only."
        ]
    }
    assert not SyncRun.objects.exists()


def test_an_unknown_pms_is_404_with_the_ones_there_are(client: APIClient, desk: Desk) -> None:
    answer = client.post(address(desk).replace("toy", "invented"))
    assert code(answer, 404) == "unknown_pms"
    assert "cliniko, nookal, rest, sikka" in answer.json()["error"]["message"]


def test_another_tenants_organization_and_clinic_are_404(client: APIClient, desk: Desk) -> None:
    foreign = make.integration(make.clinic(), pms="toy")
    for path in (
        f"/api/v1/toy/sync/{foreign.organization_id}",
        f"/api/v1/toy/sync/{uuid4()}",
        address(desk, clinic=str(foreign.clinic_id)),
        f"/api/v1/sync/all?organization={foreign.organization_id}",
        f"/api/v1/sync/all?clinic={foreign.clinic_id}",
    ):
        assert code(client.post(path), 404) == "not_found"
    assert not SyncRun.objects.exists()


def test_an_organization_without_that_pms_is_told_so(client: APIClient, desk: Desk) -> None:
    answer = client.post(address(desk).replace("toy", "sikka"))
    assert code(answer, 409) == "clinic_not_connected"


def test_who_works_at_one_clinic_has_that_one_read(desk: Desk, sibling: Desk) -> None:
    person = make.member(desk.integration.organization)
    Membership.objects.filter(user=person).update(clinics=[desk.clinic.pk])
    client = logged_in(person)
    answer = client.post(address(desk))
    assert [run["clinic"] for run in answer.json()["runs"]] == [str(desk.clinic.pk)]
    answer = client.post(address(desk, clinic=str(sibling.clinic.pk)))
    assert code(answer, 404) == "not_found"


def test_who_may_only_look_there_is_refused_though_they_may_elsewhere(desk: Desk) -> None:
    person = make.member(desk.integration.organization, Role.READ_ONLY)
    Membership.objects.create(user=person, organization=make.organization(), role=Role.STAFF)
    client = logged_in(person)
    for path in (address(desk), "/api/v1/sync/all"):
        assert code(client.post(path), 403) == "permission_denied"
    assert not SyncRun.objects.exists()


def test_a_key_of_its_scope_may_ask_and_the_run_says_which(desk: Desk) -> None:
    key = ApiKey(
        organization=desk.integration.organization,
        name="A program",
        scopes=["sync"],
        expires_at=desk.clock.now + timedelta(days=1),
    )
    issued = save(key, access.NOBODY, desk.clock.now)
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.text}")
    (run,) = program.post(address(desk)).json()["runs"]
    assert (run["requested_by"], run["requested_by_key"]) == (None, str(issued.key.pk))
    assert program.get(f"/api/v1/sync/runs/{run['id']}").status_code == 200
    assert code(program.get(f"/api/v1/clinics/{desk.clinic.pk}/patients"), 403) == "scope_missing"


def test_a_person_who_asked_is_named(client: APIClient, desk: Desk) -> None:
    (run,) = client.post(address(desk)).json()["runs"]
    assert run["requested_by"] == User.objects.get().username


# --- Of all of one's own clinics -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "reads"),
    [
        ("clients", ["patients"]),
        ("appointments", ["appointments"]),
        ("all", ["patients", "appointments"]),
    ],
)
def test_what_is_asked_for_of_one_s_own_is_read(
    client: APIClient, desk: Desk, what: str, reads: list[str]
) -> None:
    desk.sync()
    desk.later(hours=1)
    desk.pms.asked.clear()
    answer = client.post(f"/api/v1/sync/{what}")
    assert answer.status_code == 202, answer.content
    done(desk, answer.json()["runs"][0]["id"])
    assert [str(feed.resource) for feed, _ in desk.pms.asked] == reads
    desk.later(minutes=10)
    assert client.post(f"/api/v1/sync/{what}").status_code == 200  # too soon
    assert client.post("/api/v1/sync/force").status_code == 202
    assert code(client.post("/api/v1/sync/force"), 409) == "sync_running"


def test_all_of_one_s_own_are_read_whatever_their_pms_and_of_nobody_else(
    client: APIClient, desk: Desk
) -> None:
    other = make.integration(make.clinic(desk.integration.organization))
    make.integration(make.clinic(), pms="toy")
    runs = client.post("/api/v1/sync/all").json()["runs"]
    assert {(run["clinic"], run["pms"]) for run in runs} == {
        (str(desk.clinic.pk), "toy"),
        (str(other.clinic_id), "sikka"),
    }
    assert SyncRun.objects.count() == 2


def test_of_two_organizations_one_may_be_chosen(
    desk: Desk, connect: Callable[[Clinic], Desk]
) -> None:
    second = connect(make.clinic())
    person = make.member(desk.integration.organization)
    Membership.objects.create(
        user=person, organization=second.integration.organization, role=Role.STAFF
    )
    client = logged_in(person)
    chosen = second.integration.organization_id
    (run,) = client.post(f"/api/v1/sync/all?organization={chosen}").json()["runs"]
    assert run["clinic"] == str(second.clinic.pk)


def test_other_words_are_no_address(client: APIClient) -> None:
    assert client.post("/api/v1/sync/everything").status_code == 404
