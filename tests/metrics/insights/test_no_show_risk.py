"""How likely coming visits are to be missed, what that is made of, and how well it held."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from audit.models import Entry
from clinics.models import Appointment, AppointmentStatus, Clinic, Patient, User
from metrics import insights
from metrics.insights import risk_model
from metrics.insights.risk_model import Cell, Inputs, Learner, Model, calibration, learn
from metrics.models import Insight
from tests import make
from tests.conftest import Clock
from tests.metrics.insights.rows import NOW, at, figure, visit

pytestmark = pytest.mark.django_db

TODAY = date(2030, 3, 5)
FLAT = Inputs("2 to 7 days", "none missed", "Monday")


def fill(clinic: Clinic, rng: random.Random, count: int, now: datetime = NOW) -> list[Appointment]:
    """Appointments of some patients over three years and the coming weeks, missed by chance."""
    people = [make.record(Patient, clinic) for _ in range(max(1, count // 12))]
    rows = []
    for _ in range(count):
        start = now + timedelta(minutes=15 * rng.randint(-950 * 96, 20 * 96))
        made = start - timedelta(minutes=rng.randint(-2000, 50 * 1440))
        over = start < now
        status = rng.choice(["booked", "fulfilled", "noshow", "booked", "cancelled"])
        rows.append(
            Appointment(
                organization=clinic.organization,
                clinic=clinic,
                external_id=f"a{len(rows)}",
                patient=rng.choice(people) if rng.random() < 0.95 else None,
                starts_at=start,
                ends_at=start + timedelta(minutes=30),
                made_at=made if rng.random() < 0.8 else None,
                status=status if over else rng.choice(["booked", "pending", "cancelled"]),
            )
        )
    return Appointment.objects.bulk_create(rows)


def cells(*rates: tuple[Inputs, int, int], day: date = TODAY - timedelta(days=1)) -> list[Cell]:
    return [Cell(day, inputs, visits, missed) for inputs, visits, missed in rates]


# --- The arithmetic ------------------------------------------------------------------------------


def test_a_group_that_is_as_the_clinic_adds_no_points() -> None:
    model = learn(cells((FLAT, 1000, 100)), TODAY)
    assert model is not None
    rate = 101 / 1020
    assert model.base == pytest.approx(math.log(rate / (1 - rate)))
    own = (100 + 20 * rate) / 1020
    expected = math.log(own / (1 - own)) - model.base
    assert model.points["history"]["none missed"] == pytest.approx(expected)
    assert abs(expected) < 0.02
    # Of groups of which nothing is known, nothing is said.
    assert model.points["history"]["over a fifth missed"] == pytest.approx(0)


def test_who_missed_more_has_a_higher_risk_and_small_groups_are_drawn_to_the_clinics_rate() -> None:
    often, once = FLAT._replace(history="over a fifth missed"), FLAT._replace(weekday="Sunday")
    model = learn(cells((FLAT, 900, 45), (often, 100, 50), (once, 1, 1)), TODAY)
    assert model is not None
    assert model.risk(often) > 0.3 > model.risk(FLAT)
    # One visit on a Sunday, missed, is no rate of 100 %.
    assert model.risk(once) < 2 * model.risk(FLAT)


def test_the_risk_is_the_sum_of_the_points_that_are_shown() -> None:
    often = FLAT._replace(history="over a fifth missed")
    model = learn(cells((FLAT, 900, 45), (often, 100, 50)), TODAY)
    assert model is not None
    shown = Model.from_json(model.as_json())
    odds = shown.base + sum(shown.points[name][group] for name, group in often.groups)
    assert shown.risk(often) == pytest.approx(1 / (1 + math.exp(-odds)))
    assert shown.risk(often) == pytest.approx(model.risk(often), abs=1e-4)


@pytest.mark.parametrize(("visits", "missed"), [(199, 50), (1000, 9)])
def test_too_few_visits_or_too_few_missed_teach_nothing(visits: int, missed: int) -> None:
    assert learn(cells((FLAT, visits, missed)), TODAY) is None
    assert learn(cells((FLAT, visits, missed), (FLAT, 1, 1)), TODAY) is not None


@pytest.mark.parametrize(("days", "learned"), [(0, False), (1, True), (365, True), (366, False)])
def test_it_learns_from_the_365_days_before_today(days: int, learned: bool) -> None:
    day = TODAY - timedelta(days=days)
    assert (learn(cells((FLAT, 500, 50), day=day), TODAY) is not None) is learned


def test_what_is_taken_away_again_leaves_nothing_behind() -> None:
    (kept,), (gone,) = cells((FLAT, 500, 50)), cells((FLAT, 70, 60))
    learner = Learner()
    for cell, sign in ((kept, 1), (gone, 1), (gone, -1)):
        learner.count(cell, sign)
    assert learner.model() == learn([kept], TODAY)


def test_a_days_visits_are_judged_by_the_days_before_it_alone() -> None:
    rng = random.Random(3)
    first = TODAY - timedelta(days=180)
    past = [
        Cell(TODAY - timedelta(days=days), FLAT._replace(history=history), 3, rng.randint(0, 2))
        for days in range(700, 0, -1)
        for history in risk_model.HISTORIES
    ]
    middle = TODAY - timedelta(days=90)
    before = calibration(past, first, middle)
    # Whatever comes of the days from the middle on, what was predicted before them stays.
    changed = [cell._replace(missed=3) if cell.date >= middle else cell for cell in past]
    assert calibration(changed, first, middle) == before
    # And a day's own outcome is not in its own prediction.
    predicted = {
        each.low: (each.visits, each.predicted)
        for each in calibration(past, middle, middle + timedelta(days=1))
    }
    other = calibration(changed, middle, middle + timedelta(days=1))
    assert {each.low: (each.visits, each.predicted) for each in other} == predicted
    assert sum(each.missed for each in other) == 12


# --- A clinic's figure, against plain Python -----------------------------------------------------


@dataclass
class Known:
    """What is known of one visit that counts."""

    day: date
    lead: str
    history: str
    missed: bool

    @property
    def groups(self) -> list[str]:
        return [self.lead, self.history, self.day.strftime("%A")]


def counted(
    clinic: Clinic, rows: list[Appointment], now: datetime
) -> tuple[list[Known], list[Known]]:
    """Plain Python's inputs of all visits that are over, and of those to come."""

    def local(moment: datetime) -> date:
        return moment.astimezone(clinic.zone).date()

    today = local(now)
    booked = ("booked", "pending", "fulfilled", "noshow")
    visits = [row for row in rows if row.patient_id and row.status in booked]
    past, coming = [], []
    for row in visits:
        if row.made_at and row.made_at > row.starts_at:
            continue
        day = local(row.starts_at)
        earlier = [
            each.status == "noshow"
            for each in visits
            if each.patient_id == row.patient_id
            and local(each.starts_at) < min(day, today)
            and (day - local(each.starts_at)).days <= 365
        ]
        history = "no visits known"
        if earlier:
            share = sum(earlier) / len(earlier)
            history = (
                "none missed"
                if not share
                else "up to a fifth missed"
                if share <= 0.2
                else "over a fifth missed"
            )
        days = (day - local(row.made_at)).days if row.made_at else None
        lead = (
            "not known"
            if days is None
            else "up to 1 day"
            if days <= 1
            else "2 to 7 days"
            if days <= 7
            else "8 to 30 days"
            if days <= 30
            else "over 30 days"
        )
        known = Known(day, lead, history, row.status == "noshow")
        if day < today:
            past.append(known)
        elif now < row.starts_at and (day - today).days < 14 and row.status != "noshow":
            coming.append(known)
    return past, coming


def predicted(known: Known, past: list[Known], day: date) -> float | None:
    """Plain Python's risk, by the year before a day."""
    year = [each for each in past if 1 <= (day - each.day).days <= 365]
    missed = sum(each.missed for each in year)
    if len(year) < 200 or missed < 10:
        return None
    rate = (missed + 1) / (len(year) + 20)
    odds = rate / (1 - rate)
    total = odds
    for at_, group in enumerate(known.groups):
        same = [each.missed for each in year if each.groups[at_] == group]
        own = (sum(same) + 20 * rate) / (len(same) + 20)
        total *= own / (1 - own) / odds
    return total / (1 + total)


@pytest.mark.parametrize("seed", range(3))
def test_figure_and_calibration_are_what_plain_python_counts(seed: int) -> None:
    rng = random.Random(seed)
    clinic = make.clinic(zone=["America/New_York", "Australia/Lord_Howe", "Europe/Berlin"][seed])
    now = datetime(2030, [3, 10, 4][seed], 12, 17, tzinfo=UTC)
    rows = fill(clinic, rng, 1000, now)
    found = figure(clinic, "noShowRisk", now)
    past, coming = counted(clinic, rows, now)
    today = now.astimezone(clinic.zone).date()
    risks = [predicted(each, past, today) for each in coming]
    assert found["appointments"] == len(coming)
    assert found["value"] == pytest.approx(sum(each or 0 for each in risks), abs=0.0501)
    bins: dict[float, list[tuple[float, bool]]] = defaultdict(list)
    for each in past:
        if (today - each.day).days <= 180 and (risk := predicted(each, past, each.day)) is not None:
            bins[max(low for low in risk_model.BINS if risk >= low)].append((risk, each.missed))
    assert bins
    assert found["calibration"] == [
        {
            "from": low,
            "to": [*risk_model.BINS, 1.0][risk_model.BINS.index(low) + 1],
            "visits": len(judged),
            "predicted": pytest.approx(sum(risk for risk, _ in judged) / len(judged), abs=6e-5),
            "missed": sum(missed for _, missed in judged),
            "seen": round(sum(missed for _, missed in judged) / len(judged), 4),
        }
        for low, judged in sorted(bins.items())
    ]
    assert found["calibrationVisits"] == sum(map(len, bins.values()))


def test_of_a_pms_that_names_nobody_who_stayed_away_no_risk_is_made(clinic: Clinic) -> None:
    for number in range(220):
        visit(clinic, make.record(Patient, clinic), NOW - timedelta(days=1 + number))
    found = figure(clinic, "noShowRisk")
    assert (found["value"], found["enough"], found["n"]) == (None, False, 220)
    assert "0 of 220 visits" in found["note"]
    assert "model" not in found


def test_its_figure_says_what_it_is_not_for_and_names_no_patient(clinic: Clinic) -> None:
    fill(clinic, random.Random(1), 900)
    found = figure(clinic, "noShowRisk")
    assert found["use"].endswith("never to refuse anybody an appointment.")
    patients = {str(pk) for pk in Patient.objects.values_list("pk", flat=True)}
    assert not any(pk in str(Insight.objects.get().figures) for pk in patients)


# --- The list of coming appointments -------------------------------------------------------------


@pytest.fixture
def past(clinic: Clinic, clock: Clock) -> list[Appointment]:
    del clock  # stands at NOW
    return fill(clinic, random.Random(2), 900)


def listed(client: APIClient, clinic: Clinic, **params: Any) -> Any:
    answer = client.get(f"/api/v1/clinics/{clinic.pk}/metrics/no-show-risk", params)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_list_has_each_coming_appointment_with_what_its_risk_is_made_of(
    clinic: Clinic, past: list[Appointment], api: Callable[[User], APIClient], staff: User
) -> None:
    kept = insights.work_out(clinic, NOW).figures["noShowRisk"]
    client = api(staff)
    rows = listed(client, clinic, page_size=200)["results"]
    assert len(rows) == kept["appointments"] > 5
    assert [row["startsAt"] for row in rows] == sorted(row["startsAt"] for row in rows)
    assert sum(row["risk"] for row in rows) == pytest.approx(kept["value"], abs=0.1)
    for row in rows:
        odds = kept["model"]["base"] + sum(row["points"].values())
        assert row["risk"] == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-3)
        for name, group in row["inputs"].items():
            assert row["points"][name] == kept["model"]["points"][name][group]
    entry = Entry.objects.filter(record_type="appointment").latest("pk")
    assert {str(pk) for pk in entry.record_ids} == {row["appointment"] for row in rows}


def test_its_inputs_are_those_that_the_figure_was_worked_out_with(
    clinic: Clinic, past: list[Appointment], api: Callable[[User], APIClient], staff: User
) -> None:
    insights.work_out(clinic, NOW)
    _, coming = counted(clinic, past, NOW)
    rows = listed(api(staff), clinic, page_size=200)["results"]
    assert sorted((row["inputs"]["leadTime"], row["inputs"]["history"]) for row in rows) == sorted(
        (each.lead, each.history) for each in coming
    )


def test_the_visits_of_a_merged_patient_are_part_of_the_history(
    clinic: Clinic, past: list[Appointment], api: Callable[[User], APIClient], staff: User
) -> None:
    kept = make.record(Patient, clinic, external_id="kept")
    gone = make.record(Patient, clinic, external_id="gone", merged_into_id="kept", removed_at=NOW)
    visit(clinic, gone, at(2, 1, 9), status=AppointmentStatus.NO_SHOW)
    one = visit(clinic, kept, at(3, 6, 9))
    other = visit(clinic, gone, at(3, 7, 9))
    insights.work_out(clinic, NOW)
    rows = {row["appointment"]: row for row in listed(api(staff), clinic, page_size=200)["results"]}
    for each in (one, other):
        assert rows[str(each.pk)]["inputs"]["history"] == "over a fifth missed"


def test_what_is_yet_to_come_is_no_part_of_the_history(
    clinic: Clinic, past: list[Appointment], api: Callable[[User], APIClient], staff: User
) -> None:
    who = make.record(Patient, clinic)
    both = {str(visit(clinic, who, at(3, day, 9)).pk) for day in (6, 8)}
    insights.work_out(clinic, NOW)
    rows = listed(api(staff), clinic, page_size=200)["results"]
    found = [row["inputs"]["history"] for row in rows if row["appointment"] in both]
    assert found == ["no visits known", "no visits known"]


def test_before_there_is_enough_data_every_risk_is_null(
    clinic: Clinic, clock: Clock, api: Callable[[User], APIClient], staff: User
) -> None:
    coming = visit(clinic, make.record(Patient, clinic), at(3, 6, 9))
    client = api(staff)
    for _ in range(2):
        (row,) = listed(client, clinic)["results"]
        assert row["appointment"] == str(coming.pk)
        assert (row["risk"], row["inputs"], row["points"]) == (None, None, None)
        insights.work_out(clinic, clock.now)


def test_of_an_older_definition_no_risk_is_shown(
    clinic: Clinic, past: list[Appointment], api: Callable[[User], APIClient], staff: User
) -> None:
    kept = insights.work_out(clinic, NOW)
    kept.figures["noShowRisk"]["version"] = 0
    kept.save()
    assert {row["risk"] for row in listed(api(staff), clinic)["results"]} == {None}


def test_the_list_has_only_what_can_still_be_missed(
    clinic: Clinic, clock: Clock, api: Callable[[User], APIClient], staff: User
) -> None:
    who = make.record(Patient, clinic)
    inside = [visit(clinic, who, NOW + timedelta(seconds=1)), visit(clinic, who, at(3, 18, 23, 59))]
    visit(clinic, who, NOW)
    visit(clinic, who, at(3, 19))
    visit(clinic, who, at(3, 6, 9), status="cancelled")
    visit(clinic, who, at(3, 6, 9), status="arrived")
    visit(clinic, who, at(3, 6, 9), removed_at=clock.now)
    visit(clinic, None, at(3, 6, 9))
    visit(make.clinic(clinic.organization), who, at(3, 6, 9))
    rows = listed(api(staff), clinic)["results"]
    assert [row["appointment"] for row in rows] == [str(each.pk) for each in inside]


def test_pages_follow_one_another_and_take_a_fixed_number_of_queries(
    clinic: Clinic,
    past: list[Appointment],
    api: Callable[[User], APIClient],
    staff: User,
    django_assert_max_num_queries: Any,
) -> None:
    insights.work_out(clinic, NOW)
    client = api(staff)
    whole = [row["appointment"] for row in listed(client, clinic, page_size=200)["results"]]
    answer, seen = listed(client, clinic, page_size=3), []
    while True:
        seen += [row["appointment"] for row in answer["results"]]
        if not answer["next"]:
            break
        with django_assert_max_num_queries(20):
            answer = client.get(answer["next"]).json()
    assert seen == whole
