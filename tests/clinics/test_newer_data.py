"""What we have is never overwritten by what the PMS said of a time before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from clinics.models import Clinic, Patient
from clinics.records import PatientRecord, Removed
from clinics.services import Stored, remove, store
from tests.clinics.samples import ADA, LATER, NOW
from tests.integrations.threads import at_once

MINUTE = timedelta(minutes=1)


def version(name: str, minute: int | None) -> PatientRecord:
    """What the PMS said of Ada, and when she was changed there; None: it does not tell."""
    return replace(
        ADA, first_name=name, changed_at=None if minute is None else NOW + minute * MINUTE
    )


@pytest.mark.parametrize(
    ("before", "then", "name", "updated"),
    [
        (2, 3, "then", 1),
        (2, 2, "then", 1),
        (2, 1, "before", 0),
        (2, None, "then", 1),
        (None, 1, "then", 1),
        (None, None, "then", 1),
    ],
)
def test_what_is_older_than_what_we_have_is_left_out(
    clinic: Clinic, before: int | None, then: int | None, name: str, updated: int
) -> None:
    store(clinic, [version("before", before)], now=NOW)
    row = Patient.objects.values().get()
    stored = store(clinic, [version("then", then)], now=LATER)
    assert stored == Stored(updated=updated, unchanged=1 - updated)
    assert Patient.objects.get().first_name == name
    assert (Patient.objects.values().get() == row) == (not updated)


def test_a_time_that_is_not_told_again_is_still_known(clinic: Clinic) -> None:
    store(clinic, [version("first", 2)], now=NOW)
    store(clinic, [version("second", None)], now=NOW)
    assert Patient.objects.get().changed_at == NOW + 2 * MINUTE
    assert store(clinic, [version("older", 1)], now=LATER) == Stored(unchanged=1)
    assert Patient.objects.get().first_name == "second"


def test_a_change_and_back_is_newer_than_the_change(clinic: Clinic) -> None:
    store(clinic, [version("Ada", 1)], now=NOW)
    before = Patient.objects.values().get()
    assert store(clinic, [version("Ada", 3)], now=LATER) == Stored(unchanged=1)
    after = Patient.objects.values().get()
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"changed_at", "last_synced_at"}
    assert store(clinic, [version("Adele", 2)], now=LATER) == Stored(unchanged=1)
    assert Patient.objects.get().first_name == "Ada"


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_in_one_page_the_one_that_changed_last_counts(clinic: Clinic, order: int) -> None:
    page = [version("old", 1), version("new", 2)][::order]
    assert store(clinic, page, now=NOW) == Stored(created=1)
    assert Patient.objects.get().first_name == "new"


def test_who_was_removed_does_not_come_back_by_an_older_page(clinic: Clinic) -> None:
    store(clinic, [version("Ada", 2)], now=NOW)
    remove(clinic, Patient, [Removed(external_id=ADA.external_id)], now=NOW)
    for older in (version("Ada", 1), version("Adele", 1)):
        assert store(clinic, [older], now=LATER) == Stored(unchanged=1)
    assert Patient.objects.get().removed_at == NOW


@pytest.mark.django_db(transaction=True)
def test_of_many_versions_stored_at_once_the_newest_stands(clinic: Clinic) -> None:
    def one_after_the_other(number: int) -> Stored:
        total = Stored()
        for minute in range(number, 40, 4)[:: 1 if number % 2 else -1]:
            total += store(clinic, [version(f"at {minute}", minute)], now=NOW)
        return total

    stored = at_once(4, one_after_the_other)
    assert sum(one.created for one in stored) == 1
    row = Patient.objects.get()
    assert (row.first_name, row.changed_at) == ("at 39", NOW + 39 * MINUTE)


# --- A PMS whose clock ran ahead ---

ASKED = NOW + timedelta(hours=2)


def test_what_a_whole_list_tells_now_stands_over_a_time_from_a_clock_that_ran_ahead(
    clinic: Clinic,
) -> None:
    store(clinic, [version("ahead", 600)], now=NOW)
    assert store(clinic, [version("now", 60)], now=ASKED) == Stored(unchanged=1)
    assert store(clinic, [version("now", 60)], now=ASKED, is_whole=True) == Stored(updated=1)
    row = Patient.objects.get()
    assert (row.first_name, row.changed_at) == ("now", NOW + 60 * MINUTE)
    assert store(clinic, [version("later", 61)], now=ASKED) == Stored(updated=1)


def test_a_time_that_ran_ahead_is_put_right_where_nothing_else_changed(clinic: Clinic) -> None:
    store(clinic, [version("Ada", 600)], now=NOW)
    updated_at = Patient.objects.get().updated_at
    assert store(clinic, [version("Ada", 1)], now=ASKED, is_whole=True) == Stored(unchanged=1)
    row = Patient.objects.get()
    assert (row.changed_at, row.updated_at) == (NOW + MINUTE, updated_at)
    assert store(clinic, [version("later", 2)], now=ASKED) == Stored(updated=1)


@pytest.mark.parametrize("asked_at", [NOW - MINUTE, NOW, NOW + timedelta(minutes=59)])
def test_a_whole_list_that_was_asked_for_before_or_just_after_what_we_have_is_older(
    clinic: Clinic, asked_at: datetime
) -> None:
    """A PMS may tell a change by one list and for a while not yet by another."""
    store(clinic, [version("newest", 2)], now=NOW)
    page = [version("older", 1)]
    assert store(clinic, page, now=ASKED, asked_at=asked_at, is_whole=True) == Stored(unchanged=1)
    assert Patient.objects.get().first_name == "newest"


def test_what_we_changed_ourselves_stays_until_a_whole_list_is_asked_for_after_it(
    clinic: Clinic,
) -> None:
    store(clinic, [version("ahead", 600)], now=NOW)
    Patient.objects.update(first_name="Confirmed", payload_hash="", updated_at=ASKED)
    page = [version("now", 60)]
    store(clinic, page, now=ASKED + MINUTE, asked_at=ASKED - MINUTE, is_whole=True)
    assert Patient.objects.get().first_name == "Confirmed"
    store(clinic, page, now=ASKED + MINUTE, is_whole=True)
    assert Patient.objects.get().first_name == "now"


def test_who_was_removed_comes_back_by_a_whole_list_that_has_them(clinic: Clinic) -> None:
    store(clinic, [version("Ada", 600)], now=NOW)
    remove(clinic, Patient, [Removed(external_id=ADA.external_id)], now=NOW)
    assert store(clinic, [version("Ada", 1)], now=ASKED, is_whole=True) == Stored(updated=1)
    assert Patient.objects.get().removed_at is None
