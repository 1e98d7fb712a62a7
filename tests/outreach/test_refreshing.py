"""The list follows the patients: who comes onto it, why, in which order, and who leaves it."""

from __future__ import annotations

import pytest

from clinics.models import Clinic, Patient
from tests.outreach.conftest import listed

pytestmark = pytest.mark.django_db


def test_who_was_here_long_ago_and_has_nothing_booked_is_listed_with_the_reason(
    clinic: Clinic, lost: Patient
) -> None:
    (task,) = listed(clinic)
    assert (task.patient, task.priority) == (lost, 1)
    assert (task.engagement, task.risk) == ("dormant", "high")
    assert task.reasons == [{"code": "no_contact", "numbers": [90]}]
    assert task.next_step == "Ask how they are, and offer a visit."
