"""The admin's pages: readable, tenant by tenant, without secrets, in a steady number of queries."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from clinics.models import Appointment, User
from integrations.models import Integration
from tests import make
from writebacks.finding import STANDINGS
from writebacks.models import Writeback
from writebacks.states import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return make.member(make.organization(), is_staff=True, is_superuser=True)


@pytest.fixture
def desk(integration: Integration) -> User:
    return make.member(integration.organization, is_staff=True)


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_first_page_shows_a_members_own_practices_and_an_operator_all(
    integration: Integration, desk: User, operator: User
) -> None:
    theirs = make.integration(make.clinic())
    page = logged_in(desk).get("/admin/").content.decode()
    assert integration.clinic.name in page
    assert theirs.clinic.name not in page
    page = logged_in(operator).get("/admin/").content.decode()
    assert integration.clinic.name in page
    assert theirs.clinic.name in page


def test_a_writebacks_page_tells_its_whole_story(integration: Integration, desk: User) -> None:
    now = timezone.now()
    writeback = make.writeback(integration, requested_by=desk)
    writeback.advance(Event.CLAIMED, now, attempts=1)
    writeback.advance(
        Event.ACCEPTED, now, calls=1, external_id="275495", due_at=now + timedelta(seconds=30)
    )
    page = logged_in(desk).get(f"/admin/writebacks/writeback/{writeback.pk}/change/")
    text = page.content.decode()
    assert page.status_code == 200
    for words in (
        "Ada Invented",
        "Mara Dentist",
        "Wed 06 Mar 2030, 09:00 (America/New_York), 30 min",
        "275495",
        "Accepted by the PMS",
        "submitting → pending · 1 API call",
        "The PMS has it and is at work",
    ):
        assert words in text


def test_the_list_filters_answer_an_operators_questions(
    integration: Integration, desk: User
) -> None:
    now = timezone.now()
    late = make.writeback(integration, due_at=now - timedelta(minutes=5))
    budget_wait = make.writeback(integration, waiting_for="waiting_for_budget")
    offline = make.writeback(integration, waiting_for="agent_offline")
    earlier = make.writeback(integration, waiting_for="earlier_write", due_at=None, after=offline)
    going = make.writeback(integration, status="pending", external_id="7", withdraw_asked_at=now)
    unknown = make.writeback(integration, status="unconfirmed")
    parked = make.writeback(integration, status="unconfirmed", waiting_for="person", due_at=None)
    rejected = make.writeback(integration, waiting_for="not_authorized")
    ended = {"status": "completed", "completed_at": now, "due_at": None}
    done = make.writeback(integration, **ended)
    unread = make.writeback(integration, **ended | {"due_at": now})
    client = logged_in(desk)

    def found(standing: str) -> set[Writeback]:
        page = client.get("/admin/writebacks/writeback/", {"standing": standing})
        return set(page.context["cl"].result_list)

    moving = {late, budget_wait, offline, earlier, going, rejected}
    assert {standing: found(standing) for standing in STANDINGS} == {
        "open": moving | {unknown, parked},
        "moving": moving,
        "stuck": {late, parked, rejected},
        "person": {parked, rejected},
        "unconfirmed": {unknown, parked},
        "budget": {budget_wait},
        "agent": {offline},
        "earlier": {earlier},
        "withdrawing": {going},
        "identifying": {unread},
        "late": {late},
        "completed": {done, unread},
        "failed": set(),
    }
    assert found("unheard-of") == moving | {unknown, parked, done, unread}


def test_a_writeback_is_found_by_the_start_of_its_id_and_by_what_the_pms_calls_it(
    integration: Integration, desk: User
) -> None:
    first = make.writeback(
        integration, pk=UUID("abcdef01-0000-4000-8000-000000000001"), external_id="275495"
    )
    second = make.writeback(
        integration,
        pk=UUID("abcdef02-0000-4000-8000-000000000002"),
        created_external_id="70148",
    )
    foreign = make.writeback(
        make.integration(make.clinic()),
        pk=UUID("abcdef03-0000-4000-8000-000000000003"),
        external_id="275495",
    )
    client = logged_in(desk)

    def found(text: str) -> set[Writeback]:
        page = client.get("/admin/writebacks/writeback/", {"q": text})
        return set(page.context["cl"].result_list)

    assert found("abcdef") == {first, second}
    assert found(" ABCDEF01-0000 ") == {first}
    assert found(str(second.pk)) == {second}
    assert found("275495") == {first}
    assert found("70148") == {second}
    for nothing in ("27549", "Ada", "abcdef0g", str(foreign.pk), "a" * 33):
        assert found(nothing) == set()
    assert found("") == {first, second}


PAGES = [
    "clinics/appointment",
    "clinics/clinic",
    "clinics/location",
    "clinics/operatory",
    "clinics/patient",
    "clinics/practitioner",
    "integrations/integration",
    "writebacks/writeback",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_list_opens_and_shows_nothing_of_another_organization(
    integration: Integration, desk: User, path: str
) -> None:
    other = make.integration(make.clinic())
    for each in (integration, other):
        writeback = make.writeback(each)
        asked = writeback.command
        Appointment.objects.create(
            organization=each.organization,
            clinic=each.clinic,
            external_id="1",
            patient_id=asked["patient"],
            starts_at=timezone.now(),
            ends_at=timezone.now() + timedelta(hours=1),
            status="booked",
        )
    page = logged_in(desk).get(f"/admin/{path}/")
    assert page.status_code == 200
    assert other.clinic.name not in page.content.decode(), "not in a filter either"
    rows = list(page.context["cl"].result_list)
    assert rows
    assert {row.organization_id for row in rows} == {integration.organization_id}
    change = logged_in(desk).get(f"/admin/{path}/{rows[0].pk}/change/")
    assert change.status_code == 200
    model = type(rows[0])
    foreign = model.objects.filter(organization=other.organization)[0]
    answer = logged_in(desk).get(f"/admin/{path}/{foreign.pk}/change/")
    assert answer.status_code == 404


def test_no_page_shows_a_secret_of_an_integration(integration: Integration, operator: User) -> None:
    integration.credential = {"app_id": "a", "app_key": "sEcReT-1", "secret_key": "sEcReT-2"}
    integration.access_key, integration.refresh_key = "sEcReT-3", "sEcReT-4"
    integration.save()
    client = logged_in(operator)
    for page in ("", f"{integration.pk}/change/", f"{integration.pk}/history/"):
        answer = client.get(f"/admin/integrations/integration/{page}")
        assert answer.status_code == 200
        assert b"sEcReT" not in answer.content


def test_staff_cannot_change_what_only_the_program_writes(
    integration: Integration, desk: User
) -> None:
    writeback = make.writeback(integration)
    client = logged_in(desk)
    for action in ("change", "delete"):
        address = f"/admin/writebacks/writeback/{writeback.pk}/{action}/"
        assert client.post(address, {"status": "completed"}).status_code == 403
    assert client.get("/admin/writebacks/writeback/add/").status_code == 403
    writeback.refresh_from_db()
    assert writeback.status == "queued"


def test_a_page_of_the_admin_carries_a_strict_content_policy(operator: User) -> None:
    policy = logged_in(operator).get("/admin/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
