"""What the migrations do with rows that are there already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from clinics.models import Clinic, Membership
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("clinics", "0006_audit")]


@pytest.fixture
def back() -> Iterator[Any]:
    """Undo the change of the narrowing; return the models as they were."""

    def undo() -> Any:
        MigrationExecutor(connection).migrate(BEFORE)
        return MigrationExecutor(connection).loader.project_state(BEFORE).apps

    yield undo
    call_command("migrate", verbosity=0)


def test_roles_stay_narrowed_as_they_were_there_and_back(back: Any) -> None:
    organization = make.organization()
    clinics = sorted(make.clinic(organization).pk for _ in range(2))
    whole, some, none_left = (make.member(organization).memberships.get() for _ in range(3))
    Membership.objects.filter(pk=some.pk).update(clinics=clinics)
    Membership.objects.filter(pk=none_left.pk).update(clinics=[make.clinic(organization).pk])
    Clinic.objects.exclude(pk__in=clinics).delete()

    apps = back()
    then = apps.get_model("clinics", "Membership").objects
    held = {row.pk: sorted(row.clinics.values_list("pk", flat=True)) for row in then.all()}
    assert held == {whole.pk: [], some.pk: clinics, none_left.pk: []}
    ended = then.get(pk=none_left.pk)
    assert ended.ends_at < timezone.now(), "rather than widened"
    assert ended.reason
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_policy WHERE polrelid = 'clinics_membership_clinics'::regclass"
        )
        assert cursor.fetchone() == (2,)

    call_command("migrate", verbosity=0)
    assert dict(Membership.objects.values_list("pk", "clinics")) == {
        whole.pk: [],
        some.pk: clinics,
        none_left.pk: [],
    }
    assert "clinics_membership_clinics" not in connection.introspection.table_names()
