"""Signatures are the specification's, and during a rotation both secrets sign."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from clinics.access import Access, Holding
from clinics.models import Organization
from clinics.permissions import Action
from tests.conftest import START, Clock
from tests.webhooks.conftest import Tell, receiving, send, verified
from webhooks import endpoints, signing
from webhooks.models import Endpoint

#: The example of the specification's own libraries.
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_known_text_has_its_known_signature() -> None:
    class Named(UUID):
        def __str__(self) -> str:
            return "msg_p5jXN8AQM9LWM0D4loKWxJek"

    moment = datetime.fromtimestamp(1614265330, UTC)
    found = signing.headers(Named(int=1), '{"test": 2432232314}', [KEY], moment)
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNED,
    }


def test_a_secret_is_whsec_and_32_random_bytes() -> None:
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    for secret in (first, second):
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_every_secret_signs_and_no_other_does(clock: Clock) -> None:
    keys = [signing.new_secret() for _ in range(3)]
    found = signing.headers(uuid4(), "{}", keys[:2], START)
    assert found["webhook-signature"].count("v1,") == 2
    for key in keys[:2]:
        assert Webhook(key).verify("{}", found) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(keys[2]).verify("{}", found)


def anything_in(organization: Organization) -> Access:
    """An access that may say where events go."""
    return Access(holdings=(Holding(organization_id=organization.pk, actions=frozenset(Action)),))


@pytest.mark.django_db
@pytest.mark.usefixtures("private")
def test_after_a_rotation_the_old_secret_verifies_until_its_overlap_ends(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    old = endpoint.secret
    access = anything_in(endpoint.organization)
    new = endpoints.rotate(access, endpoint, timedelta(hours=1), clock.now).secret
    assert new != old
    with receiving(endpoint) as server:
        tell()
        send(endpoint)
        assert verified(server.requests[0], old) == verified(server.requests[0], new)
        clock.advance(3600)
        tell()
        send(endpoint)
    assert verified(server.requests[1], new)
    with pytest.raises(WebhookVerificationError):
        verified(server.requests[1], old)


@pytest.mark.django_db
def test_a_rotation_without_an_overlap_forgets_the_old_secret(
    endpoint: Endpoint, clock: Clock
) -> None:
    access = anything_in(endpoint.organization)
    issued = endpoints.rotate(access, endpoint, timedelta(0), clock.now)
    assert endpoint.secrets(clock.now) == [issued.secret]
    assert (endpoint.old_secret, endpoint.old_secret_until) == ("", None)
    with pytest.raises(ValueError, match="an overlap of"):
        endpoints.rotate(access, endpoint, timedelta(days=8), clock.now)
