"""A record that cannot be kept stops no other; its row, if there is one, says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clinics import services
from clinics.models import Appointment, AppointmentType, Clinic, Organization, Patient
from clinics.records import PatientRecord, Unreadable
from clinics.services import Stored, keep_aside, store
from tests import make
from tests.clinics.samples import ADA, CHECK_UP, LATER, NOW, VISIT, patients

BACKWARDS = replace(VISIT, external_id="wrong", ends_at=VISIT.starts_at)
RULE = "breaks the rule appointment_ends_after_start"


def visits(count: int) -> list[Any]:
    return [replace(VISIT, external_id=f"{number:03}") for number in range(count)]


@pytest.mark.parametrize("place", [0, 7, 20])
def test_one_that_breaks_a_rule_is_named_and_the_others_are_kept(
    clinic: Clinic, place: int
) -> None:
    page = visits(20)
    page.insert(place, BACKWARDS)
    stored = store(clinic, page, now=NOW)
    assert stored == Stored(created=20, unreadable=1, failed=(Unreadable(RULE, "wrong"),))
    assert Appointment.objects.count() == 20
    assert not Appointment.objects.filter(external_id="wrong").exists()


def test_a_whole_page_may_be_wrong(clinic: Clinic) -> None:
    page = [replace(BACKWARDS, external_id=str(number)) for number in range(9)]
    stored = store(clinic, page, now=NOW)
    assert (stored.unreadable, len(stored.failed), stored.created) == (9, 9, 0)
    assert not Appointment.objects.exists()


def test_finding_one_among_many_takes_few_statements(clinic: Clinic) -> None:
    with CaptureQueriesContext(connection) as queries:
        store(clinic, [*visits(255), BACKWARDS], now=NOW)
    # Twice for each halving, with a savepoint around each.
    assert len([query for query in queries if "INSERT INTO" in query["sql"]]) == 17


def test_what_was_kept_of_a_page_goes_with_the_callers_transaction(clinic: Clinic) -> None:
    with transaction.atomic():
        store(clinic, [VISIT, BACKWARDS], now=NOW)
        assert Appointment.objects.count() == 1
        transaction.set_rollback(True)
    assert Appointment.objects.count() == 0


def test_the_row_that_there_is_says_why_until_it_can_be_kept(clinic: Clinic) -> None:
    store(clinic, [VISIT], now=NOW)
    wrong = replace(VISIT, ends_at=VISIT.starts_at)
    before = Appointment.objects.values().get()
    for _ in range(2):
        assert store(clinic, [wrong], now=LATER).unreadable == 1
        row = Appointment.objects.values().get()
        assert row == before | {"sync_status": "error", "sync_errors": RULE}

    assert store(clinic, [VISIT], now=LATER) == Stored(unchanged=1)
    row = Appointment.objects.values().get()
    assert row == before | {"last_synced_at": LATER}


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("", "has no id"),
        ("1" * 201, "has an id of more than 200 characters"),
        ("a\0b", "has an id with characters that cannot be stored"),
        ("a\ud800b", "has an id with characters that cannot be stored"),
    ],
)
def test_an_id_that_no_row_can_have_is_never_cut_or_repeated(
    clinic: Clinic, id: str, reason: str
) -> None:
    stored = store(clinic, [replace(ADA, external_id=id), ADA], now=NOW)
    assert stored == Stored(created=1, unreadable=1, failed=(Unreadable(reason),))
    assert Patient.objects.get().external_id == ADA.external_id


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=10))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-10))),
        datetime(2030, 1, 1),  # noqa: DTZ001
    ],
)
def test_a_time_that_could_not_be_read_again_is_not_kept(clinic: Clinic, moment: datetime) -> None:
    stored = store(clinic, [replace(ADA, made_at=moment)], now=NOW)
    assert stored.failed == (Unreadable("has a time that cannot be kept", ADA.external_id),)
    assert not Patient.objects.exists()


@pytest.mark.parametrize(
    "moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_the_first_and_the_last_moment_are_kept(clinic: Clinic, moment: datetime) -> None:
    store(clinic, [replace(ADA, made_at=moment)], now=NOW)
    assert Patient.objects.get().made_at == moment


@pytest.mark.parametrize(
    ("minutes", "reason"),
    [
        (-1, "breaks the rule clinics_appointmenttype_minutes_check"),
        (2**31, "has a value that the database does not take (22003)"),
    ],
)
def test_a_number_out_of_range_is_named_by_the_databases_own_word(
    clinic: Clinic, minutes: int, reason: str
) -> None:
    stored = store(clinic, [replace(CHECK_UP, minutes=minutes)], now=NOW)
    assert stored.failed == (Unreadable(reason, CHECK_UP.external_id),)
    assert not AppointmentType.objects.exists()


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Ada\0", "Ada"),
        ("A\ud800da", "Ada"),
        ("Ada 🦷", "Ada 🦷"),
        ("عائشة", "عائشة"),
        ("'; DROP TABLE clinics_patient; --", "'; DROP TABLE clinics_patient; --"),
        ("100 % \\ \\u0000 {}\n\t", "100 % \\ \\u0000 {}\n\t"),
        ("A" * 1_000_000, "A" * 100),
    ],
)
def test_any_text_is_kept_as_far_as_its_column_goes(clinic: Clinic, told: str, kept: str) -> None:
    assert store(clinic, [replace(ADA, first_name=told)], now=NOW) == Stored(created=1)
    assert Patient.objects.get().first_name == kept
    assert store(clinic, [replace(ADA, first_name=told)], now=LATER) == Stored(unchanged=1)


def test_a_database_that_is_away_is_no_fault_of_a_record(clinic: Clinic, monkeypatch: Any) -> None:
    def lost(*arguments: Any) -> Any:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(services.upsert, "upsert", lost)
    with pytest.raises(OperationalError), transaction.atomic():
        store(clinic, patients(3), now=NOW)
    assert not Patient.objects.exists()


def test_what_an_adapter_could_not_read_is_noted_at_its_row(organization: Organization) -> None:
    ours, theirs = make.clinic(organization), make.clinic(organization)
    for clinic in (ours, theirs):
        store(clinic, patients(2), now=NOW)
    unread = [
        Unreadable("has no birth date", "1"),
        Unreadable("has no id"),
        Unreadable("is not known here", "17"),
        Unreadable("has an id that no row has", "1\0\ud800"),
    ]
    assert keep_aside(ours, Patient, unread) == 1
    assert keep_aside(ours, Patient, unread) == 0
    assert keep_aside(ours, Patient, [Unreadable("has no id")]) == 0
    told = Patient.objects.filter(clinic=ours).order_by("external_id")
    assert [*told.values_list("sync_status", "sync_errors")] == [
        ("synced", ""),
        ("error", "has no birth date"),
    ]
    assert not Patient.objects.filter(clinic=theirs).exclude(sync_errors="").exists()


def test_a_long_reason_is_cut(clinic: Clinic) -> None:
    store(clinic, [ADA], now=NOW)
    keep_aside(clinic, Patient, [Unreadable("r" * 300, ADA.external_id)])
    assert Patient.objects.get().sync_errors == "r" * 200


def test_a_reason_holds_no_value(clinic: Clinic) -> None:
    wrong: PatientRecord = replace(ADA, birth_date=None, made_at=datetime(2030, 1, 1))  # noqa: DTZ001
    stored = store(clinic, [wrong], now=NOW)
    told = str([one.reason for one in stored.failed])
    values = [getattr(wrong, name) for name in ("first_name", "last_name", "email", "phone")]
    assert [value for value in (*values, "2030") if value in told] == []
