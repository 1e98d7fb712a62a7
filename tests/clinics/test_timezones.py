"""A clinic's zone is one that Python and the database both know."""

from __future__ import annotations

import zoneinfo

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from clinics.models import validate_timezone


@pytest.mark.parametrize("name", ["Mars", "", "localtime", "/etc/localtime", "../UTC"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a time zone"):
        validate_timezone(name)


@pytest.mark.django_db
def test_the_database_knows_each_zone_that_is_taken() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name.lower() for (name,) in cursor.fetchall()}
    taken = set()
    for name in zoneinfo.available_timezones():
        try:
            validate_timezone(name)
        except ValidationError:
            continue
        taken.add(name)
    assert len(taken) > 400
    assert {name for name in taken if name.lower() not in known} == set()
