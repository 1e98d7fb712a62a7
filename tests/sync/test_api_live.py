"""What a PMS is asked at once over REST: free times, who somebody is, what a patient owes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway
from rest_framework.test import APIClient

from audit.models import Entry
from clinics.models import AppointmentType, Location, Patient, Practitioner
from clinics.records import PatientRecord
from integrations.http.errors import (
    BudgetExhausted,
    CircuitOpen,
    NoAnswer,
    NotAuthorized,
    PmsError,
    Refused,
)
from integrations.models import Call
from integrations.profiles import start_profile
from integrations.queries import (
    Ability,
    Balance,
    Coverage,
    FreeTime,
    FreeTimes,
    PatientQuery,
    Payment,
    Resource,
)
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in
from tests.sync.practices import Practice

NINE = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)
FREE = [
    FreeTime(starts_at=NINE + timedelta(hours=n), ends_at=NINE + timedelta(hours=n, minutes=30))
    for n in range(2)
]


@pytest.fixture
def client(desk: Desk) -> APIClient:
    cache.clear()
    return logged_in(make.member(desk.integration.organization))


def raising(error: Exception) -> Callable[..., Any]:
    def fails(*_: Any) -> Any:
        raise error

    return fails


def base(desk: Desk) -> str:
    return f"/api/v1/clinics/{desk.clinic.pk}"


def code(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.content
    return answer.json()["error"]["code"]


# --- Free times ----------------------------------------------------------------------------------


class Free:
    """A PMS that tells free times, and what it was asked."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked: list[FreeTimes] = []
        self.times: list[FreeTime] | None = FREE
        self.doctor = make.record(Practitioner, desk.clinic, external_id="d1")
        zone = desk.clinic.timezone
        self.site = make.record(Location, desk.clinic, external_id="l1", name="A", timezone=zone)
        desk.pms.abilities = frozenset({Ability.FREE_TIMES})
        desk.pms.free_times = self.answer

    def answer(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        self.asked.append(asked)
        return self.times

    def get(self, client: APIClient, **asked: Any) -> Any:
        values = {"practitioner": str(self.doctor.pk), **asked}
        return client.get(f"{base(self.desk)}/availability", values)


@pytest.fixture
def free(desk: Desk) -> Free:
    return Free(desk)


def test_free_times_are_the_pms_s_own_in_utc(client: APIClient, free: Free) -> None:
    kind = make.record(
        AppointmentType, free.desk.clinic, external_id="t1", name="Check-up", minutes=40
    )
    asked = {"from": "2030-03-06", "to": "2030-03-08", "appointment_type": str(kind.pk)}
    answer = free.get(client, **asked)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "source": "pms",
        "asked_at": "2030-03-05T15:00:00Z",
        "practitioner": str(free.doctor.pk),
        "location": str(free.site.pk),
        "appointment_type": str(kind.pk),
        "free_times": [
            {"starts_at": "2030-03-06T14:00:00Z", "ends_at": "2030-03-06T14:30:00Z"},
            {"starts_at": "2030-03-06T15:00:00Z", "ends_at": "2030-03-06T15:30:00Z"},
        ],
    }
    assert free.asked == [
        FreeTimes(
            practitioner_id="d1",
            location_id="l1",
            appointment_type="t1",
            first=date(2030, 3, 6),
            last=date(2030, 3, 8),
            timezone="America/New_York",
            minutes=40,
        )
    ]


def test_without_dates_it_is_the_week_from_the_site_s_today(client: APIClient, free: Free) -> None:
    Location.objects.filter(pk=free.site.pk).update(timezone="Pacific/Auckland")  # tomorrow there
    assert free.get(client).status_code == 200
    (asked,) = free.asked
    assert (asked.first, asked.last) == (date(2030, 3, 6), date(2030, 3, 12))
    assert (asked.appointment_type, asked.minutes) == ("", 30)


def test_the_same_question_is_not_asked_again_for_some_seconds(
    client: APIClient, free: Free
) -> None:
    first = free.get(client)
    free.times = []
    assert free.get(client).json() == first.json()
    assert len(free.asked) == 1
    assert free.get(client, minutes="45").json()["free_times"] == []
    assert len(free.asked) == 2


def test_a_time_that_has_begun_meanwhile_is_not_offered(client: APIClient, free: Free) -> None:
    now = free.desk.clock.now
    soon = FreeTime(starts_at=now + timedelta(seconds=5), ends_at=now + timedelta(minutes=30))
    free.times = [soon, *FREE]
    assert len(free.get(client).json()["free_times"]) == 3
    free.desk.later(seconds=5)
    assert len(free.get(client).json()["free_times"]) == 2
    assert len(free.asked) == 1


@pytest.mark.parametrize("told", [None, []])
def test_a_pms_that_does_not_say_is_told_apart_from_one_without_a_free_time(
    client: APIClient, free: Free, told: list[FreeTime] | None
) -> None:
    free.times = told
    for _ in range(2):  # from the PMS, and as it was kept
        answer = free.get(client).json()
        source = "not_told" if told is None else "pms"
        assert (answer["source"], answer["free_times"]) == (source, told)
    assert len(free.asked) == 1


def test_a_pms_without_such_a_list_is_not_asked(client: APIClient, free: Free) -> None:
    free.desk.pms.abilities = frozenset()
    answer = free.get(client).json()
    assert (answer["source"], answer["free_times"]) == ("not_told", None)
    assert free.asked == []


def test_without_the_cache_the_pms_is_asked_each_time(
    client: APIClient, free: Free, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("get", "set"):
        monkeypatch.setattr(cache, name, raising(RedisAway("away")))
    for _ in range(2):
        assert len(free.get(client).json()["free_times"]) == 2
    assert len(free.asked) == 2


def test_an_error_of_the_pms_is_not_kept(client: APIClient, free: Free) -> None:
    free.desk.pms.free_times = raising(NoAnswer("The PMS answered 500."))
    assert code(free.get(client), 503) == "no_answer"
    free.desk.pms.free_times = free.answer
    assert free.get(client).status_code == 200


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"practitioner": "nobody"}, "practitioner"),
        ({"from": "2030-03-06", "to": "2030-03-20"}, "to"),
        ({"from": "2030-03-08", "to": "2030-03-07"}, "to"),
        ({"to": "2030-03-04"}, "to"),
        ({"from": "06.03.2030"}, "from"),
        ({"from": "9999-12-30"}, "from"),
        ({"minutes": "4"}, "minutes"),
        ({"location": "f3b5a9d4-3b0e-4a4e-9a53-8f7f6f0b1c11"}, "location"),
    ],
)
def test_a_question_that_nobody_could_answer_is_400_and_costs_no_call(
    client: APIClient, free: Free, asked: dict[str, str], field: str
) -> None:
    answer = free.get(client, **asked)
    assert code(answer, 400) == "invalid"
    assert list(answer.json()["error"]["details"]) == [field]
    assert free.asked == []


def test_14_dates_are_not_too_many(client: APIClient, free: Free) -> None:
    assert free.get(client, **{"from": "2030-03-06", "to": "2030-03-19"}).status_code == 200
    (asked,) = free.asked
    assert (asked.last - asked.first).days == 13


def test_of_several_sites_one_has_to_be_named(client: APIClient, free: Free) -> None:
    make.record(Location, free.desk.clinic, name="B", timezone="America/Denver")
    assert list(free.get(client).json()["error"]["details"]) == ["location"]
    assert free.get(client, location=str(free.site.pk)).status_code == 200


def test_who_or_what_the_pms_has_no_more_has_no_free_times(client: APIClient, free: Free) -> None:
    Practitioner.objects.update(removed_at=NINE)
    assert list(free.get(client).json()["error"]["details"]) == ["practitioner"]
    Practitioner.objects.update(removed_at=None, is_active=False)
    assert list(free.get(client).json()["error"]["details"]) == ["practitioner"]
    assert free.asked == []


# --- Who somebody is -----------------------------------------------------------------------------


class Register:
    """A PMS that can be asked for patients, and what it was asked."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked: list[PatientQuery] = []
        self.knows: list[PatientRecord] = []
        self.answers_to: Callable[[PatientQuery], bool] = lambda query: True
        desk.pms.abilities = frozenset(
            {Ability.SEARCH_BY_PHONE, Ability.SEARCH_BY_EMAIL, Ability.SEARCH_BY_NAME}
        )
        desk.pms.search_patients = self.answer

    def answer(self, query: PatientQuery) -> list[PatientRecord]:
        self.asked.append(query)
        return self.knows if self.answers_to(query) else []

    def get(self, client: APIClient, **asked: Any) -> Any:
        return client.get(f"{base(self.desk)}/patients/search", asked)


@pytest.fixture
def register(desk: Desk) -> Register:
    return Register(desk)


def ada(desk: Desk, **fields: Any) -> Patient:
    values = {
        "first_name": "Ada",
        "last_name": "Invented",
        "birth_date": date(1980, 1, 31),
        "phone": "(212) 555-0123",
        "email": "Ada@Example.org",
    }
    return make.record(Patient, desk.clinic, **(values | fields))


def found(answer: Any) -> tuple[str, list[str]]:
    assert answer.status_code == 200, answer.content
    return answer.json()["source"], [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize(
    "asked",
    [
        {"phone": "+1 212 555 0123"},
        {"phone": "2125550123"},
        {"email": "ada@example.ORG"},
        {"name": "ada  INVENTED", "birth_date": "1980-01-31"},
    ],
)
def test_whom_our_own_copy_knows_the_pms_is_not_asked_about(
    client: APIClient, register: Register, asked: dict[str, str]
) -> None:
    ours = ada(register.desk)
    ada(register.desk, phone="", email="", first_name="Eve")
    assert found(register.get(client, **asked)) == ("own_copy", [str(ours.pk)])
    assert register.asked == []


def test_an_id_of_the_pms_that_looks_like_a_number_is_none(
    client: APIClient, register: Register
) -> None:
    ada(register.desk, external_id="2125550199", phone="")
    assert found(register.get(client, phone="2125550199")) == ("pms", [])


def test_whom_only_the_pms_knows_is_stored_and_found_the_next_time(
    client: APIClient, register: Register
) -> None:
    register.knows = [toy.patient(7, phone="212-555-0123")]
    source, (new,) = found(register.get(client, phone="2125550123"))
    assert source == "pms"
    stored = Patient.objects.get()
    assert (str(stored.pk), stored.external_id) == (new, "p00007")
    assert register.asked == [PatientQuery(phone="2125550123")]
    assert found(register.get(client, phone="2125550123")) == ("own_copy", [new])
    assert len(register.asked) == 1


def test_whom_a_sync_then_reads_stays_one_patient(client: APIClient, register: Register) -> None:
    record = toy.patient(7, phone="212-555-0123")
    register.knows = [record]
    _, (new,) = found(register.get(client, phone="2125550123"))
    register.desk.pms.put(Resource.PATIENTS, record)
    register.desk.sync()
    assert str(Patient.objects.get().pk) == new


def test_nobody_in_the_pms_is_an_answer_and_stores_nothing(
    client: APIClient, register: Register
) -> None:
    assert found(register.get(client, email="eve@example.org")) == ("pms", [])
    assert register.asked == [PatientQuery(email="eve@example.org")]
    assert not Patient.objects.exists()


def test_a_last_name_of_several_words_is_found_at_a_call_for_each_way_to_part_it(
    client: APIClient, register: Register
) -> None:
    register.knows = [toy.patient(7)]
    register.answers_to = lambda query: query.last_name == "van Invented"
    asked = {"name": "Ada Maria van Invented", "birth_date": "1980-01-31"}
    assert found(register.get(client, **asked))[0] == "pms"
    born = date(1980, 1, 31)
    assert register.asked == [
        PatientQuery(first_name="Ada Maria van", last_name="Invented", birth_date=born),
        PatientQuery(first_name="Ada Maria", last_name="van Invented", birth_date=born),
    ]


def test_a_pms_that_cannot_be_asked_so_is_not(client: APIClient, register: Register) -> None:
    register.desk.pms.abilities = frozenset({Ability.SEARCH_BY_PHONE})
    assert found(register.get(client, email="eve@example.org")) == ("own_copy", [])
    assert register.asked == []


def test_a_clinic_without_a_pms_is_searched_all_the_same(
    client: APIClient, register: Register
) -> None:
    other = make.clinic(register.desk.integration.organization)
    make.record(Patient, other, email="ada@example.org")
    answer = client.get(f"/api/v1/clinics/{other.pk}/patients/search?email=ada@example.org")
    assert found(answer)[0] == "own_copy"
    assert len(found(answer)[1]) == 1


def test_who_is_no_more_in_the_pms_is_asked_about_anew(
    client: APIClient, register: Register
) -> None:
    ada(register.desk, removed_at=NINE)
    assert found(register.get(client, phone="2125550123")) == ("pms", [])


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "non_field_errors"),
        ({"phone": ""}, "phone"),
        ({"phone": "the mother's"}, "phone"),
        ({"email": "ada"}, "email"),
        ({"name": "Ada Invented"}, "birth_date"),
        ({"birth_date": "1980-01-31"}, "non_field_errors"),
        ({"name": "?!", "birth_date": "1980-01-31"}, "name"),
        ({"phone": "2125550123", "birth_date": "1980-01-31"}, "birth_date"),
        ({"phone": "2125550123", "email": "ada@example.org"}, "non_field_errors"),
    ],
)
def test_a_search_for_nobody_in_particular_is_400_and_costs_no_call(
    client: APIClient, register: Register, asked: dict[str, str], field: str
) -> None:
    ada(register.desk)
    answer = register.get(client, **asked)
    assert code(answer, 400) == "invalid"
    assert list(answer.json()["error"]["details"]) == [field]
    assert register.asked == []


def searches() -> list[Entry]:
    return list(Entry.objects.filter(action="search").order_by("pk"))


def test_each_search_is_noted_with_whom_it_showed_and_never_with_what_was_typed(
    client: APIClient, register: Register
) -> None:
    ours = ada(register.desk)
    register.get(client, phone="2125550123")
    register.get(client, name="Eve Invented", birth_date="1980-01-31")
    first, second = searches()
    assert (first.record_type, first.patient_ids) == ("patient", [ours.pk])
    assert first.details == {"count": 1, "narrowed_by": ["phone"], "source": "own_copy"}
    assert (second.organization_id, second.patient_ids) == (ours.organization_id, [])
    assert second.details == {"count": 0, "narrowed_by": ["birth_date", "name"], "source": "pms"}


def test_a_search_that_the_pms_did_not_answer_is_an_error_and_noted(
    client: APIClient, register: Register
) -> None:
    register.desk.pms.search_patients = raising(NoAnswer("The PMS answered 500."))
    assert code(register.get(client, phone="2125550123"), 503) == "no_answer"
    (entry,) = searches()
    assert (entry.patient_ids, entry.details["source"]) == ([], "pms")


# --- What the PMS says of one patient ------------------------------------------------------------


def test_a_balance_is_read_with_its_currency(client: APIClient, desk: Desk) -> None:
    patient = ada(desk, external_id="p9")
    profile = start_profile(desk.integration)
    profile.currency = "USD"
    profile.save()
    asked: list[str] = []

    def balance(patient_id: str) -> Balance:
        asked.append(patient_id)
        return Balance(amount=Decimal("-12.50"), as_of=date(2030, 3, 4))

    desk.pms.abilities, desk.pms.balance = frozenset({Ability.BALANCE}), balance
    answer = client.get(f"{base(desk)}/patients/{patient.pk}/balance")
    assert answer.json() == {
        "asked_at": "2030-03-05T15:00:00Z",
        "currency": "USD",
        "amount": "-12.50",
        "as_of": "2030-03-04",
    }
    assert asked == ["p9"]
    (entry,) = Entry.objects.filter(action="view")
    assert entry.patient_ids == [patient.pk]


def test_a_balance_that_is_not_told_is_null(client: APIClient, desk: Desk) -> None:
    patient = ada(desk)
    desk.pms.abilities, desk.pms.balance = frozenset({Ability.BALANCE}), lambda patient_id: None
    answer = client.get(f"{base(desk)}/patients/{patient.pk}/balance").json()
    assert (answer["amount"], answer["as_of"], answer["currency"]) == (None, None, "")


def test_payments_are_read_beside_their_recording(client: APIClient, desk: Desk) -> None:
    patient = ada(desk)
    desk.pms.abilities = frozenset({Ability.PAYMENTS})
    desk.pms.payments = lambda patient_id: [
        Payment(id="7", amount=Decimal("80"), paid_on=None, type="Check")
    ]
    address = f"{base(desk)}/patients/{patient.pk}/payments"
    assert client.get(address).json()["results"] == [
        {"id": "7", "amount": "80", "paid_on": None, "type": "Check", "description": ""}
    ]
    assert code(client.post(address, {}), 400) == "idempotency_key_required"
    assert client.put(address, {}).status_code == 405


def test_coverages_are_read(client: APIClient, desk: Desk) -> None:
    patient = ada(desk)
    desk.pms.abilities = frozenset({Ability.COVERAGES})
    desk.pms.coverages = lambda patient_id: [Coverage(company="Invented Mutual", rank="primary")]
    answer = client.get(f"{base(desk)}/patients/{patient.pk}/coverages").json()
    assert answer == {
        "asked_at": "2030-03-05T15:00:00Z",
        "results": [{"company": "Invented Mutual", "plan": "", "member_id": "", "rank": "primary"}],
    }


@pytest.mark.parametrize("what", ["balance", "payments", "coverages"])
def test_what_a_pms_does_not_tell_is_refused_with_its_name(
    client: APIClient, desk: Desk, what: str
) -> None:
    setattr(desk.pms, what, raising(AssertionError("it was asked")))
    patient = ada(desk)
    answer = client.get(f"{base(desk)}/patients/{patient.pk}/{what}")
    assert code(answer, 404) == "not_offered"
    assert answer.json()["error"]["message"].startswith("Toy does not tell ")


def test_another_clinics_patient_is_unknown_and_not_asked_about(
    client: APIClient, desk: Desk
) -> None:
    desk.pms.abilities = frozenset({Ability.BALANCE})
    desk.pms.balance = raising(AssertionError("it was asked"))
    other = make.record(Patient, make.clinic(desk.integration.organization))
    assert code(client.get(f"{base(desk)}/patients/{other.pk}/balance"), 404) == "not_found"


def test_a_clinic_without_a_pms_has_nobody_to_ask(client: APIClient, desk: Desk) -> None:
    other = make.clinic(desk.integration.organization)
    patient = make.record(Patient, other)
    address = f"/api/v1/clinics/{other.pk}/patients/{patient.pk}/balance"
    assert code(client.get(address), 409) == "clinic_not_connected"


IN = timedelta(seconds=90.2)


@pytest.mark.parametrize(
    ("error", "status", "error_code", "retry_after"),
    [
        (BudgetExhausted("All calls are used."), 503, "waiting_for_budget", "30"),
        (CircuitOpen("The PMS is away."), 503, "pms_away", "30"),
        (NotAuthorized("The PMS rejects our credential."), 502, "not_authorized", None),
        (Refused("The PMS refused."), 502, "refused", None),
    ],
)
def test_what_keeps_a_pms_from_answering_is_told_with_the_time_to_wait(
    client: APIClient,
    desk: Desk,
    error: PmsError,
    status: int,
    error_code: str,
    retry_after: str | None,
) -> None:
    patient = ada(desk)
    desk.pms.abilities, desk.pms.balance = frozenset({Ability.BALANCE}), raising(error)
    address = f"{base(desk)}/patients/{patient.pk}/balance"
    answer = client.get(address)
    assert code(answer, status) == error_code
    assert answer.get("Retry-After") == retry_after
    error.retry_at = desk.clock.now + IN
    assert client.get(address).get("Retry-After") == ("91" if retry_after else None)


# --- Over real HTTP ------------------------------------------------------------------------------


@pytest.mark.parametrize("pms", ["cliniko", "nookal"])
def test_a_pms_is_asked_with_the_calls_that_are_kept_for_people(
    open_practice: Callable[[str], Practice], pms: str
) -> None:
    cache.clear()
    practice = open_practice(pms)
    practice.sync()
    clinic = practice.integration.clinic
    client = logged_in(make.member(clinic.organization))
    practice.sandbox.control.change(
        practice.office, "patient", "create", "", first_name="Zoë", email="zoe@example.org"
    )
    Call.objects.all().delete()

    found = client.get(f"/api/v1/clinics/{clinic.pk}/patients/search?email=zoe@example.org").json()
    assert found["source"] == "pms"
    assert [row["first_name"] for row in found["results"]] == ["Zoë"]
    (call,) = Call.objects.all()
    assert (call.priority, call.correlation) == ("high", "search_by_email")
    assert "zoe" not in call.path

    asked = {
        "practitioner": str(Practitioner.objects.filter(is_active=True)[0].pk),
        "location": str(Location.objects.all()[0].pk),
        "appointment_type": str(AppointmentType.objects.all()[0].pk),
        "to": (practice.now() + timedelta(days=6)).date().isoformat(),
    }
    address = f"/api/v1/clinics/{clinic.pk}/availability"
    free = client.get(address, asked).json()
    assert free["source"] == "pms"
    starts = [time["starts_at"] for time in free["free_times"]]
    assert starts == sorted(starts)
    assert starts
    calls = Call.objects.filter(correlation="free_times")
    assert set(calls.values_list("priority", flat=True)) == {"high"}
    count = calls.count()
    assert client.get(address, asked).json() == free
    assert calls.count() == count

    practice.sync()
    assert practice.differences() == {}
