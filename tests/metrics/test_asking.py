"""A change asks for one recount, and no more is asked until that one has begun."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as NoRedis

from clinics import changes
from metrics import tasks
from metrics.models import Standing
from tests import make


@pytest.fixture
def asked() -> Any:
    with patch.object(tasks.recount, "apply_async") as sent:
        yield sent


@pytest.mark.django_db(transaction=True)
def test_changes_until_a_recount_begins_make_one(asked: Any) -> None:
    clinic = make.clinic()
    for _ in range(3):
        changes.announce(clinic.pk)
    assert [each.args for each in asked.call_args_list] == [((str(clinic.pk),),)]
    tasks.recount(str(clinic.pk))
    changes.announce(clinic.pk)
    assert asked.call_count == 2


@pytest.mark.django_db(transaction=True)
def test_nothing_is_asked_for_what_is_rolled_back(asked: Any) -> None:
    clinic = make.clinic()
    with transaction.atomic():
        changes.announce(clinic.pk)
        transaction.set_rollback(True)
    asked.assert_not_called()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("no broker"), NoRedis("no Redis")])
def test_without_a_broker_the_dispatcher_finds_what_was_left(asked: Any, error: Exception) -> None:
    clinic = make.clinic()
    asked.side_effect = error
    changes.announce(clinic.pk)
    tasks.cache.clear()
    asked.side_effect = None
    tasks.dispatch()
    assert asked.call_args.args == ((str(clinic.pk),),)
    tasks.recount(str(clinic.pk))
    asked.reset_mock()
    tasks.dispatch()
    asked.assert_not_called()
    assert Standing.objects.get(clinic=clinic).version == 1
