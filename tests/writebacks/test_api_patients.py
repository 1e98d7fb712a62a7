"""Changes of patients' records over REST: registration, changes, notes and payments."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Location, Patient, User
from integrations.models import Integration
from integrations.profile_model import Profile
from tests import make
from tests.writebacks.rest import Desk, code, desk, wrong
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
GRACE = {
    "first_name": "Grace",
    "last_name": "Invented",
    "birth_date": "1986-12-09",
    "email": "grace@example.org",
    "phone": "555 0101",
}


@pytest.fixture
def front(api: Callable[[User], APIClient], staff: User, integration: Integration) -> Desk:
    made = desk(api(staff), integration)
    made.profile(default_practitioner_id=made.practitioner.pk)
    return made


def today(front: Desk, days: int = 0) -> str:
    local = timezone.now().astimezone(front.location.zone).date()
    return (local + timedelta(days=days)).isoformat()


# --- Registering and changing ---------------------------------------------------------------------


def test_a_patient_is_asked_for_with_what_is_known(front: Desk) -> None:
    answer = front.ask("post", "patients", GRACE)
    assert answer.status_code == 202
    seen = answer.json()
    assert (seen["operation"], seen["patient"], seen["appointment"]) == (
        "create_patient",
        None,
        None,
    )
    sent = Writeback.objects.get().request_body
    assert (sent["firstname"], sent["birthdate"], sent["cell"]) == (
        "Grace",
        "1986-12-09",
        "555 0101",
    )
    assert sent["provider_id"] == front.practitioner.external_id


def test_a_name_is_enough(front: Desk) -> None:
    body = {"first_name": "Grace", "last_name": "Invented"}
    assert front.ask("post", "patients", body).status_code == 202


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_name": None}, "first_name"),
        ({"last_name": " "}, "last_name"),
        ({"last_name": "x" * 101}, "last_name"),
        ({"birth_date": "09.12.1986"}, "birth_date"),
        ({"email": "grace"}, "email"),
        ({"phone": "5" * 41}, "phone"),
        ({"phone": "555\t0101"}, "phone"),
        ({"practitioner": "nobody"}, "practitioner"),
    ],
)
def test_what_cannot_be_is_400_and_named(front: Desk, changes: dict[str, Any], field: str) -> None:
    assert list(wrong(front.ask("post", "patients", GRACE | changes))) == [field]
    assert not Writeback.objects.exists()


def test_nobody_is_born_tomorrow(front: Desk) -> None:
    assert front.ask("post", "patients", GRACE | {"birth_date": today(front)}).status_code == 202
    late = front.ask("post", "patients", GRACE | {"birth_date": today(front, 1)})
    assert wrong(late) == {"birth_date": ["This date lies in the future."]}


def test_a_practice_whose_system_takes_no_changes_of_patients_says_so_at_once(front: Desk) -> None:
    Profile.objects.update(can_update_patients=False)
    refused = front.ask("patch", f"patients/{front.patient.pk}", {"phone": "555 0102"})
    assert (refused.status_code, code(refused)) == (409, "operation_not_supported")
    assert not Writeback.objects.exists()


def test_a_change_names_what_changes_and_nothing_else(front: Desk) -> None:
    answer = front.ask("patch", f"patients/{front.patient.pk}", {"phone": "555 0102", "email": ""})
    assert answer.status_code == 202
    assert answer.json()["patient"] == str(front.patient.pk)
    kept = Writeback.objects.get()
    assert (kept.method, kept.operation) == ("PATCH", "update_patient")
    sent = {name: kept.request_body.get(name) for name in ("cell", "email", "firstname")}
    assert sent == {"cell": "555 0102", "email": "", "firstname": None}
    front.patient.refresh_from_db()
    assert front.patient.phone == "", "our copy follows the PMS's word, not the request"


@pytest.mark.parametrize("named", [{}, {"location": True}])
def test_a_change_of_nothing_is_400(front: Desk, named: dict[str, Any]) -> None:
    body = {"location": str(front.location.pk)} if named else {}
    details = wrong(front.ask("patch", f"patients/{front.patient.pk}", body))
    assert "at least one thing" in details["non_field_errors"][0]
    assert not Writeback.objects.exists()


# --- Notes ----------------------------------------------------------------------------------------


def test_a_note_takes_the_usual_kind_and_todays_date(front: Desk) -> None:
    answer = front.ask("post", f"patients/{front.patient.pk}/notes", {"text": "Called\ntwice."})
    assert answer.status_code == 202
    sent = Writeback.objects.get().request_body
    assert (sent["type"], sent["text"], sent["date"]) == (
        "Clinical Note",
        "Called\ntwice.",
        today(front),
    )


def test_a_note_longer_than_the_pms_keeps_is_400_and_names_the_limit(front: Desk) -> None:
    path = f"patients/{front.patient.pk}/notes"
    assert wrong(front.ask("post", path, {"text": "x" * 41})) == {
        "text": ["This clinic's PMS keeps 40 characters of a note; this one has 41."]
    }
    assert not Writeback.objects.exists()
    assert front.ask("post", path, {"text": "x" * 40}).status_code == 202


def test_where_the_pmss_limit_is_unknown_ours_counts(front: Desk) -> None:
    front.profile(longest_note=None, default_practitioner_id=front.practitioner.pk)
    path = f"patients/{front.patient.pk}/notes"
    assert list(wrong(front.ask("post", path, {"text": "x" * 10_001}))) == ["text"]
    assert front.ask("post", path, {"text": "x" * 10_000}).status_code == 202


@pytest.mark.parametrize("kind", ["notes", "payments"])
def test_a_kind_that_the_pms_does_not_offer_is_400_with_those_that_it_does(
    front: Desk, kind: str
) -> None:
    body = {"text": "Called.", "type": "Gossip", "amount": "1.00", "currency": "USD"}
    (said,) = wrong(front.ask("post", f"patients/{front.patient.pk}/{kind}", body))["type"]
    offered = {"notes": "Clinical Note, PatNote", "payments": "3, 4"}[kind]
    assert said == f"“Gossip” is not known here. Choose one of: {offered}."


def test_before_the_pmss_lists_are_read_no_kind_can_be_named(front: Desk) -> None:
    front.integration.profile.delete()
    body = {"text": "Called.", "type": "PatNote", "practitioner": str(front.practitioner.pk)}
    answer = front.ask("post", f"patients/{front.patient.pk}/notes", body)
    assert code(answer) == "profile_incomplete"


@pytest.mark.parametrize(("kind", "field"), [("notes", "written_on"), ("payments", "paid_on")])
@pytest.mark.parametrize("days", [1, -367])
def test_neither_is_dated_ahead_nor_long_ago(front: Desk, kind: str, field: str, days: int) -> None:
    body = {"text": "Called.", "amount": "1.00", "currency": "USD", field: today(front, days)}
    assert list(wrong(front.ask("post", f"patients/{front.patient.pk}/{kind}", body))) == [field]
    assert not Writeback.objects.exists()


# --- Payments -------------------------------------------------------------------------------------


def pay(front: Desk, **fields: Any) -> Any:
    body = {"amount": "120.50", "currency": "USD"} | fields
    return front.ask("post", f"patients/{front.patient.pk}/payments", body)


def test_a_payment_is_sent_to_the_cent_for_who_bears_the_costs(front: Desk) -> None:
    assert pay(front, type="4").status_code == 202
    kept = Writeback.objects.get()
    assert Decimal(kept.command["amount"]) == Decimal("120.50")
    sent = kept.request_body
    assert (sent["amount"], sent["procedure_code"], sent["guarantor_id"]) == ("120.50", "4", "77")


@pytest.mark.parametrize(
    "amount", ["0", "0.00", "-1", "-0.01", "1.001", "1e-3", "10000000", "NaN", "ten", "", None, []]
)
def test_a_payment_of_nothing_or_of_no_money_is_400(front: Desk, amount: Any) -> None:
    assert list(wrong(pay(front, amount=amount))) == ["amount"]
    assert not Writeback.objects.exists()


@pytest.mark.parametrize("currency", ["EUR", "usd", "US", "dollars", ""])
def test_another_currency_than_the_practices_is_400(front: Desk, currency: str) -> None:
    assert list(wrong(pay(front, currency=currency))) == ["currency"]
    assert not Writeback.objects.exists()


def test_without_a_currency_in_the_profile_no_payment_can_be_recorded(front: Desk) -> None:
    front.profile(payment_type="", currency="", default_practitioner_id=front.practitioner.pk)
    assert code(pay(front)) == "profile_incomplete"


def test_without_a_usual_kind_one_has_to_be_named(front: Desk) -> None:
    front.profile(payment_type="", default_practitioner_id=front.practitioner.pk)
    assert code(pay(front)) == "profile_incomplete"
    assert pay(front, type="3").status_code == 202


def test_a_patient_whose_account_is_unknown_cannot_be_charged(front: Desk) -> None:
    Patient.objects.update(guarantor_id="")
    assert code(pay(front)) == "record_incomplete"


# --- Whose, and where -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("patch", "", {"phone": "555 0102"}),
        ("post", "/notes", {"text": "Called."}),
        ("post", "/payments", {"amount": "1.00", "currency": "USD"}),
    ],
)
def test_another_clinics_patient_is_404_and_one_of_several_sites_must_be_named(
    front: Desk, method: str, below: str, body: dict[str, str]
) -> None:
    theirs = make.record(Patient, make.clinic(front.integration.organization))
    assert code(front.ask(method, f"patients/{theirs.pk}{below}", body), 404) == "not_found"
    second = make.record(Location, front.integration.clinic, name="Second", timezone="UTC")
    path = f"patients/{front.patient.pk}{below}"
    assert list(wrong(front.ask(method, path, body))) == ["location"]
    assert not Writeback.objects.exists()
    named = body | {"location": str(second.pk)}
    assert front.ask(method, path, named).status_code == 202
