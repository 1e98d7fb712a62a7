"""The type of a booking over REST: by id, by a word, or the usual one; and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import AppointmentType, Clinic, User
from integrations.models import Integration
from tests import make
from tests.writebacks.rest import Desk, code, desk, noon, wrong
from writebacks.models import SlotHold, Writeback

pytestmark = pytest.mark.django_db


@pytest.fixture
def front(api: Callable[[User], APIClient], staff: User, integration: Integration) -> Desk:
    return desk(api(staff), integration)


@pytest.fixture
def cliniko(api: Callable[[User], APIClient], staff: User, clinic: Clinic) -> Desk:
    """A clinic whose PMS has no chairs, and books nothing without a type."""
    key = {"api_key": "MS-invented-au1"}
    found = desk(api(staff), make.integration(clinic, pms="cliniko", credential=key))
    found.practitioner.external_id, found.location.external_id = "11", "12"
    found.operatory.delete()
    return found


@pytest.fixture
def cleaning(clinic: Clinic) -> AppointmentType:
    return make.record(
        AppointmentType, clinic, external_id="12", name="Cleaning and polish", minutes=45
    )


def book(front: Desk, **fields: Any) -> Any:
    return front.ask("post", "appointments", front.slot(**fields))


def test_a_type_is_named_by_its_id(front: Desk, cleaning: AppointmentType) -> None:
    answer = book(front, appointment_type=str(cleaning.pk))
    assert answer.status_code == 202
    assert answer.json()["request"]["appointment_type"] == str(cleaning.pk)
    assert Writeback.objects.get().request_body["type"] == "12"


def test_a_word_of_the_profile_stands_for_the_same(front: Desk, cleaning: AppointmentType) -> None:
    front.profile()
    asked = book(front, type="cleaning").json()["request"]
    assert (asked["type"], asked["appointment_type"]) == ("Cleaning", str(cleaning.pk))


def test_who_names_none_gets_the_usual_one(front: Desk, cleaning: AppointmentType) -> None:
    front.profile(appointment_type="12")
    assert book(front).json()["request"]["appointment_type"] == str(cleaning.pk)
    assert Writeback.objects.get().request_body["type"] == "12"


def test_a_usual_type_that_our_copy_does_not_have_is_sent_all_the_same(front: Desk) -> None:
    front.profile(appointment_type="15")
    assert book(front).json()["request"]["appointment_type"] is None
    assert Writeback.objects.get().request_body["type"] == "15"


def test_where_no_type_is_needed_none_is_sent(front: Desk) -> None:
    front.profile()
    assert book(front).status_code == 202
    assert "type" not in Writeback.objects.get().request_body


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_active": False}, "Nothing of this type is booked any more."),
        ({"removed_at": timezone.now()}, "This clinic has no appointment type with this id."),
    ],
)
def test_a_type_that_is_not_booked_any_more_is_400(
    front: Desk, cleaning: AppointmentType, fields: dict[str, Any], words: str
) -> None:
    AppointmentType.objects.update(**fields)
    details = wrong(book(front, appointment_type=str(cleaning.pk)))
    assert details == {"appointment_type": [words]}
    assert not Writeback.objects.exists()


def test_another_clinics_type_is_400(front: Desk) -> None:
    sibling = make.clinic(front.integration.organization)
    theirs = make.record(AppointmentType, sibling, name="Cleaning")
    assert list(wrong(book(front, appointment_type=str(theirs.pk)))) == ["appointment_type"]


def test_a_type_is_named_once(front: Desk, cleaning: AppointmentType) -> None:
    front.profile()
    details = wrong(book(front, appointment_type=str(cleaning.pk), type="Cleaning"))
    assert list(details) == ["appointment_type"]
    assert not Writeback.objects.exists()


def test_a_type_says_how_long_it_takes(front: Desk, cleaning: AppointmentType) -> None:
    asked = book(front, ends_at=None, appointment_type=str(cleaning.pk)).json()["request"]
    assert asked["ends_at"] == (noon() + timedelta(minutes=45)).isoformat()
    assert SlotHold.objects.get().during.upper == noon() + timedelta(minutes=45)


@pytest.mark.parametrize("minutes", [None, 0])
def test_a_type_of_unknown_length_does_not(
    front: Desk, cleaning: AppointmentType, minutes: int | None
) -> None:
    AppointmentType.objects.update(minutes=minutes)
    details = wrong(book(front, ends_at=None, appointment_type=str(cleaning.pk)))
    assert details == {"ends_at": ["Say when it ends: no usual length of its type is known."]}
    assert not Writeback.objects.exists()


def test_a_visit_that_is_moved_stays_as_long_as_it_was(front: Desk) -> None:
    visit = front.appointment(ends_at=noon(3) + timedelta(minutes=50))
    answer = front.ask("put", f"appointments/{visit.pk}", {"starts_at": noon(4).isoformat()})
    ends_at = (noon(4) + timedelta(minutes=50)).isoformat()
    assert answer.json()["request"]["ends_at"] == ends_at


# --- A PMS that books nothing without a type, and has no chairs -----------------------------------


def test_a_pms_that_needs_a_type_is_asked_for_nothing_without(
    cliniko: Desk, cleaning: AppointmentType
) -> None:
    (said,) = wrong(book(cliniko, operatory=None))["appointment_type"]
    assert said.startswith("Name one of the clinic's appointment types")
    assert not Writeback.objects.exists()

    answer = book(cliniko, operatory=None, appointment_type=str(cleaning.pk))
    assert answer.status_code == 202
    assert answer.json()["request"]["operatory"] is None
    writeback = Writeback.objects.get()
    assert writeback.request_body["appointment_type_id"] == "12"
    assert SlotHold.objects.get().operatory is None


def test_free_times_are_offered_without_a_chair(cliniko: Desk, cleaning: AppointmentType) -> None:
    one = {"operatory": None, "appointment_type": str(cleaning.pk)}
    assert book(cliniko, **one).status_code == 202
    taken = book(cliniko, **one)
    assert code(taken) == "slot_taken"
    others = taken.json()["error"]["details"]["alternatives"]
    assert others
    assert {other["operatory"] for other in others} == {None}


def test_a_visit_without_a_chair_is_moved_without_one(cliniko: Desk) -> None:
    visit = cliniko.appointment(operatory=None, external_id="77")
    answer = cliniko.ask("put", f"appointments/{visit.pk}", {"starts_at": noon(4).isoformat()})
    assert answer.status_code == 202
    assert answer.json()["request"]["operatory"] is None
