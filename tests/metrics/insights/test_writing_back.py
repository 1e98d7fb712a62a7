"""What confirmed writebacks saved by the clinic's own minutes, and how long they took."""

from __future__ import annotations

import random
from datetime import timedelta
from statistics import median
from typing import Any

import pytest

from clinics.models import Clinic
from integrations.models import Integration
from tests import make
from tests.metrics.insights.rows import NOW, at, confirmed, figure, prefers
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.states import Event, Status
from writebacks.writeback_event import WritebackEvent

pytestmark = pytest.mark.django_db

ASKED = at(3, 1, 9)


def test_minutes_are_counts_times_what_the_clinic_set(
    clinic: Clinic, integration: Integration
) -> None:
    prefers(clinic, minutes_saved={"book": 4, "cancel": 2.5, "add_note": 9})
    for seconds in (10, 20, 30):
        confirmed(integration, ASKED, seconds)
    confirmed(integration, ASKED, 5, operation=Operation.CANCEL)
    confirmed(integration, ASKED, 5, operation=Operation.CREATE_PATIENT)
    found = figure(clinic, "minutesSaved")
    assert (found["value"], found["n"], found["unit"]) == (14.5, 4, "minutes")
    assert found["operations"] == [
        {"operation": "book", "count": 3, "minutesEach": 4},
        {"operation": "cancel", "count": 1, "minutesEach": 2.5},
    ]
    assert found["withoutMinutes"] == {"create_patient": 1}
    assert found["note"].startswith("By the clinic's own minutes.")


@pytest.mark.parametrize("said", [{}, [], {"book": "4"}, {"book": -1}, {"book": True}])
def test_without_minutes_that_can_be_counted_with_nothing_is_said(
    clinic: Clinic, integration: Integration, said: Any
) -> None:
    prefers(clinic, minutes_saved=said)
    confirmed(integration, ASKED, 10)
    found = figure(clinic, "minutesSaved")
    assert (found["value"], found["enough"]) == (None, False)
    assert "the clinic has not said how many minutes" in found["note"]


def test_with_minutes_and_no_writeback_there_is_no_zero(clinic: Clinic) -> None:
    prefers(clinic, minutes_saved={"book": 4})
    found = figure(clinic, "minutesSaved")
    assert (found["value"], found["enough"]) == (None, False)
    assert found["note"].startswith("Not enough data: there are no confirmed writebacks of the ")


def test_only_what_was_confirmed_within_30_days_counts(
    clinic: Clinic, integration: Integration
) -> None:
    prefers(clinic, minutes_saved={"book": 4})
    for number in range(5):
        confirmed(integration, ASKED, 10 + number)
    confirmed(integration, at(2, 2, 23), 3599)  # the date before the window
    confirmed(integration, NOW, 1)  # yet to come
    confirmed(integration, ASKED, 5, status=Status.FAILED, failure_code="refused")
    confirmed(integration, ASKED, 5, status=Status.CANCELLED)
    make.writeback(integration)
    confirmed(make.integration(make.clinic(clinic.organization)), ASKED, 5)
    assert figure(clinic, "minutesSaved")["n"] == 5
    assert (
        figure(clinic, "timeToConfirmation")["value"],
        figure(clinic, "timeToConfirmation")["n"],
    ) == (12, 5)


def test_the_first_moment_of_the_window_counts(clinic: Clinic, integration: Integration) -> None:
    for _ in range(5):
        confirmed(integration, at(2, 2, 23), 3600)
    found = figure(clinic, "timeToConfirmation")
    assert (found["value"], found["ninetieth"], found["unit"]) == (3600, 3600, "seconds")


def test_four_are_not_enough_and_show_no_part_of_it(
    clinic: Clinic, integration: Integration
) -> None:
    for _ in range(4):
        confirmed(integration, ASKED, 10)
    found = figure(clinic, "timeToConfirmation")
    assert (found["value"], found["n"], found["ninetieth"]) == (None, 4, None)


def test_what_a_person_decided_is_no_confirmation_by_the_pms(
    clinic: Clinic, integration: Integration
) -> None:
    prefers(clinic, minutes_saved={"book": 4})
    for _ in range(5):
        confirmed(integration, ASKED, 10)
    decided: Writeback = confirmed(integration, ASKED, 99_999)
    WritebackEvent.objects.create(
        organization=clinic.organization,
        writeback=decided,
        at=ASKED,
        event=Event.DECIDED_COMPLETED,
        from_status=Status.UNCONFIRMED,
        to_status=Status.COMPLETED,
    )
    assert figure(clinic, "timeToConfirmation")["n"] == 5
    # It stands in the PMS all the same, and nobody typed it in there.
    assert figure(clinic, "minutesSaved")["n"] == 6


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_median_that_plain_python_counts(
    clinic: Clinic, integration: Integration, seed: int
) -> None:
    rng = random.Random(seed)
    took = [rng.randint(0, 5000) / 4 for _ in range(rng.randint(5, 40))]
    for seconds in took:
        confirmed(integration, NOW - timedelta(days=rng.randint(1, 29)), seconds)
    found = figure(clinic, "timeToConfirmation")
    assert (found["value"], found["n"]) == (round(median(took), 1), len(took))
