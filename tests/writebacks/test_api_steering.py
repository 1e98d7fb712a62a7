"""Writebacks are steered over REST: withdrawn, asked for again, looked at and decided."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Membership, Role, User
from integrations.models import Integration
from tests import make
from tests.clinics.test_permissions import key_of
from tests.writebacks.rest import Desk, code, desk, wrong
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
LIST = "/api/v1/writebacks"


@pytest.fixture
def front(api: Callable[[User], APIClient], staff: User, integration: Integration) -> Desk:
    made = desk(api(staff), integration)
    made.profile()
    return made


def writeback(front: Desk, **fields: Any) -> Writeback:
    """A booking of half an hour in two days that is queued, unless fields say otherwise."""
    answer = front.ask("post", "appointments", front.slot(allow_overlap=True))
    assert answer.status_code == 202
    Writeback.objects.filter(pk=answer.json()["id"]).update(**fields)
    return Writeback.objects.get(pk=answer.json()["id"])


def ended(status: str, **fields: Any) -> dict[str, Any]:
    code = "pms_failed" if status == "failed" else ""
    over = {"status": status, "completed_at": timezone.now(), "due_at": None, "failure_code": code}
    return over | fields


PENDING = {"status": "pending", "external_id": "w1"}
UNCONFIRMED = {"status": "unconfirmed", "submitted_at": timezone.now()}


def steer(front: Desk, writeback: Writeback, how: str, body: Any = None, **more: Any) -> Any:
    return front.ask("post", f"{LIST}/{writeback.pk}/{how}", body, **more)


# --- Withdrawing ----------------------------------------------------------------------------------


def test_a_queued_one_is_withdrawn_at_once_by_whom_the_timeline_names(
    front: Desk, staff: User
) -> None:
    queued = writeback(front)
    answer = steer(front, queued, "cancel")
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"{LIST}/{queued.pk}")
    assert (answer.json()["status"], answer.json()["result"]) == ("cancelled", "failed")
    assert queued.events.last().person == staff


def test_a_pending_one_is_withdrawn_when_the_pms_agrees(front: Desk) -> None:
    answer = steer(front, writeback(front, **PENDING), "cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    assert answer.json()["events"][-1]["event"] == "withdraw_asked"


@pytest.mark.parametrize(
    "fields", [{"status": "submitting"}, UNCONFIRMED, ended("completed", created_external_id="9")]
)
def test_what_is_on_its_way_or_at_its_end_is_not_withdrawn(
    front: Desk, fields: dict[str, Any]
) -> None:
    late = writeback(front, **fields)
    assert code(steer(front, late, "cancel")) == "cannot_withdraw"
    late.refresh_from_db()
    assert late.status == fields["status"]


# --- Asking again ---------------------------------------------------------------------------------


def test_a_failed_one_is_asked_for_again_as_a_new_one_that_names_it(front: Desk) -> None:
    failed = writeback(front, **ended("failed"))
    answer = steer(front, failed, "retry", key="again")
    assert answer.status_code == 202
    seen = answer.json()
    assert (seen["retry_of"], seen["status"]) == (str(failed.pk), "queued")
    assert seen["request"] == failed.command
    assert answer.headers["Location"].endswith(seen["id"])
    told = front.client.get(f"{LIST}/{failed.pk}").json()
    assert (told["retried_as"], told["status"]) == (seen["id"], "failed")


def test_repeating_a_retry_gives_the_same_one_also_when_its_time_has_passed(front: Desk) -> None:
    failed = writeback(front, **ended("failed"))
    first = steer(front, failed, "retry", key="again")
    failed.command["starts_at"] = (timezone.now() - timedelta(days=1)).isoformat()
    failed.save()
    again = steer(front, failed, "retry", key="again")
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_retry_needs_a_key_and_happens_once(front: Desk) -> None:
    failed = writeback(front, **ended("failed"))
    bare = front.client.post(f"{LIST}/{failed.pk}/retry")
    assert code(bare, 400) == "idempotency_key_required"
    assert steer(front, failed, "retry").status_code == 202
    assert code(steer(front, failed, "retry")) == "retried_already"
    assert Writeback.objects.filter(retry_of=failed).count() == 1


def test_what_has_not_failed_is_not_asked_for_again(front: Desk) -> None:
    assert code(steer(front, writeback(front), "retry")) == "not_failed"


def test_a_time_that_has_passed_is_not_asked_for_again(front: Desk) -> None:
    failed = writeback(front, **ended("failed"))
    failed.command["starts_at"] = (timezone.now() - timedelta(days=1)).isoformat()
    failed.save()
    assert code(steer(front, failed, "retry")) == "time_passed"


def test_a_time_that_somebody_else_has_by_now_is_answered_with_others(front: Desk) -> None:
    body = front.slot()
    first = front.ask("post", "appointments", body)
    failed = Writeback.objects.get(pk=first.json()["id"])
    steer(front, failed, "cancel")
    assert front.ask("post", "appointments", body).status_code == 202
    answer = steer(front, failed, "retry")
    assert code(answer) == "slot_taken"
    assert answer.json()["error"]["details"]["alternatives"]


# --- Looking and deciding -------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [PENDING, UNCONFIRMED])
def test_the_pms_is_asked_now_about_what_is_open(front: Desk, fields: dict[str, Any]) -> None:
    later = timezone.now() + timedelta(hours=1)
    still_open = writeback(front, **fields, due_at=later)
    assert steer(front, still_open, "reconcile").status_code == 202
    still_open.refresh_from_db()
    assert still_open.due_at < later
    assert still_open.status == fields["status"]


def test_about_what_is_not_open_it_need_not_be_asked(front: Desk) -> None:
    assert code(steer(front, writeback(front), "reconcile")) == "not_open"


@pytest.mark.parametrize(
    ("decision", "status"), [("completed", "completed"), ("failed", "failed"), ("again", "queued")]
)
def test_a_person_decides_what_nobody_can_vouch_for(
    front: Desk, staff: User, decision: str, status: str
) -> None:
    lost = writeback(front, **UNCONFIRMED)
    said = {"decision": decision, "reason": "Looked at the day's page in the practice."}
    answer = steer(front, lost, "decide", said)
    assert answer.status_code == 202
    assert answer.json()["status"] == status
    last = lost.events.last()
    assert (last.event, last.person, last.note) == (f"decided_{decision}", staff, said["reason"])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"decision": "completed"}, "reason"),
        ({"decision": "completed", "reason": " "}, "reason"),
        ({"decision": "completed", "reason": "x" * 301}, "reason"),
        ({"decision": "perhaps", "reason": "Looked."}, "decision"),
        ({"reason": "Looked."}, "decision"),
    ],
)
def test_a_decision_is_one_of_three_and_has_a_reason(
    front: Desk, said: dict[str, str], field: str
) -> None:
    lost = writeback(front, **UNCONFIRMED)
    assert list(wrong(steer(front, lost, "decide", said))) == [field]
    lost.refresh_from_db()
    assert lost.status == "unconfirmed"


def test_only_what_is_unconfirmed_is_decided(front: Desk) -> None:
    said = {"decision": "completed", "reason": "Looked."}
    assert code(steer(front, writeback(front, **PENDING), "decide", said)) == "not_unconfirmed"


# --- Who may --------------------------------------------------------------------------------------


def test_a_program_withdraws_and_repeats_but_does_not_decide(front: Desk) -> None:
    lost, queued = writeback(front, **UNCONFIRMED), writeback(front)
    program, issued = APIClient(), key_of(front.integration.organization, ["book"])
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.text}")
    Writeback.objects.update(requested_by_key=issued.key)
    said = {"decision": "completed", "reason": "Looked."}
    assert code(program.post(f"{LIST}/{lost.pk}/decide", said), 403) == "not_for_keys"
    assert program.post(f"{LIST}/{queued.pk}/cancel").status_code == 202
    again = program.post(f"{LIST}/{queued.pk}/retry", headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    kept = Writeback.objects.get(pk=again.json()["id"])
    assert (kept.requested_by, kept.requested_by_key.scopes) == (None, ["book"])
    lost.refresh_from_db()
    assert lost.status == "unconfirmed"


@pytest.mark.parametrize("how", ["cancel", "retry", "reconcile", "decide"])
def test_a_program_that_may_only_ask_does_not_see_what_others_asked_for(
    front: Desk, how: str
) -> None:
    queued = writeback(front)
    program = APIClient()
    text = key_of(front.integration.organization, ["book"]).text
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    answer = program.post(f"{LIST}/{queued.pk}/{how}", headers={"Idempotency-Key": "k"})
    assert code(answer, 404) == "not_found"
    queued.refresh_from_db()
    assert queued.status == "queued"


@pytest.mark.parametrize("how", ["cancel", "retry", "reconcile", "decide"])
def test_who_may_look_here_and_ask_elsewhere_is_403_here(
    front: Desk, api: Callable[[User], APIClient], how: str
) -> None:
    ours, elsewhere = front.integration.organization, make.organization()
    both = make.member(ours, Role.READ_ONLY)
    Membership.objects.create(user=both, organization=elsewhere, role=Role.STAFF)
    queued = writeback(front)
    client = api(both)
    assert client.get(f"{LIST}/{queued.pk}").status_code == 200
    answer = client.post(f"{LIST}/{queued.pk}/{how}", headers={"Idempotency-Key": "k"})
    assert code(answer, 403) == "permission_denied"
    queued.refresh_from_db()
    assert queued.status == "queued"
