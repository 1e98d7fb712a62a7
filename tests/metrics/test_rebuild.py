"""`manage.py metrics` as an operator at a terminal meets it."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError

from clinics.models import AppointmentStatus, Clinic
from metrics.management.commands import metrics as command
from metrics.models import BookingHour, ClinicDay, Standing, Told
from metrics.recounting import recount
from tests import make
from tests.conftest import START, Clock
from tests.metrics.numbers import book

pytestmark = pytest.mark.django_db


def metrics(*arguments: str) -> str:
    out = io.StringIO()
    call_command("metrics", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def refused(*arguments: str, code: int = 1) -> str:
    with pytest.raises(CommandError) as caught:
        metrics(*arguments)
    assert caught.value.returncode == code
    return str(caught.value)


def test_a_rebuild_comes_to_the_same_numbers_and_tells_nobody(
    counted: Clinic, clock: Clock
) -> None:
    book(counted, status=AppointmentStatus.NO_SHOW)
    recount(counted, START)
    days = list(ClinicDay.objects.values_list("date", "bookings", "missed", "new_patients"))
    clock.advance(60)
    out = metrics("rebuild", counted.name)
    assert out == f"{counted}: version 2, nothing is different.\n"
    assert list(ClinicDay.objects.values_list("date", "bookings", "missed", "new_patients")) == days
    assert Told.objects.filter(clinic=counted).count() == 2
    assert Standing.objects.get(clinic=counted).rebuilt_at == START + timedelta(seconds=60)


def test_a_rebuild_mends_what_is_wrong_and_tells(counted: Clinic, clock: Clock) -> None:
    ClinicDay.objects.filter(clinic=counted, bookings=1).update(bookings=7)
    BookingHour.objects.filter(clinic=counted).delete()
    out = metrics("rebuild", str(counted.pk)[:8])
    # The wrong numbers were never told: to who watches nothing is different.
    assert out == f"{counted}: version 1, nothing is different.\n"
    assert [day.bookings for day in ClinicDay.objects.filter(bookings__gt=0)] == [1]
    assert BookingHour.objects.get(clinic=counted).booking_count == 1


def test_all_clinics_are_rebuilt_the_new_ones_for_the_first_time(
    counted: Clinic, clock: Clock
) -> None:
    other = make.clinic()
    out = metrics("rebuild", "--all")
    assert sorted(out.splitlines()) == sorted(
        [
            f"{counted}: version 1, nothing is different.",
            f"{other}: version 1, told to who watches.",
        ]
    )


def test_what_makes_no_sense_is_refused_in_words(clinic: Clinic) -> None:
    assert refused("rebuild") == "Name clinics, or use --all; not both."
    assert refused("rebuild", "--all", clinic.name) == "Name clinics, or use --all; not both."
    assert refused("rebuild", "Nowhere").startswith("There is no clinic 'Nowhere'. There are: ")
    assert "was not added up yet" in refused("show", clinic.name)
    name = clinic.name
    assert refused("show", name, "--from", "2030-01-02") == "--from and --to belong together."
    dates = ("--from", "2030-01-02", "--to", "2030-01-01")
    assert refused("show", name, *dates) == "--to is before --from."
    both = refused("show", name, *dates, "--period", "week")
    assert both == "Say --period, or --from and --to; not both."
    assert "invalid _date value: 'soon'" in refused("show", name, "--from", "soon")
    assert not ClinicDay.objects.exists()


def test_a_clinic_that_cannot_be_counted_stops_no_other(
    counted: Clinic, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make.clinic(counted.organization)

    def fails(clinic: Clinic, *args: Any, **kwargs: Any) -> Standing:
        if clinic == counted:
            raise InternalError("Ada Invented, born 1980")
        return recount(clinic, *args, **kwargs)

    monkeypatch.setattr(command, "recount", fails)
    out = io.StringIO()
    with pytest.raises(CommandError, match=f"1 of 2 could not be counted.*{counted.name}"):
        call_command("metrics", "rebuild", "--all", stdout=out, stderr=out)
    assert f"{other}: version 1" in out.getvalue()
    assert f"{counted}: the database refused it (InternalError)." in out.getvalue()
    assert "Ada" not in out.getvalue()


def test_ctrl_c_leaves_what_is_done(
    counted: Clinic, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: Any, **kwargs: Any) -> Standing:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "recount", stop)
    assert refused("rebuild", "--all", code=130).startswith("Stopped. The clinics named above")
    assert ClinicDay.objects.filter(clinic=counted, bookings=1).count() == 1


def test_numbers_are_printed(counted: Clinic, clock: Clock) -> None:
    lines = metrics("show", counted.name).splitlines()
    assert lines[0] == f"{counted}, 2030-03-04 to 2030-03-10 (America/New_York)"
    assert lines[1] == "Nothing was read from a PMS yet."
    rows = {line[:25].strip(): line[25:].strip() for line in lines[2:]}
    split = [" ".join(line.split()) for line in lines[2:]]
    assert split == [
        "Bookings 1",
        "Change of bookings not enough data",
        "Daily average 1.0",
        "Missed appointments 0",
        "Share missed not enough data",
        "Active patients 1",
        "New patients 1",
        "2030-03-05 1 (0 missed)",
        "Tue 10:00 1",
    ], rows
    month = metrics("show", counted.name, "--period", "month")
    assert "2030-03-01 to 2030-03-31" in month
    day = metrics("show", counted.name, "--from", "2030-03-06", "--to", "2030-03-06")
    assert "Bookings" in day
    assert "2030-03-05  " not in day
