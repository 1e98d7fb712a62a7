"""An organization with a webhook, and a receiver on this machine that notes what it hears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from clinics.models import Clinic, Organization, Role, User
from config.celery import app as celery_app
from integrations.http import transport
from tests import make
from tests.integrations.wire import Heard, Peer, Script, Wire, serving
from webhooks.models import Delivery, Endpoint
from webhooks.publishing import publish
from webhooks.tasks import deliver

#: What an event tells; invented.
DATA = {"writeback": "0b7c", "patient": "Ada Invented"}
URL = "https://receiver.example/hook"


@pytest.fixture
def endpoint(organization: Organization) -> Endpoint:
    return make.webhook(organization, url=URL)


@pytest.fixture
def manager(organization: Organization) -> User:
    """A clinic admin of the whole organization."""
    return make.member(organization, Role.CLINIC_ADMIN, is_staff=True, email="ada@clinic.example")


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator", password=make.PASSWORD)


@pytest.fixture
def private(settings: Any) -> None:
    """Let webhooks go to this machine."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True


@pytest.fixture
def _tasks_at_once() -> Iterator[None]:
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


Tell = Callable[..., UUID]


@pytest.fixture
def tell(clinic: Clinic) -> Tell:
    """Publish an event of the clinic and return its id; nothing is sent by it."""

    def told(type: str = "writeback.completed", **changes: Any) -> UUID:
        event_id = changes.pop("event_id", None) or uuid4()
        values = {"data": DATA, "now": timezone.now()} | changes
        publish(clinic.organization_id, clinic.pk, type, event_id=event_id, **values)
        return event_id

    return told


def says(status: str, **headers: str) -> Script:
    """Read a request and answer so."""

    def script(peer: Peer) -> None:
        peer.read()
        peer.answer(b"", status=status, **headers)

    return script


@contextmanager
def receiving(endpoint: Endpoint, *scripts: Script) -> Iterator[Wire]:
    """Move an endpoint to a server on this machine that follows these scripts."""
    with serving(*(scripts or (says("204 No Content"),))) as server:
        endpoint.url = f"{server.address}/hook"
        endpoint.save(update_fields=["url"])
        yield server


def send(endpoint: Endpoint) -> None:
    """Let a worker send what is due to the endpoint."""
    deliver(str(endpoint.pk))
    endpoint.refresh_from_db()


def only_delivery() -> Delivery:
    return Delivery.objects.get()


def attempts(delivery: Delivery) -> list[tuple[int | None, str]]:
    """The status codes and errors of a delivery's attempts, the first one first."""
    return list(delivery.log.values_list("status_code", "error"))


def verified(heard: Heard, secret: str) -> Any:
    """What a receiver that checks the signature makes of a request."""
    return Webhook(secret).verify(heard.body, heard.headers)


@pytest.fixture(autouse=True)
def _closed_sessions() -> Iterator[None]:
    yield
    for allow_private in (False, True):
        transport._session(allow_private, hurried=True).close()
