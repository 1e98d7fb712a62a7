"""A clinic says how its numbers are counted: slips are refused, and the rest counts at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from clinics.models import Clinic, Role
from metrics import preferences, tasks
from metrics.models import Insight, Preferences, Standing, Told
from metrics.recounting import recount
from tests import make
from tests.conftest import START, Clock
from tests.metrics.numbers import book

pytestmark = pytest.mark.django_db
ADD = "/admin/metrics/preferences/add/"


@pytest.fixture
def admin(clinic: Clinic, clock: Clock) -> Client:
    client = Client()
    client.force_login(make.member(clinic.organization, Role.CLINIC_ADMIN, is_staff=True))
    return client


def typed(clinic: Clinic, **fields: Any) -> dict[str, Any]:
    return {
        "clinic": str(clinic.pk),
        "week_starts_on": "0",
        "active_days": "365",
        "value_per_hour": "",
        "currency": "",
        "minutes_saved": "",
        **fields,
    }


def errors(client: Client, clinic: Clinic, **fields: Any) -> dict[str, list[str]]:
    answer = client.post(ADD, typed(clinic, **fields))
    assert answer.status_code == 200
    assert not Preferences.objects.exists()
    return dict(answer.context["adminform"].form.errors)


def test_what_is_typed_is_kept_and_shown_again(admin: Client, clinic: Clinic) -> None:
    answer = admin.post(
        ADD,
        typed(
            clinic,
            week_starts_on="6",
            active_days="90",
            value_per_hour="180.50",
            currency="aud",
            minutes_saved="cancel = 2\n\n book=4.5 ",
        ),
    )
    assert answer.status_code == 302
    kept = preferences.of(clinic)
    assert (kept.week_starts_on, kept.active_days, kept.currency) == (6, 90, "AUD")
    assert kept.value_per_hour == Decimal("180.50")
    assert kept.minutes_saved == {"book": 4.5, "cancel": 2}
    assert kept.organization_id == clinic.organization_id
    page = admin.get(f"/admin/metrics/preferences/{kept.pk}/change/").content.decode()
    assert "book = 4.5\ncancel = 2" in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("active_days", "29", "greater than or equal to 30"),
        ("active_days", "1101", "less than or equal to 1100"),
        ("week_starts_on", "3", "not one of the available choices"),
        ("value_per_hour", "-1", "greater than or equal to 0"),
        ("currency", "XXX", "no currency of ISO 4217"),
        ("minutes_saved", "book 4", "is no line such as book = 4"),
        ("minutes_saved", "book = -4", "is no line such as book = 4"),
        ("minutes_saved", "massage = 4", "is no kind of writeback"),
        ("minutes_saved", "book = 121", "120 minutes at most"),
        ("minutes_saved", "book = 4\nbook = 5", "is there twice"),
    ],
)
def test_a_slip_is_refused_in_words(
    admin: Client, clinic: Clinic, field: str, value: str, words: str
) -> None:
    found = errors(admin, clinic, **{"currency": "AUD", field: value})
    assert list(found) == [field]
    assert words in found[field][0]


def test_the_value_of_an_hour_needs_its_currency(admin: Client, clinic: Clinic) -> None:
    assert errors(admin, clinic, value_per_hour="100") == {
        "currency": ["Say in which currency the value of an hour is."]
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        Preferences.objects.create(
            organization=clinic.organization, clinic=clinic, value_per_hour=100
        )


def test_another_organizations_clinic_cannot_be_chosen(admin: Client) -> None:
    assert "clinic" in errors(admin, make.clinic())


def test_other_days_count_at_once(
    admin: Client,
    counted: Clinic,
    clock: Clock,
    django_capture_on_commit_callbacks: Any,
) -> None:
    book(counted, starts_at=START - timedelta(days=100), ends_at=START - timedelta(days=99))
    recount(counted, START)
    assert told(counted)["activePatients"] == 2
    tasks.cache.clear()
    with (
        patch.object(tasks.recount, "apply_async") as asked,
        django_capture_on_commit_callbacks(execute=True),
    ):
        assert admin.post(ADD, typed(counted, active_days="90")).status_code == 302
    assert asked.call_args.args == ((str(counted.pk),),)
    assert Standing.objects.get(clinic=counted).is_outdated
    recount(counted, START)
    assert told(counted)["activePatients"] == 1


def told(clinic: Clinic) -> dict[str, Any]:
    return Told.objects.filter(clinic=clinic).latest("version").numbers["week"]


def test_no_way_of_writing_leaves_old_numbers(counted: Clinic, clock: Clock) -> None:
    Insight.objects.create(
        organization=counted.organization, clinic=counted, due_at=START + timedelta(days=1)
    )
    standing = Standing.objects.filter(clinic=counted)
    kept = Preferences.objects.create(organization=counted.organization, clinic=counted)
    writes = {
        "another number of days": lambda: Preferences.objects.update(active_days=31),
        "none of its own any more": lambda: kept.delete(),
        "another time zone": lambda: Clinic.objects.filter(pk=counted.pk).update(
            timezone="Asia/Tokyo"
        ),
    }
    for what, write in writes.items():
        recount(counted, START)
        Insight.objects.update(due_at=START + timedelta(days=1))
        assert not standing.get().is_outdated
        write()
        assert standing.get().is_outdated, what
        assert Insight.objects.get().due_at < START, what


def test_what_changes_no_rollup_has_none_made_anew_but_is_told(
    counted: Clinic, clock: Clock
) -> None:
    kept = Preferences.objects.create(organization=counted.organization, clinic=counted)
    recount(counted, START)
    Clinic.objects.filter(pk=counted.pk).update(name="Another name")
    assert Standing.objects.get(clinic=counted).due_at > START
    kept.week_starts_on = 6
    kept.save()
    standing = Standing.objects.get(clinic=counted)
    assert not standing.is_outdated
    assert standing.due_at < START
