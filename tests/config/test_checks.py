"""What `manage.py check --database default` says of the role that the web connects as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from clinics.models import Clinic, User
from config.checks import (
    BYPASSES,
    NO_CONTACT,
    OWNS,
    callers_tell_whose_they_are,
    web_role_is_restricted,
)
from tests import make


def found() -> list[str | None]:
    return [message.id for message in web_role_is_restricted(databases=["default"])]


def contacts() -> list[str | None]:
    return [message.id for message in callers_tell_whose_they_are(databases=["default"])]


def become(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")


def test_a_plain_role_that_owns_nothing_is_right(db: None) -> None:
    become("frontdesk_web")
    assert found() == []


def test_the_owner_of_the_tables_could_switch_row_level_security_off(db: None) -> None:
    assert found() == [OWNS]


def test_a_role_that_bypasses_row_level_security_is_named(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bypassing:
        """No superuser is at hand in tests: the answer that the database gives for one."""

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def execute(self, *_: object) -> None: ...

        def fetchone(self) -> tuple[bool, bool]:
            return True, True

    monkeypatch.setattr(connection, "cursor", Bypassing)
    assert found() == [BYPASSES]


def test_a_pms_that_wants_to_know_whose_its_callers_are_is_named(
    clinic: Clinic, settings: Any
) -> None:
    make.integration(clinic, pms="cliniko", is_sandbox=False)
    become("frontdesk_web")
    assert contacts() == [NO_CONTACT]
    (warning,) = callers_tell_whose_they_are(databases=["default"])
    assert warning.msg == (
        "CONTACT_EMAIL is not set, and Cliniko may refuse callers who name no contact."
    )
    settings.PMS_USER_AGENT = "Frontdesk/0.1 (ops@clinic.example)"
    assert contacts() == []


@pytest.mark.parametrize(("pms", "is_sandbox"), [("cliniko", True), ("nookal", False)])
def test_no_contact_is_missed_by_a_sandbox_or_by_another_pms(
    clinic: Clinic, pms: str, is_sandbox: bool
) -> None:
    make.integration(clinic, pms=pms, is_sandbox=is_sandbox)
    assert contacts() == []


def test_before_the_first_migration_nothing_is_connected(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda cursor: [])
    assert contacts() == []


def test_no_cache_keeps_what_a_login_was_shown(
    clinic: Clinic, staff: User, api: Callable[[User], APIClient]
) -> None:
    answer = api(staff).get(f"/api/v1/clinics/{clinic.pk}/patients")
    assert answer["Cache-Control"] == "private, no-store"
    assert Client().get("/healthz").get("Cache-Control") is None


def test_another_sites_form_and_frame_are_refused(staff: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(staff)
    assert browser.post("/admin/logout/").status_code == 403
    answer = browser.get("/admin/login/")
    assert answer["X-Frame-Options"] == "DENY"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
