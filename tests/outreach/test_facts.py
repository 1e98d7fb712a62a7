"""The facts of a clinic's patients, by one query, beside a count in plain Python."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from outreach import facts
from outreach.scoring import Facts
from tests import make
from tests.outreach.conftest import NOW, patient, visit

pytestmark = pytest.mark.django_db


def one(clinic: Clinic, now: datetime = NOW) -> Facts:
    (found,) = facts.of(clinic, now, 90)
    return found


def test_the_last_visit_is_the_last_one_kept_and_the_next_the_first_that_stands(
    clinic: Clinic,
) -> None:
    someone = patient(clinic)
    visit(someone, -40, status=AppointmentStatus.FULFILLED)
    visit(someone, -10, status=AppointmentStatus.NO_SHOW)
    visit(someone, -5, status=AppointmentStatus.CANCELLED)
    visit(someone, 3, status=AppointmentStatus.CANCELLED)
    visit(someone, 4, status=AppointmentStatus.PROPOSED)
    visit(someone, 9)
    visit(someone, 30)
    found = one(clinic)
    assert found.last_visit_at == NOW - timedelta(days=40)
    assert found.next_visit_at == NOW + timedelta(days=9)
    assert (found.days_since_visit, found.days_since_contact) == (40, 40)
    assert (found.attended, found.missed, found.missed_lately) == (1, 1, 1)


def test_a_visit_of_today_that_nobody_has_marked_is_coming_and_yesterdays_was_kept(
    clinic: Clinic,
) -> None:
    someone = patient(clinic)
    visit(someone, -1)
    earlier = visit(someone, -1 / 24)
    found = one(clinic)
    assert (found.last_visit_at, found.next_visit_at) == (
        NOW - timedelta(days=1),
        earlier.starts_at,
    )
    earlier.status = AppointmentStatus.ARRIVED
    earlier.save()
    found = one(clinic)
    assert (found.last_visit_at, found.next_visit_at) == (earlier.starts_at, None)
    assert (found.days_since_visit, found.attended) == (0, 2)


def test_days_are_dates_of_the_clinics_own_calendar(clinic: Clinic) -> None:
    someone = patient(clinic)
    # 23:30 on Monday in New York is Tuesday in UTC.
    visit(someone, 0, starts_at=datetime(2030, 3, 5, 4, 30, tzinfo=UTC),
          ends_at=datetime(2030, 3, 5, 5, 0, tzinfo=UTC))  # fmt: skip
    assert one(clinic).days_since_visit == 1
    # 23:59 on the same day, and a minute after it.
    assert one(clinic, datetime(2030, 3, 6, 4, 59, tzinfo=UTC)).days_since_visit == 1
    assert one(clinic, datetime(2030, 3, 6, 5, 0, tzinfo=UTC)).days_since_visit == 2


def test_missed_lately_counts_from_the_beginning_of_the_first_day(clinic: Clinic) -> None:
    someone = patient(clinic)
    for days in (-200, -91, -90, -1):
        visit(someone, days, status=AppointmentStatus.NO_SHOW)
    found = one(clinic)
    assert (found.missed, found.missed_lately) == (4, 2)


def test_a_call_in_which_they_were_reached_is_contact_and_no_other_is(clinic: Clinic) -> None:
    someone = patient(clinic, -100)
    caller = make.member(clinic.organization)
    done = {"patient": someone, "status": "done", "called_by": caller}
    at = NOW - timedelta(days=7)
    make.call_task(clinic, **done, outcome="no_answer", closed_at=NOW - timedelta(days=1))
    assert one(clinic).days_since_contact == 100
    make.call_task(clinic, **done, outcome="reached_will_think", closed_at=at)
    found = one(clinic)
    assert (found.days_since_contact, found.days_since_visit) == (7, 100)


@pytest.mark.parametrize(
    "gone",
    [{"is_active": False}, {"merged_into_id": "other"}, {"removed_at": NOW}],
    ids=["archived or deceased", "merged", "vanished"],
)
def test_who_is_no_more_at_the_clinic_has_no_facts(clinic: Clinic, gone: dict[str, Any]) -> None:
    patient(clinic, -100, **gone)
    assert list(facts.of(clinic, NOW, 90)) == []


def test_other_clinics_and_vanished_visits_count_for_nothing(clinic: Clinic) -> None:
    someone = patient(clinic, -100)
    visit(someone, -3, removed_at=NOW)
    patient(make.clinic(clinic.organization), -5)
    patient(make.clinic(), -5)
    assert one(clinic).days_since_visit == 100


def test_one_query_tells_of_however_many(clinic: Clinic, django_assert_num_queries: Any) -> None:
    patient(clinic, -1)
    with django_assert_num_queries(1):
        assert len(list(facts.of(clinic, NOW, 90))) == 1
    some = [patient(clinic, -days, -days - 9) for days in range(1, 12)]
    with django_assert_num_queries(1):
        assert len(list(facts.of(clinic, NOW, 90))) == 12
    with django_assert_num_queries(1):
        found = {each.patient_id for each in facts.of(clinic, NOW, 90, [some[0].pk, some[5].pk])}
    assert found == {some[0].pk, some[5].pk}


@pytest.mark.parametrize("seed", range(6))
def test_a_count_in_plain_python_comes_to_the_same(seed: int, db: None) -> None:
    dice = random.Random(seed)
    zone = dice.choice(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"])
    clinic = make.clinic(zone=zone)
    people = [patient(clinic) for _ in range(15)]
    visits = [
        Appointment(
            organization=clinic.organization,
            clinic=clinic,
            external_id=f"v{number}",
            patient=dice.choice(people),
            starts_at=(start := NOW + timedelta(minutes=dice.randint(-200_000, 40_000))),
            ends_at=start + timedelta(minutes=30),
            status=dice.choice(AppointmentStatus.values),
            removed_at=dice.choice([None] * 9 + [timezone.now()]),
        )
        for number in range(200)
    ]
    Appointment.objects.bulk_create(visits)
    found = {each.patient_id: each for each in facts.of(clinic, NOW, 60)}
    assert found == {each.pk: by_hand(each, visits, ZoneInfo(zone), 60) for each in people}


def by_hand(someone: Patient, visits: list[Appointment], zone: ZoneInfo, lately: int) -> Facts:
    """The same facts, written apart from the product's SQL."""
    today = NOW.astimezone(zone).date()
    kept, coming, missed, missed_lately = [], [], 0, 0
    for each in visits:
        if each.patient_id != someone.pk or each.removed_at:
            continue
        day = each.starts_at.astimezone(zone).date()
        if each.status == "noshow" and each.starts_at <= NOW:
            missed += 1
            missed_lately += (today - day).days <= lately
        elif each.status in ("arrived", "checked-in", "fulfilled"):
            over = each.starts_at <= NOW
            (kept if over else coming).append(each.starts_at)
        elif each.status in ("booked", "pending"):
            (kept if day < today else coming).append(each.starts_at)
    last = max(kept, default=None)
    since = (today - last.astimezone(zone).date()).days if last else None
    return Facts(
        patient_id=someone.pk,
        last_visit_at=last,
        next_visit_at=min(coming, default=None),
        days_since_visit=since,
        days_since_contact=since,
        attended=len(kept),
        missed=missed,
        missed_lately=missed_lately,
    )
