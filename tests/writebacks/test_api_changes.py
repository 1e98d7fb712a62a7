"""Changes of an appointment over REST: another time, a cancellation, a new status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Operatory, Practitioner, User
from integrations.adapters.sikka import adapter
from integrations.models import Integration
from tests import make
from tests.writebacks.rest import Desk, code, desk, noon, wrong
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
HALF = timedelta(minutes=30)


@pytest.fixture
def front(api: Callable[[User], APIClient], staff: User, integration: Integration) -> Desk:
    made = desk(api(staff), integration)
    made.profile()
    return made


def later(**fields: Any) -> dict[str, Any]:
    start = noon(4)
    return {"starts_at": start.isoformat(), "ends_at": (start + HALF).isoformat()} | fields


# --- Another time ---------------------------------------------------------------------------------


def test_what_is_left_out_of_a_new_time_stays_as_it_is(front: Desk) -> None:
    visit = front.appointment()
    answer = front.ask("put", f"appointments/{visit.pk}", later())
    assert answer.status_code == 202
    seen = answer.json()
    assert (seen["operation"], seen["appointment"]) == ("reschedule", str(visit.pk))
    assert seen["request"] == {
        "appointment": str(visit.pk),
        "practitioner": str(front.practitioner.pk),
        "operatory": str(front.operatory.pk),
        "location": str(front.location.pk),
        "starts_at": noon(4).isoformat(),
        "ends_at": (noon(4) + HALF).isoformat(),
        "allow_overlap": False,
    }
    visit.refresh_from_db()
    assert visit.starts_at == noon(3), "our copy follows the PMS's word, not the request"


def test_somebody_else_somewhere_else_can_be_named(front: Desk) -> None:
    visit = front.appointment()
    ines = make.record(Practitioner, front.integration.clinic, first_name="Ines")
    chair = make.record(Operatory, front.integration.clinic, name="2")
    named = later(practitioner=str(ines.pk), operatory=str(chair.pk))
    asked = front.ask("put", f"appointments/{visit.pk}", named).json()["request"]
    assert (asked["practitioner"], asked["operatory"]) == (str(ines.pk), str(chair.pk))


def test_what_our_copy_does_not_know_of_the_appointment_has_to_be_named(front: Desk) -> None:
    visit = front.appointment(operatory=None)
    assert list(wrong(front.ask("put", f"appointments/{visit.pk}", later()))) == ["operatory"]
    named = later(operatory=str(front.operatory.pk))
    assert front.ask("put", f"appointments/{visit.pk}", named).status_code == 202


def test_an_appointment_of_somebody_who_has_left_needs_another(front: Desk) -> None:
    visit = front.appointment()
    Practitioner.objects.update(is_active=False)
    details = wrong(front.ask("put", f"appointments/{visit.pk}", later()))
    assert list(details) == ["practitioner"]
    assert not Writeback.objects.exists()


def test_it_may_be_moved_over_its_own_time_but_not_over_anothers(front: Desk) -> None:
    visit = front.appointment()
    front.appointment(starts_at=noon(4), ends_at=noon(4) + HALF)
    answer = front.ask("put", f"appointments/{visit.pk}", later())
    assert code(answer) == "slot_taken"
    assert answer.json()["error"]["details"]["alternatives"]
    start = visit.starts_at + timedelta(minutes=10)
    own = {"starts_at": start.isoformat(), "ends_at": (start + HALF).isoformat()}
    assert front.ask("put", f"appointments/{visit.pk}", own).status_code == 202


def test_it_is_not_moved_outside_the_hours_unless_that_is_meant(front: Desk) -> None:
    front.profile(hours={day: [["01:00", "02:00"]] for day in ("mon", "tue", "wed")})
    visit = front.appointment()
    assert code(front.ask("put", f"appointments/{visit.pk}", later())) == "outside_hours"
    assert not Writeback.objects.exists()
    meant = later(outside_hours=True)
    assert front.ask("put", f"appointments/{visit.pk}", meant).status_code == 202


def test_the_same_key_for_another_appointment_is_422(front: Desk) -> None:
    one, other = front.appointment(), front.appointment(starts_at=noon(9), ends_at=noon(9) + HALF)
    assert front.ask("delete", f"appointments/{one.pk}", key="same").status_code == 202
    again = front.ask("delete", f"appointments/{one.pk}", key="same")
    assert again.headers["Idempotent-Replayed"] == "true"
    reused = front.ask("delete", f"appointments/{other.pk}", key="same")
    assert code(reused, 422) == "idempotency_key_reused"
    assert Writeback.objects.count() == 1


# --- Cancelling -----------------------------------------------------------------------------------


def test_a_cancellation_is_asked_for_by_delete_and_sent_in_the_pmss_word(front: Desk) -> None:
    visit = front.appointment()
    answer = front.ask("delete", f"appointments/{visit.pk}")
    assert answer.status_code == 202
    assert answer.json()["operation"] == "cancel"
    kept = Writeback.objects.get()
    assert kept.method == "PATCH"
    assert (kept.request_body["path"], kept.request_body["value"]) == (
        "/appointment_status",
        "Broken",
    )
    assert front.client.get(f"{front.base}/appointments/{visit.pk}").json()["status"] == "booked"


@pytest.mark.parametrize("status", ["cancelled", "noshow", "fulfilled", "entered-in-error"])
@pytest.mark.parametrize("method", ["put", "delete"])
def test_what_is_over_is_neither_moved_nor_cancelled(front: Desk, method: str, status: str) -> None:
    visit = front.appointment(status=status)
    answer = front.ask(method, f"appointments/{visit.pk}", later())
    assert code(answer) == f"appointment_{status}"
    assert not Writeback.objects.exists()


def test_what_has_passed_is_not_cancelled(front: Desk) -> None:
    start = timezone.now() - timedelta(hours=2)
    visit = front.appointment(starts_at=start, ends_at=start + HALF)
    assert code(front.ask("delete", f"appointments/{visit.pk}")) == "appointment_past"


def test_it_is_cancelled_by_one_at_a_time(front: Desk) -> None:
    visit = front.appointment()
    assert front.ask("delete", f"appointments/{visit.pk}").status_code == 202
    assert code(front.ask("delete", f"appointments/{visit.pk}")) == "being_changed"
    assert Writeback.objects.count() == 1


def test_without_a_word_for_it_in_the_profile_it_is_409(front: Desk) -> None:
    front.profile(cancel_word="")
    visit = front.appointment()
    answer = front.ask("delete", f"appointments/{visit.pk}")
    assert code(answer) == "profile_incomplete"
    assert "cancelled" in answer.json()["error"]["message"]


def test_an_appointment_whose_site_is_unknown_lacks_what_the_pms_needs(front: Desk) -> None:
    visit = front.appointment(location=None)
    assert code(front.ask("delete", f"appointments/{visit.pk}")) == "record_incomplete"


# --- Status ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "word"), [("confirmed", "Confirmed"), ("arrived", "Here"), ("noshow", "No Show")]
)
def test_a_status_is_sent_in_the_pmss_word(front: Desk, status: str, word: str) -> None:
    visit = front.appointment()
    answer = front.ask("post", f"appointments/{visit.pk}/status", {"status": status})
    assert answer.status_code == 202
    assert answer.json()["operation"] == "set_status"
    assert Writeback.objects.get().request_body["value"] == word


@pytest.mark.parametrize("status", ["cancelled", "booked", "", None])
def test_any_other_status_is_400(front: Desk, status: str | None) -> None:
    visit = front.appointment()
    answer = front.ask("post", f"appointments/{visit.pk}/status", {"status": status})
    assert list(wrong(answer)) == ["status"]


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_cancelled_appointment_is_not_confirmed_again_since_its_time_may_be_anothers(
    front: Desk, status: str
) -> None:
    visit = front.appointment(status=status)
    answer = front.ask("post", f"appointments/{visit.pk}/status", {"status": "confirmed"})
    assert code(answer) == f"appointment_{status}"
    assert not Writeback.objects.exists()


def test_one_who_did_not_come_may_have_come_after_all(front: Desk) -> None:
    visit = front.appointment(status="noshow")
    answer = front.ask("post", f"appointments/{visit.pk}/status", {"status": "arrived"})
    assert answer.status_code == 202


# --- What the PMS cannot do, and whose appointment it is ------------------------------------------


def test_what_the_pms_cannot_do_is_409_before_anything_else(
    front: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = front.integration.manifest
    monkeypatch.setattr(
        adapter.Sikka, "manifest", replace(able, operations=able.operations - {"reschedule"})
    )
    visit = front.appointment()
    answer = front.ask("put", f"appointments/{visit.pk}", {})
    assert code(answer) == "operation_not_supported"
    assert answer.json()["error"]["message"] == (
        "Sikka ONE API v4 cannot do this: Reschedule appointment."
    )
    assert front.ask("delete", f"appointments/{visit.pk}").status_code == 202


@pytest.mark.parametrize(("method", "below"), [("put", ""), ("delete", ""), ("post", "/status")])
def test_another_clinics_appointment_is_404(front: Desk, method: str, below: str) -> None:
    sibling = make.integration(make.clinic(front.integration.organization))
    theirs = desk(front.client, sibling).appointment()
    answer = front.ask(method, f"appointments/{theirs.pk}{below}", later(status="arrived"))
    assert code(answer, 404) == "not_found"
    assert not Writeback.objects.exists()
