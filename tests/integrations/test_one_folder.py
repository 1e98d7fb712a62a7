"""Another PMS takes one folder and one line of the registry: here, that of a toy shop's diary."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest
import responses

import integrations.adapters
from clinics.models import Clinic, Patient
from clinics.records import PatientRecord, Unreadable
from clinics.services import store
from integrations import registry
from integrations.contract import Priority
from integrations.http.errors import BudgetExhausted, NotAuthorized
from integrations.models import Call, Integration
from integrations.queries import Account, Feed, Resource
from integrations.session import Session, open_session
from tests import make
from tests.conftest import Clock
from tests.integrations import lists

URL = "https://toys.example"
CODE = '''\
"""Toys, a PMS with two patients a page."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import timedelta

from clinics.records import PatientRecord, Unreadable
from integrations.contract import CredentialField, Limit, Manifest, Scope
from integrations.http.errors import NoAnswer, NotAuthorized
from integrations.queries import Account, Changes, Page, Resource

MANIFEST = Manifest(
    name="toys",
    title="Toys",
    limits=(Limit(Scope.INTEGRATION, calls=3, seconds=3600, reserve=0),),
    operations=frozenset(),
    look_back=timedelta(days=7),
    lists={Resource.PATIENTS: Changes()},
    abilities=frozenset(),
    page_size=2,
    credential=(CredentialField(name="key", label="Key"),),
    quality={},
)


def raise_for_error(reply, now):
    if reply.status == 401:
        raise NotAuthorized("Toys answered 401.")
    if reply.status != 200:
        raise NoAnswer(f"Toys answered {reply.status}.")


def rate_signal(reply, now):
    return None


@dataclass
class Toys:
    client: object
    key: str = field(repr=False)
    manifest = MANIFEST
    lists = MANIFEST.lists
    abilities = MANIFEST.abilities
    operations = MANIFEST.operations

    def issue_token(self, refresh_value):
        raise AssertionError("there are no other keys")

    def verify(self):
        return Account(id=self._get("/me")["id"], name="Toys")

    def page(self, feed, position, now):
        data = self._get(f"/patients/{position or 1}")
        records = tuple(_patient(row) for row in data["toys"])
        return Page(records=records, next=str(data["next"] or ""))

    def _get(self, path):
        return self.client.request(
            "GET",
            path,
            dialect=sys.modules[__name__],
            scopes=(Scope.INTEGRATION,),
            headers={"Key": self.key},
        ).data


def _patient(row):
    if "id" not in row:
        return Unreadable("has no id")
    return PatientRecord(
        external_id=row["id"],
        first_name=row["name"],
        last_name="Toy",
        birth_date=None,
        email="",
        phone="",
        is_active=True,
    )


def connect(client, account, credential, options, tokens):
    return Toys(client, credential["key"])


def base_url(credential):
    return "https://toys.example"
'''


@pytest.fixture(autouse=True)
def _toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the folder there, and the line into the registry."""
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys/__init__.py").write_text(CODE)
    monkeypatch.setattr(
        integrations.adapters, "__path__", [*integrations.adapters.__path__, str(tmp_path)]
    )
    monkeypatch.setitem(registry.ADAPTERS, "toys", "integrations.adapters.toys")
    invalidate_caches()
    yield
    sys.modules.pop("integrations.adapters.toys", None)


@pytest.fixture
def linked(clinic: Clinic) -> Integration:
    return make.integration(
        clinic, pms="toys", base_url=URL, account="t1", credential={"key": "the-key"}
    )


@pytest.fixture
def session(linked: Integration, clock: Clock) -> Session:
    return open_session(linked, Priority.LOW, lambda: clock.now)


def shelves(mock: responses.RequestsMock) -> None:
    """Three pages: a row without an id on the second, nothing on the third."""
    mock.get(f"{URL}/patients/1", json={"toys": [{"id": "1", "name": "Ada"}], "next": 2})
    mock.get(f"{URL}/patients/2", json={"toys": [{}, {"id": "2", "name": "Bo"}], "next": 3})
    mock.get(f"{URL}/patients/3", json={"toys": [], "next": None})


@responses.activate
def test_its_list_is_read_to_the_end_within_its_budget_and_stored(
    session: Session, linked: Integration, clock: Clock
) -> None:
    shelves(responses.mock)
    found = lists.records(session.adapter, Resource.PATIENTS, clock.now)
    good = [each for each in found if isinstance(each, PatientRecord)]
    assert [each.external_id for each in good] == ["1", "2"]
    assert [each for each in found if isinstance(each, Unreadable)] == [Unreadable("has no id")]
    assert store(linked.clinic, good, now=clock.now).created == 2
    names = {patient.first_name for patient in Patient.objects.filter(clinic=linked.clinic)}
    assert names == {"Ada", "Bo"}
    assert [call.request.headers["Key"] for call in responses.calls] == ["the-key"] * 3

    with pytest.raises(BudgetExhausted) as caught:
        session.adapter.page(Feed(resource=Resource.PATIENTS), "", clock.now)
    assert len(responses.calls) == 3, "its manifest allows three calls an hour"
    assert caught.value.retry_at is not None
    assert caught.value.retry_at > clock.now


@responses.activate
def test_its_errors_and_its_calls_are_kept_as_anybodys(session: Session, clock: Clock) -> None:
    responses.get(f"{URL}/me", status=401, json={})
    with pytest.raises(NotAuthorized):
        session.adapter.verify()
    call = Call.objects.get()
    assert (call.path, call.status, call.error) == ("/me", 401, "not_authorized")


@responses.activate
def test_it_tells_whom_it_lets_in(session: Session) -> None:
    responses.get(f"{URL}/me", json={"id": "t1"})
    assert session.adapter.verify() == Account(id="t1", name="Toys")
    assert registry.base_url("toys", {}) == URL
    assert "the-key" not in repr(session.adapter)
