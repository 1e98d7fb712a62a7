"""How a scope travels: with each statement, and never further."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.db import NotSupportedError, connection, connections, transaction

from clinics.models import Clinic, Patient
from config.celery import app
from tenancy import scope
from tenancy.scope import Actor, Scope
from tests import make


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [name])
        return cursor.fetchone()[0] or ""


def organizations() -> str:
    return setting("frontdesk.organizations")


@pytest.mark.django_db(transaction=True)
def test_a_scope_ends_with_each_statement_and_with_its_block() -> None:
    clinic = make.clinic()
    with scope.organizations(clinic.organization_id):
        assert organizations() == str(clinic.organization_id)
    assert organizations() == ""


def test_within_one_transaction_too(clinic: Clinic) -> None:
    with transaction.atomic():
        with scope.organizations(clinic.organization_id):
            assert organizations() == str(clinic.organization_id)
            with scope.within(scope.NOTHING):
                assert organizations() == ""
            assert organizations() == str(clinic.organization_id)
        assert organizations() == ""


def test_a_savepoint_that_is_rolled_back_changes_no_scope(clinic: Clinic) -> None:
    with scope.organizations(clinic.organization_id):
        point = transaction.savepoint()
        assert Patient.objects.count() == 0
        transaction.savepoint_rollback(point)
        assert organizations() == str(clinic.organization_id)


def test_an_error_in_a_savepoint_can_be_rolled_back(clinic: Clinic) -> None:
    with scope.organizations(clinic.organization_id), connection.cursor() as cursor:
        with pytest.raises(Exception, match="division by zero"), transaction.atomic():
            cursor.execute("SELECT 1/0")
        assert organizations() == str(clinic.organization_id)


def test_the_actor_reaches_the_database_whatever_it_is_called(db: None) -> None:
    actor = Actor(user_id=7, role='O\'Hara; 100%s \\ "quoted"', address="::1")
    with scope.within(Scope(actor=actor)):
        for statement, parameters in (
            ("SELECT current_setting('frontdesk.actor')::jsonb ->> 'role', '%%'", []),
            ("SELECT current_setting('frontdesk.actor')::jsonb ->> 'role', '%'", None),
        ):
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                assert cursor.fetchone() == (actor.role, "%")


def test_results_are_those_of_the_statement_itself(clinic: Clinic) -> None:
    with scope.organizations(clinic.organization_id), connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS one UNION SELECT 2 ORDER BY 1")
        assert [column.name for column in cursor.description] == ["one"]
        assert cursor.rowcount == 2
        assert cursor.fetchall() == [(1,), (2,)]


def test_many_statements_at_once_carry_no_scope_and_are_refused(clinic: Clinic) -> None:
    with (
        scope.organizations(clinic.organization_id),
        connection.cursor() as cursor,
        pytest.raises(NotSupportedError, match="single statements"),
    ):
        cursor.executemany("SELECT %s", [(1,), (2,)])


def test_another_thread_begins_without_it(clinic: Clinic) -> None:
    found: list[Scope | None] = []
    with scope.organizations(clinic.organization_id):
        thread = threading.Thread(target=lambda: found.append(scope.current()))
        thread.start()
        thread.join()
    assert found == [None]


def test_a_task_begins_for_no_tenant_under_its_own_name(clinic: Clinic) -> None:
    seen: list[Scope | None] = []

    @app.task(name="tests.look")
    def look() -> None:
        seen.append(scope.current())

    with scope.organizations(clinic.organization_id):
        look()
        assert scope.current() is not None
    assert seen == [Scope(actor=Actor(role="tests.look"))]


def test_the_tenant_of_a_row_is_found_by_its_id(clinic: Clinic) -> None:
    theirs = make.clinic()
    with scope.within(scope.NOTHING), scope.tenant_of(Clinic, clinic.pk):
        assert organizations() == str(clinic.organization_id)
        assert not Clinic.objects.filter(pk=theirs.pk).exists()
        assert setting("frontdesk.scope") == "tenant"


@pytest.fixture
def small_pool(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the web of this process share two connections, as its real one shares ten."""
    settings = connections["default"].settings_dict
    connections["default"].close()
    monkeypatch.setitem(settings, "OPTIONS", {"pool": {"min_size": 1, "max_size": 2}})
    yield
    connections["default"].close()
    connections["default"].close_pool()


def test_200_mixed_requests_over_two_connections_never_cross(
    small_pool: None, live_server: Any, api: Any
) -> None:
    wanted: dict[str, set[str]] = {}
    tokens = {}
    for name in ("ours", "theirs", "third"):
        clinic = make.clinic()
        wanted[name] = {str(make.record(Patient, clinic).pk) for _ in range(5)}
        client = api(make.member(clinic.organization))
        tokens[name] = (client._credentials["HTTP_AUTHORIZATION"], clinic.pk)
    connections["default"].close()
    answers: list[tuple[str, int, set[str]]] = []
    refused: list[int] = []

    def ask(number: int) -> None:
        with requests.Session() as http:
            for step in range(25):
                name = list(wanted)[(number + step) % 3]
                foreign = list(wanted)[(number + step + 1) % 3]
                headers = {"Authorization": tokens[name][0]}
                base = f"{live_server.url}/api/v1/clinics"
                if step % 5 == 4:
                    path = f"{base}/{tokens[foreign][1]}/patients"
                    refused.append(http.get(path, headers=headers, timeout=30).status_code)
                    continue
                path = f"{base}/{tokens[name][1]}/patients"
                answer = http.get(path, headers=headers, timeout=30)
                rows = {row["id"] for row in answer.json().get("results", [])}
                answers.append((name, answer.status_code, rows))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) + len(refused) == 200
    assert refused == [404] * 40
    assert [each for each in answers if each != (each[0], 200, wanted[each[0]])] == []
