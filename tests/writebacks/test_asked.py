"""What a writeback asks for, as its page tells it: every operation in names and plain words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from clinics.models import Appointment, Clinic, Location, Operatory, Patient, Practitioner
from integrations.models import Integration
from tests import make
from writebacks import requests
from writebacks.asked import facts
from writebacks.models import Writeback
from writebacks.operations import NewStatus, Operation

pytestmark = pytest.mark.django_db
NINE = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)  # 9:00 in New York
HALF = timedelta(minutes=30)


class People:
    """Everybody and everything that requests name, at one clinic."""

    def __init__(self, clinic: Clinic) -> None:
        self.patient = make.record(Patient, clinic, first_name="Ada", last_name="Invented")
        self.practitioner = make.record(Practitioner, clinic, first_name="Mara", last_name="Molar")
        self.operatory = make.record(Operatory, clinic, name="Chair 1")
        # West of the clinic's own zone: what is told is the site's clock.
        self.location = make.record(Location, clinic, name="West", timezone="America/Denver")
        self.appointment = make.record(
            Appointment, clinic, patient=self.patient, starts_at=NINE, ends_at=NINE + HALF
        )

    def of(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}


Ask = Callable[[People], requests.Request]
WHEN = "Wed 06 Mar 2030, 07:00 (America/Denver), 30 min"
ASKED: dict[Operation, tuple[Ask, list[tuple[str, str]]]] = {
    Operation.BOOK: (
        lambda people: requests.Booking(
            **people.of("patient", "practitioner", "operatory", "location"),
            starts_at=NINE,
            ends_at=NINE + HALF,
            type="hygiene",
            allow_overlap=True,
        ),
        [
            ("Patient", "Ada Invented"),
            ("Practitioner", "Mara Molar"),
            ("Location", "West"),
            ("Operatory", "Chair 1"),
            ("When", WHEN),
            ("Type", "hygiene"),
            ("Overlaps", "allowed"),
        ],
    ),
    Operation.RESCHEDULE: (
        lambda people: requests.Rescheduling(
            **people.of("appointment", "practitioner", "operatory", "location"),
            starts_at=NINE,
            ends_at=NINE + HALF,
        ),
        [
            ("Appointment", "VISIT"),
            ("Practitioner", "Mara Molar"),
            ("Location", "West"),
            ("Operatory", "Chair 1"),
            ("When", WHEN),
        ],
    ),
    Operation.CANCEL: (
        lambda people: requests.Cancellation(**people.of("appointment")),
        [("Appointment", "VISIT"), ("New status", "Cancelled")],
    ),
    Operation.SET_STATUS: (
        lambda people: requests.StatusChange(**people.of("appointment"), status=NewStatus.NO_SHOW),
        [("Appointment", "VISIT"), ("New status", "Did not come")],
    ),
    Operation.CREATE_PATIENT: (
        lambda people: requests.NewPatient(
            **people.of("location", "practitioner"),
            first_name="Grace",
            last_name="Madeup",
            birth_date=date(1990, 5, 4),
        ),
        [
            ("Practitioner", "Mara Molar"),
            ("Location", "West"),
            ("First name", "Grace"),
            ("Last name", "Madeup"),
            ("Birth date", "04 May 1990"),
        ],
    ),
    Operation.UPDATE_PATIENT: (
        lambda people: requests.PatientChange(
            **people.of("patient", "location"), email="ada@example.com"
        ),
        [("Patient", "Ada Invented"), ("Location", "West"), ("E-mail", "ada@example.com")],
    ),
    Operation.ADD_NOTE: (
        lambda people: requests.Note(
            **people.of("patient", "practitioner", "location"),
            text="Likes mornings.",
            written_on=date(2030, 3, 5),
        ),
        [
            ("Patient", "Ada Invented"),
            ("Practitioner", "Mara Molar"),
            ("Location", "West"),
            ("Text", "Likes mornings."),
            ("Written on", "05 Mar 2030"),
        ],
    ),
    Operation.RECORD_PAYMENT: (
        lambda people: requests.Payment(
            **people.of("patient", "practitioner", "location"),
            amount=Decimal("45.50"),
            currency="USD",
            paid_on=date(2030, 3, 5),
        ),
        [
            ("Patient", "Ada Invented"),
            ("Practitioner", "Mara Molar"),
            ("Location", "West"),
            ("Description", "Payment"),
            ("Amount", "45.50 USD"),
            ("Paid on", "05 Mar 2030"),
        ],
    ),
}


def asked_for(integration: Integration, request: requests.Request) -> Writeback:
    return make.writeback(integration, operation=request.operation, command=request.as_json())


def test_every_operation_stands_in_the_table() -> None:
    assert set(ASKED) == set(Operation)


@pytest.mark.parametrize("operation", Operation)
def test_each_operation_is_told_in_names_and_in_the_sites_time(
    integration: Integration, operation: Operation
) -> None:
    people = People(integration.clinic)
    ask, expected = ASKED[operation]
    writeback = asked_for(integration, ask(people))
    told = [
        (fact.label, fact.value.replace(str(people.appointment), "VISIT"))
        for fact in facts(writeback)
    ]
    assert told == expected
    client = Client()
    client.force_login(make.member(integration.organization, is_staff=True))
    page = client.get(f"/admin/writebacks/writeback/{writeback.pk}/change/")
    assert page.status_code == 200
    for fact in facts(writeback):
        assert fact.value in page.content.decode()
        if fact.url:
            assert client.get(fact.url).status_code == 200


def test_a_patient_who_is_still_to_be_created_is_told_so(integration: Integration) -> None:
    people = People(integration.clinic)
    first = asked_for(integration, ASKED[Operation.CREATE_PATIENT][0](people))
    booking = make.booking(integration.clinic, patient=None)
    waiting = asked_for(integration, booking)
    assert facts(waiting)[0] == ("Patient", "–", "")
    waiting.after = first
    assert facts(waiting)[0] == ("Patient", "whom the earlier writeback creates", "")


def test_a_record_of_another_clinic_is_never_named(integration: Integration) -> None:
    theirs = People(make.clinic())
    writeback = asked_for(integration, ASKED[Operation.ADD_NOTE][0](theirs))
    assert [fact.value for fact in facts(writeback)[:3]] == ["–", "–", "–"]
