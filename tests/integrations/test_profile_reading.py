"""Reading a PMS's lists into the profile, and `manage.py profile`, which tells what they hold."""

from __future__ import annotations

import dataclasses
import io
import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import responses
from django.core.management import CommandError, call_command
from django.utils import timezone

from config.demo.profiles import set_up_profile
from integrations.adapters import sikka
from integrations.contract import Priority
from integrations.http.errors import NotAuthorized, NotReached, TooLate
from integrations.models import Call, Integration, Profile
from integrations.profiles import read_vocabulary, status_word
from integrations.sandbox import running
from tests import make
from tests.conftest import START, Clock
from tests.integrations.adapters.conftest import envelope, message

pytestmark = pytest.mark.django_db
LISTS = ("/practice_variables", "/writeback_details", "/note_types", "/payment_types")
STATUS = {"service_name": "Appointment Status", "value": "void", "service_item": "Voided"}


def now() -> datetime:
    return START


@pytest.fixture
def pms() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def answers(pms: responses.RequestsMock, of: Integration, *bodies: Any) -> None:
    """Answer the four lists in their order; None is an empty one, a text the code of a refusal."""
    for path, body in zip(LISTS, bodies, strict=True):
        url = f"{of.base_url}{path}"
        if body is None:
            pms.add("GET", url, status=204)
        elif isinstance(body, str):
            pms.add("GET", url, json=message(body, 401), status=401)
        else:
            pms.add("GET", url, json=envelope(*body))


def test_the_lists_are_kept_with_when_they_were_asked_for(
    clock: Clock, pms: responses.RequestsMock, integration: Integration
) -> None:
    answers(pms, integration, [STATUS], None, "API2004", [{"code": "3", "description": "Check"}])
    profile = read_vocabulary(integration, now)
    assert profile == Profile.objects.get()
    assert profile.vocabulary_read_at == START
    assert profile.vocabulary == {
        "statuses": [["void", "Voided"]],
        "appointment_types": [],
        "note_types": [],
        "payment_types": [["3", "Check"]],
        "unread": {
            "note_types": "Sikka answered 401 API2004: the application's plan does not include "
            "this call."
        },
    }
    assert (profile.cancel_word, profile.checked_at) == ("", None), "nothing is chosen by it"


def test_background_reading_leaves_the_reserve_alone_and_a_waiting_person_may_use_it(
    clock: Clock, pms: responses.RequestsMock, integration: Integration
) -> None:
    answers(pms, integration, None, None, None, None)
    read_vocabulary(integration, now)
    read_vocabulary(integration, now, priority=Priority.HIGH)
    used = Call.objects.order_by("pk").values_list("priority", "correlation")
    assert list(used) == [("low", "read_vocabulary")] * 4 + [("high", "read_vocabulary")] * 4


def test_of_two_readings_the_one_that_began_later_stays(
    clock: Clock, pms: responses.RequestsMock, integration: Integration
) -> None:
    answers(pms, integration, [STATUS], None, None, None)
    read_vocabulary(integration, lambda: START + timedelta(seconds=1))
    for path in LISTS:
        pms.replace("GET", f"{integration.base_url}{path}", status=204)
    profile = read_vocabulary(integration, now)
    assert profile.vocabulary["statuses"] == [["void", "Voided"]]
    assert profile.vocabulary_read_at == START + timedelta(seconds=1)


def test_reading_undoes_nothing_that_a_person_saves_meanwhile(
    clock: Clock, pms: responses.RequestsMock, integration: Integration
) -> None:
    answers(pms, integration, [STATUS], None, None, None)
    read_vocabulary(integration, now)

    def save_meanwhile() -> datetime:
        Profile.objects.update(arrived_word="void")
        return START + timedelta(hours=1)

    profile = read_vocabulary(integration, save_meanwhile)
    assert profile.arrived_word == "void"
    assert profile.vocabulary_read_at == START + timedelta(hours=1)


def test_a_pms_that_does_not_answer_leaves_the_lists_of_before(
    clock: Clock, integration: Integration
) -> None:
    with responses.RequestsMock() as pms:
        answers(pms, integration, [STATUS], None, None, None)
        before = read_vocabulary(integration, now)
    with pytest.raises(NotReached):
        read_vocabulary(integration, lambda: START + timedelta(hours=1))
    after = Profile.objects.get()
    assert (after.vocabulary, after.vocabulary_read_at) == (before.vocabulary, START)


def test_a_credential_that_may_see_nothing_leaves_no_profile(
    clock: Clock, pms: responses.RequestsMock, integration: Integration
) -> None:
    answers(pms, integration, "API2003", "API2003", "API2003", "API2003")
    with pytest.raises(NotAuthorized):
        read_vocabulary(integration, now)
    assert not Profile.objects.exists()


def test_after_the_deadline_nothing_is_asked(clock: Clock, integration: Integration) -> None:
    with pytest.raises(TooLate):
        read_vocabulary(integration, now, deadline=START)
    assert not Call.objects.exists()


@pytest.fixture
def office(clock: Clock, integration: Integration) -> Iterator[Integration]:
    """The first office of a running sandbox."""
    with running(seed=7) as sandbox:
        offer = sandbox.credentials
        first = offer["offices"][0]
        integration.base_url, integration.account = sandbox.url, first["office_id"]
        integration.credential = {
            "app_id": offer["app_id"],
            "app_key": offer["app_key"],
            "secret_key": first["secret_key"],
        }
        integration.access_key = integration.refresh_key = ""
        integration.key_expires_at = None
        integration.save()
        yield integration


def test_the_demos_practice_can_call_an_appointment_off(office: Integration) -> None:
    profile = set_up_profile(office)
    assert status_word(profile, "cancelled") == "cancelled"
    assert status_word(profile, "confirmed") == "open.confirm"
    assert (profile.currency, profile.hours["sun"]) == ("USD", [])
    calls = Call.objects.count()
    assert set_up_profile(office).pk == profile.pk
    assert Call.objects.count() == calls, "a second run asks nothing"


# --- manage.py profile ---------------------------------------------------------------------------


def told(clinic_id: Any, *options: str, code: int | None = None) -> str:
    out = io.StringIO()
    if code is None:
        call_command("profile", str(clinic_id), *options, stdout=out)
    else:
        with pytest.raises(SystemExit) as ended:
            call_command("profile", str(clinic_id), *options, stdout=out)
        assert ended.value.code == code
    return out.getvalue()


def can_cancel_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Frontdesk call appointments off in this PMS, and do nothing else."""
    manifest = dataclasses.replace(sikka.MANIFEST, operations=frozenset({"cancel"}))
    monkeypatch.setattr(sikka.adapter.Sikka, "manifest", manifest)


def test_the_command_tells_what_is_offered_set_and_missing(
    clock: Clock,
    pms: responses.RequestsMock,
    integration: Integration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    can_cancel_only(monkeypatch)
    text = told(integration.clinic_id, code=1)
    assert "lists read never, checked never" in text
    assert "statuses of an appointment: not read yet; use --read" in text
    assert "! cancel: No cancel word is set: nobody can call an appointment off." in text
    assert not Call.objects.exists()

    cancelled = STATUS | {"value": "cancelled", "service_item": "cancelled"}
    answers(pms, integration, [STATUS, cancelled], None, "API2004", None)
    text = told(integration.clinic_id, "--read", code=1)
    assert "statuses of an appointment: void (Voided), cancelled" in text
    assert "types of appointment: none" in text
    assert "types of note: Sikka answered 401 API2004" in text
    assert "cancel_word: not set (looks like it: cancelled)" in text

    Profile.objects.update(cancel_word="void", checked_at=timezone.now())
    text = told(integration.clinic_id)
    assert 'cancel_word: "void"' in text
    assert "Nothing is missing." in text


def test_as_json_it_is_one_object_for_programs(
    integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    can_cancel_only(monkeypatch)
    report = json.loads(told(integration.clinic_id, "--json", code=1))
    assert report["clinic"] == str(integration.clinic_id)
    assert report["is_complete"] is False
    assert report["missing"] == [
        {
            "operation": "cancel",
            "field": "cancel_word",
            "reason": "not_set",
            "words": "No cancel word is set: nobody can call an appointment off.",
            "blocks": True,
            "code": "cancel_word_not_set",
        }
    ]


def test_a_clinic_that_is_unknown_or_not_connected_or_away_is_said_in_words(
    integration: Integration,
) -> None:
    with pytest.raises(CommandError, match="no clinic of this id"):
        told(uuid.uuid4())
    with pytest.raises(CommandError, match="not connected to a PMS yet"):
        told(make.clinic().pk)
    with pytest.raises(CommandError, match="The PMS's lists could not be read: "):
        told(integration.clinic_id, "--read")
    with pytest.raises(CommandError, match="invalid UUID value"):
        told("not-an-id")
