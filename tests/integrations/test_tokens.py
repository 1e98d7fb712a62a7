"""Keys: renewed in time by one at a time, from the credential where all else fails; never shown."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
import responses

from integrations.contract import Priority, Token
from integrations.http.errors import (
    BudgetExhausted,
    KeyExpired,
    NoAnswer,
    NotAuthorized,
    NotReached,
    PmsError,
    Refused,
    Throttled,
    TokenBusy,
)
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.sandbox import running
from integrations.session import open_session
from integrations.tasks import refresh_token, refresh_tokens
from integrations.tokens import BUSY_RETRY, LEASE, StoredTokens
from tests import make
from tests.conftest import START, Clock
from tests.integrations.lists import records
from tests.integrations.threads import at_once

DAY = timedelta(hours=24)
LEASE_SECONDS = LEASE.total_seconds()


def token(name: str, lifetime: timedelta = DAY) -> Token:
    return Token(value=name, refresh_value=f"refresh-of-{name}", lifetime=lifetime)


@dataclass
class Issuer:
    """What a PMS answers to one request for a key after another."""

    answers: list[Token | PmsError]
    asked: list[str] = field(default_factory=list)

    def __call__(self, refresh_value: str) -> Token:
        self.asked.append(refresh_value)
        answer = self.answers.pop(0)
        if isinstance(answer, PmsError):
            raise answer
        return answer


def tokens(
    of: Integration, issue: Callable[[str], Token], clock: Clock | None = None
) -> StoredTokens:
    """What a process of its own would work with: the row as it is now."""
    now: Callable[[], datetime] = (lambda: clock.now) if clock else (lambda: START)
    source = StoredTokens(Integration.objects.get(pk=of.pk), now)
    source.issue = issue
    return source


@pytest.fixture
def linked(clock: Clock, integration: Integration) -> Integration:
    """Its key was made now and lives for 24 hours."""
    Integration.objects.filter(pk=integration.pk).update(
        access_key="old", refresh_key="refresh-old", key_renewed_at=clock.now
    )
    integration.refresh_from_db()
    return integration


def ended(of: Integration) -> Integration:
    of.key_expires_at = START - timedelta(seconds=1)
    of.save()
    return of


# --- When ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [0, 1, 22, 22.999])
def test_a_key_is_used_for_23_of_its_24_hours(
    clock: Clock, linked: Integration, hours: float
) -> None:
    clock.advance(hours * 3600)
    issuer = Issuer([])
    source = tokens(linked, issuer, clock)
    assert source.current() == "old"
    source.renew_if_due()
    assert issuer.asked == []


@pytest.mark.parametrize("hours", [23, 23.5, 24, 100])
def test_after_23_hours_it_is_renewed_before_the_next_call(
    clock: Clock, linked: Integration, hours: float
) -> None:
    clock.advance(hours * 3600)
    issuer = Issuer([token("new")])
    source = tokens(linked, issuer, clock)
    assert source.current() == "new"
    assert source.current() == "new"
    assert issuer.asked == ["refresh-old"]


def test_a_key_of_half_an_hour_is_not_renewed_before_every_call(
    clock: Clock, linked: Integration
) -> None:
    Integration.objects.update(key_expires_at=clock.now + timedelta(minutes=30))
    linked.refresh_from_db()
    issuer = Issuer([token("new")])
    clock.advance(28 * 60)
    assert tokens(linked, issuer, clock).current() == "old"
    clock.advance(60)
    assert tokens(linked, issuer, clock).current() == "new"


def test_a_key_that_is_due_but_not_ended_is_used_when_no_new_one_comes(
    clock: Clock, linked: Integration
) -> None:
    clock.advance(23 * 3600)
    issuer = Issuer([NotReached("away")])
    assert tokens(linked, issuer, clock).current() == "old"
    Integration.objects.update(key_lease_until=clock.now + timedelta(seconds=15))
    assert tokens(linked, Issuer([]), clock).current() == "old", "another renews it right now"
    clock.advance(3600)
    with pytest.raises(NotReached):
        tokens(linked, Issuer([NotReached("away")]), clock).current()


def test_a_key_that_has_not_ended_is_used_although_its_renewal_is_rejected(
    clock: Clock, linked: Integration
) -> None:
    clock.advance(23 * 3600)
    issuer = Issuer([NotAuthorized("no"), NotAuthorized("no")])
    assert tokens(linked, issuer, clock).current() == "old"
    linked.refresh_from_db()
    assert linked.status == IntegrationStatus.ERROR, "a person is told at once"


def test_what_comes_back_is_stored_with_its_end(clock: Clock, linked: Integration) -> None:
    clock.advance(23 * 3600)
    tokens(linked, Issuer([token("new", timedelta(seconds=85603))]), clock).current()
    linked.refresh_from_db()
    assert (linked.access_key, linked.refresh_key) == ("new", "refresh-of-new")
    assert linked.key_renewed_at == START + timedelta(hours=23)
    assert linked.key_expires_at == START + timedelta(hours=23, seconds=85603)
    assert linked.key_lease_until is None


def test_a_first_key_is_asked_for_without_a_refresh_key(clock: Clock, linked: Integration) -> None:
    Integration.objects.update(
        access_key="", refresh_key="", key_expires_at=None, status=IntegrationStatus.SETUP_REQUIRED
    )
    issuer = Issuer([token("first")])
    assert tokens(linked, issuer).current() == "first"
    assert issuer.asked == [""]
    linked.refresh_from_db()
    assert linked.status == IntegrationStatus.SETUP_REQUIRED, "a key alone does not finish it"


def test_a_rejected_key_is_replaced_although_it_is_not_due(linked: Integration) -> None:
    issuer = Issuer([token("new")])
    assert tokens(linked, issuer).renew("old") == "new"
    assert issuer.asked == ["refresh-old"]


def test_a_rejected_key_that_somebody_replaced_meanwhile_costs_no_request(
    linked: Integration,
) -> None:
    issuer = Issuer([])
    source = tokens(linked, issuer)
    Integration.objects.update(access_key="newer")
    assert source.renew("old") == "newer"
    assert issuer.asked == []


def test_a_process_that_knows_only_the_old_key_takes_the_stored_one(
    clock: Clock, linked: Integration
) -> None:
    issuer = Issuer([token("new")])
    source, other = tokens(linked, issuer, clock), tokens(linked, issuer, clock)
    clock.advance(23 * 3600)
    assert (source.current(), other.current()) == ("new", "new")
    assert len(issuer.asked) == 1


# --- One at a time -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_while_one_renews_all_others_are_told_to_come_again_and_ask_nothing(
    linked: Integration,
) -> None:
    ended(linked)
    others_are_done, asked = Event(), []

    def slow(refresh_value: str) -> Token:
        asked.append(refresh_value)
        assert others_are_done.wait(10)
        return token("new")

    busy: list[TokenBusy] = []

    def one(number: int) -> str:
        try:
            return tokens(linked, slow).current()
        except TokenBusy as error:
            busy.append(error)
            if len(busy) == 5:
                others_are_done.set()
            return "busy"

    assert sorted(at_once(6, one)) == [*["busy"] * 5, "new"]
    assert asked == ["refresh-old"]
    assert {error.retry_at for error in busy} == {START + BUSY_RETRY}
    assert {error.may_have_happened for error in busy} == {False}
    assert tokens(linked, slow).current() == "new"


@pytest.mark.django_db(transaction=True)
def test_many_processes_on_an_ended_key_make_one_request_to_the_pms(clock: Clock) -> None:
    with running(seed=7) as sandbox:
        offer = sandbox.credentials
        office = offer["offices"][0]
        linked = make.integration(
            make.clinic(),
            base_url=sandbox.url,
            account=office["office_id"],
            credential={**offer, "offices": [], "secret_key": office["secret_key"]},
            refresh_key="",
            key_expires_at=START - timedelta(seconds=1),
        )

        def one(number: int) -> str:
            mine = Integration.objects.get(pk=linked.pk)
            try:
                return open_session(mine, Priority.HIGH).tokens.current()
            except TokenBusy:
                return "busy"

        found = set(at_once(6, one))
        calls = sandbox.control.calls()

    linked.refresh_from_db()
    assert found - {"busy"} == {linked.access_key}
    assert [(call["method"], call["status"]) for call in calls] == [("POST", 200)]


def test_the_lease_of_a_killed_renewer_lapses_after_15_seconds(
    clock: Clock, linked: Integration
) -> None:
    class Killed(BaseException):
        """What a kill looks like from here: nothing after the call runs."""

    def killed(refresh_value: str) -> Token:
        raise Killed

    ended(linked)
    with pytest.raises(Killed):
        tokens(linked, killed, clock).current()
    issuer = Issuer([token("new")])

    clock.advance(14.9)
    with pytest.raises(TokenBusy):
        tokens(linked, issuer, clock).current()
    assert issuer.asked == []

    clock.advance(0.1)
    assert tokens(linked, issuer, clock).current() == "new"
    assert issuer.asked == ["refresh-old"]


def test_a_renewer_that_outlived_its_lease_does_not_undo_what_another_stored(
    clock: Clock, linked: Integration
) -> None:
    def slow(refresh_value: str) -> Token:
        clock.advance(LEASE_SECONDS)
        assert tokens(linked, Issuer([token("another's")]), clock).current() == "another's"
        return token("slow")

    ended(linked)
    assert tokens(linked, slow, clock).current() == "slow", "both keys work"
    linked.refresh_from_db()
    assert (linked.access_key, linked.refresh_key) == ("another's", "refresh-of-another's")


def test_a_renewer_that_outlived_its_lease_and_failed_says_nothing_of_the_key_of_another(
    clock: Clock, linked: Integration
) -> None:
    def slow(refresh_value: str) -> Token:
        clock.advance(LEASE_SECONDS)
        tokens(linked, Issuer([token("another's")]), clock).current()
        raise NotAuthorized("Rejected.")

    ended(linked)
    with pytest.raises(NotAuthorized):
        tokens(linked, slow, clock).current()
    linked.refresh_from_db()
    assert (linked.access_key, linked.status) == ("another's", IntegrationStatus.ACTIVE)
    assert linked.error_message == ""


# --- When it goes wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rejection", [NotAuthorized("No."), Refused("Not this."), KeyExpired("It has ended.")]
)
def test_a_rejected_refresh_key_falls_back_to_the_credential(
    linked: Integration, rejection: PmsError
) -> None:
    issuer = Issuer([rejection, token("new")])
    assert tokens(ended(linked), issuer).current() == "new"
    assert issuer.asked == ["refresh-old", ""]
    linked.refresh_from_db()
    assert (linked.refresh_key, linked.status) == ("refresh-of-new", IntegrationStatus.ACTIVE)


@pytest.mark.parametrize(
    "failure", [Throttled("Too many."), NotReached("Away."), BudgetExhausted("Used.")]
)
def test_a_pms_that_cannot_answer_now_is_not_asked_again_by_the_credential(
    linked: Integration, failure: PmsError
) -> None:
    issuer = Issuer([failure])
    with pytest.raises(type(failure)):
        tokens(ended(linked), issuer).current()
    assert issuer.asked == ["refresh-old"]
    linked.refresh_from_db()
    assert (linked.status, linked.error_message) == (IntegrationStatus.ACTIVE, "")
    assert (linked.access_key, linked.refresh_key) == ("old", "refresh-old")
    assert linked.key_lease_until is None, "the next caller may try at once"


def test_a_key_that_did_not_come_does_not_make_a_write_doubtful(linked: Integration) -> None:
    # The call that wanted the key was never sent, so nothing of it may have happened.
    with pytest.raises(PmsError) as caught:
        tokens(ended(linked), Issuer([NoAnswer("Nothing came.")])).current()
    assert caught.value.may_have_happened is False
    assert type(caught.value) is NotReached


def test_a_key_that_is_refused_does_not_refuse_the_write_for_good(linked: Integration) -> None:
    with pytest.raises(PmsError) as caught:
        tokens(ended(linked), Issuer([Refused("A."), Refused("Sikka answered 404.")])).current()
    assert type(caught.value) is NotAuthorized
    linked.refresh_from_db()
    assert linked.error_message == "Sikka answered 404."


@pytest.mark.parametrize("rejection", [NotAuthorized, Refused, KeyExpired])
def test_when_both_are_rejected_the_integration_says_so(
    linked: Integration, rejection: type[PmsError]
) -> None:
    issuer = Issuer([rejection("First no."), rejection("Sikka answered 401 API2003.")])
    with pytest.raises(NotAuthorized):
        tokens(ended(linked), issuer).current()
    assert issuer.asked == ["refresh-old", ""]
    linked.refresh_from_db()
    assert (linked.status, linked.error_message) == (
        IntegrationStatus.ERROR,
        "Sikka answered 401 API2003.",
    )
    assert linked.key_lease_until is None


def test_a_long_reason_is_cut_to_what_the_column_holds(linked: Integration) -> None:
    with pytest.raises(NotAuthorized):
        tokens(ended(linked), Issuer([Refused("x" * 900), Refused("y" * 900)])).current()
    linked.refresh_from_db()
    assert linked.error_message == "y" * 500


def test_a_success_ends_the_error(linked: Integration) -> None:
    Integration.objects.update(status=IntegrationStatus.ERROR, error_message="Rejected.")
    tokens(ended(linked), Issuer([token("new")])).current()
    linked.refresh_from_db()
    assert (linked.status, linked.error_message) == (IntegrationStatus.ACTIVE, "")


# --- The task ------------------------------------------------------------------------------------

REQUEST_KEY = "http://127.0.0.1:9/sikka/v4/request_key"
NEW_KEY = {"request_key": "new", "refresh_key": "refresh-new", "expires_in": "86400 second(s)"}
REJECTION = {"error_code": "API2003", "short_message": "No", "long_message": "No: app-key secret"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The integrations for which a renewal was started."""
    ids: list[str] = []
    monkeypatch.setattr(refresh_token, "delay", ids.append)
    return ids


def test_only_keys_that_are_due_are_renewed_by_the_tick(
    clock: Clock, organization: Any, started: list[str]
) -> None:
    def make_one(**fields: Any) -> str:
        return str(make.integration(make.clinic(organization), **fields).pk)

    due = [
        make_one(key_expires_at=START + timedelta(hours=1)),
        make_one(key_expires_at=START - timedelta(hours=5)),
        make_one(key_expires_at=None),
        make_one(key_expires_at=START, status=IntegrationStatus.ERROR),
    ]
    make_one(key_expires_at=START + timedelta(hours=1, seconds=1))
    make_one(key_expires_at=None, status=IntegrationStatus.SETUP_REQUIRED)

    assert refresh_tokens() == 4
    assert sorted(started) == sorted(due)


@responses.activate
def test_the_task_renews_a_due_key_and_leaves_a_fresh_one(
    clock: Clock, linked: Integration
) -> None:
    responses.post(REQUEST_KEY, json=NEW_KEY)
    refresh_token(str(linked.pk))
    assert len(responses.calls) == 0
    clock.advance(23 * 3600)
    refresh_token(str(linked.pk))
    refresh_token(str(linked.pk))
    assert len(responses.calls) == 1
    linked.refresh_from_db()
    assert (linked.access_key, linked.refresh_key) == ("new", "refresh-new")


@pytest.mark.parametrize(
    "renew",
    [
        lambda session: session.tokens.renew("old"),
        lambda session: records(session.adapter, Resource.PATIENTS),
    ],
)
@responses.activate
def test_a_rejected_credential_is_tried_again_by_the_task_until_it_works(
    clock: Clock, linked: Integration, started: list[str], renew: Any
) -> None:
    # The key was revoked: it would have lived for 24 hours.
    responses.get(
        "http://127.0.0.1:9/sikka/v4/patients", json={"error_code": "API1025"}, status=400
    )
    responses.post(REQUEST_KEY, json=REJECTION, status=401)
    responses.post(REQUEST_KEY, json=REJECTION, status=401)
    responses.post(REQUEST_KEY, json=NEW_KEY)
    with pytest.raises(NotAuthorized):
        renew(open_session(linked, Priority.LOW))
    linked.refresh_from_db()
    assert (linked.status, linked.error_message) == (
        IntegrationStatus.ERROR,
        "Sikka answered 401 API2003: check the integration's credential and rights.",
    )

    assert refresh_tokens() == 1
    assert started == [str(linked.pk)]
    refresh_token(started[0])
    linked.refresh_from_db()
    assert (linked.status, linked.access_key) == (IntegrationStatus.ACTIVE, "new")
    assert refresh_tokens() == 0


@pytest.mark.parametrize("status", [401, 404, 429, 503])
@responses.activate
def test_a_failed_renewal_is_logged_and_ends_the_task_quietly(
    linked: Integration, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    responses.post(REQUEST_KEY, json=REJECTION, status=status)
    refresh_token(str(ended(linked).pk))
    assert f"integration {linked.pk}: key not renewed" in caplog.text


# --- Secrets -------------------------------------------------------------------------------------

SECRETS = {
    "app_id": "APP-ID-IN-THE-OPEN",
    "app_key": "APP-KEY-IN-THE-OPEN",
    "secret_key": "SECRET-KEY-IN-THE-OPEN",
}
KEYS = {"access_key": "ACCESS-KEY-IN-THE-OPEN", "refresh_key": "REFRESH-KEY-IN-THE-OPEN"}


def leaks(text: str) -> list[str]:
    return [secret for secret in (*SECRETS.values(), *KEYS.values()) if secret in text]


@pytest.fixture
def secretive(clock: Clock, clinic: Any) -> Integration:
    return make.integration(clinic, credential=SECRETS, **KEYS)


def test_nothing_secret_shows_in_any_object(secretive: Integration) -> None:
    session = open_session(secretive, Priority.LOW)
    adapter: Any = session.adapter
    issued = Token(value=KEYS["access_key"], refresh_value=KEYS["refresh_key"], lifetime=DAY)
    objects = [
        secretive, session, session.tokens, session.tokens.issue, adapter, adapter.calls.credential,
        adapter.calls, adapter.calls.client, adapter.calls.tokens, issued,
        secretive.counters(["application", "integration"]),
    ]  # fmt: skip
    assert leaks(" ".join(f"{item!r} {item!s}" for item in objects)) == []
    assert "Credential(office_id=" in repr(adapter)


@pytest.mark.parametrize("status", [400, 401, 404, 412, 429, 500, 200])
@responses.activate
def test_nothing_secret_shows_in_errors_logs_or_the_row(
    secretive: Integration, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    everything = " ".join([*SECRETS.values(), *KEYS.values()])
    echo = {"error_code": "API2003", "short_message": "No", "long_message": everything}
    responses.add(responses.POST, REQUEST_KEY, json=echo, status=status)
    base = "http://127.0.0.1:9/sikka/v4"
    responses.add(responses.GET, f"{base}/patients", json=echo, status=status)
    responses.add(responses.GET, f"{base}/authorized_practices", body=everything, status=status)
    session = open_session(secretive, Priority.LOW)
    told = []
    for call in (
        lambda: session.tokens.renew(KEYS["access_key"]),
        lambda: records(session.adapter, Resource.PATIENTS),
        lambda: records(session.adapter, Resource.LOCATIONS),
    ):
        with pytest.raises(PmsError) as caught:
            call()
        told += [repr(caught.value), *traceback.format_exception(caught.value)]
    secretive.refresh_from_db()

    assert leaks(" ".join(told)) == []
    assert leaks(caplog.text) == []
    assert leaks(secretive.error_message) == []
    assert leaks(" ".join(call.request.url or "" for call in responses.calls)) == []
