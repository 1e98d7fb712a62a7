"""Row-level security: what the database shows without any help of the queries."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from clinics.models import Appointment, Clinic, Membership, Organization, Patient, Practitioner
from integrations.models import Breaker, Call, Integration
from tenancy import scope
from tenancy.scope import Scope
from tests import make
from writebacks.models import Writeback

#: Tables without policies, and why they need none.
EXEMPT = {
    "accounts_refreshtoken": "a person's login, found by an unguessable secret",
    "accounts_tokenfamily": "a person's login, found by an unguessable id",
    "audit_pending": "ids of entries that wait for their seal",
    "audit_seals": "digests of entries, over all tenants",
    "audit_subjects": "ids alone, for the search by patient",
    "axes_accessattempt": "failed logins, before it is known who it is",
    "axes_accessattemptexpiration": "failed logins, before it is known who it is",
    "axes_accessfailurelog": "failed logins, unused",
    "axes_accesslog": "logins, unused",
    "auth_group": "Django's own, unused",
    "auth_group_permissions": "Django's own, unused",
    "auth_permission": "Django's own: names of models",
    "clinics_user": "people log in before it is known where they belong; names of staff only",
    "clinics_user_groups": "Django's own, unused",
    "clinics_user_user_permissions": "Django's own, unused",
    "django_admin_log": "Django's own: who changed what in the admin, by a person",
    "django_content_type": "Django's own: names of models",
    "django_session": "Django's own: by an unguessable key",
    "django_celery_beat_clockedschedule": "the installation's own schedule",
    "django_celery_beat_crontabschedule": "the installation's own schedule",
    "django_celery_beat_intervalschedule": "the installation's own schedule",
    "django_celery_beat_periodictask": "the installation's own schedule",
    "django_celery_beat_periodictasks": "the installation's own schedule",
    "django_celery_beat_solarschedule": "the installation's own schedule",
    "encryption_key_checks": "the installation's own: which keys it was written with",
    "pms_budget_caps": "calls counted by key; an application's span tenants",
    "pms_budget_windows": "calls counted by key; an application's span tenants",
    "pms_unknown_accounts": "ids of practices that are nobody's here yet",
}
#: Tables that hold patients: not even those who look over all tenants see them.
PATIENTS = ("clinics_patient", "clinics_appointment")


@contextmanager
def web_role() -> Iterator[Any]:
    """A cursor as the role that the web connects as, outside of any scope."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'frontdesk_web'")
        if not cursor.fetchone():
            pytest.fail("the tests' database needs the role frontdesk_web: docs/operations.md")
        cursor.execute("SET LOCAL ROLE frontdesk_web")
        yield cursor
        transaction.set_rollback(True)


def rows_of(table: str, cursor: Any) -> int:
    cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
    return cursor.fetchone()[0]


@pytest.fixture
def two(db: None) -> tuple[Clinic, Clinic]:
    """A clinic with one of everything, and one of another organization likewise."""
    clinics = (make.clinic(), make.clinic())
    for clinic in clinics:
        integration = make.integration(clinic)
        make.writeback(integration)
        make.record(Patient, clinic, first_name="Ada")
        Breaker.objects.create(integration=integration)
    return clinics


def test_every_table_has_policies_or_a_reason_for_none(db: None) -> None:
    tables = {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity "
            "AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid)"
        )
        protected = {row[0] for row in cursor.fetchall()}
    assert set(tables) - protected == set(EXEMPT)
    assert not protected & set(EXEMPT)


def test_an_index_leads_with_the_tenant_in_every_table_of_one(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relrowsecurity AND a.attname = 'organization_id' AND NOT EXISTS ("
            "  SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum)"
        )
        assert cursor.fetchall() == []


def test_without_a_scope_there_are_no_rows(two: tuple[Clinic, Clinic]) -> None:
    with scope.within(scope.NOTHING):
        for model in (Organization, Clinic, Patient, Practitioner, Integration, Writeback):
            assert not model._default_manager.exists(), model
        assert not Breaker.objects.exists()


def test_a_scope_shows_its_own_tenant_without_any_filter(two: tuple[Clinic, Clinic]) -> None:
    ours, theirs = two
    with scope.organizations(ours.organization_id):
        for model in (Patient, Practitioner, Integration, Writeback):
            found = model._default_manager.all()
            assert {row.clinic_id for row in found} == {ours.pk}, model
        assert list(Organization.objects.all()) == [ours.organization]
        assert list(Clinic.objects.all()) == [ours]
        assert list(Breaker.objects.all()) == [ours.integration.breaker]
        assert not Patient.objects.filter(clinic=theirs).exists()


def test_nothing_foreign_can_be_changed_deleted_or_made(two: tuple[Clinic, Clinic]) -> None:
    ours, theirs = two
    with scope.organizations(ours.organization_id):
        assert Patient.objects.filter(clinic=theirs).update(is_active=False) == 0
        assert Appointment.objects.filter(clinic=theirs).delete() == (0, {})
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            make.record(Patient, theirs)
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            # Not even one's own row may be given away.
            Patient.objects.filter(clinic=ours).update(organization=theirs.organization)
    assert Patient.objects.filter(clinic=theirs, is_active=True).count() == 2


def test_those_who_look_over_all_tenants_see_no_patient(two: tuple[Clinic, Clinic]) -> None:
    with scope.everywhere():
        assert Clinic.objects.count() == Integration.objects.count() == 2
        assert Writeback.objects.count() == 2
        with connection.cursor() as cursor:
            assert [rows_of(table, cursor) for table in PATIENTS] == [0] * len(PATIENTS)


def test_ones_own_memberships_are_found_before_it_is_known_where_one_belongs(
    organization: Organization,
) -> None:
    person = make.member(organization)
    make.member(organization)
    with scope.within(Scope(user_id=person.pk)):
        assert [each.user_id for each in Membership.objects.all()] == [person.pk]
        # To see them is not to change them.
        assert Membership.objects.update(role="clinic_admin") == 0


def test_nobody_widens_their_own_role(organization: Organization, clinic: Clinic) -> None:
    person = make.member(organization)
    person.memberships.update(clinics=[clinic.pk])
    with scope.within(Scope(user_id=person.pk)):
        assert Membership.objects.get().clinics == [clinic.pk]
        assert Membership.objects.update(clinics=[]) == 0
        assert Membership.objects.all().delete() == (0, {})
    assert person.memberships.get().clinics == [clinic.pk]


def test_raw_sql_of_the_webs_role_reads_and_writes_nothing(two: tuple[Clinic, Clinic]) -> None:
    ours, _ = two
    with web_role() as cursor:
        for table in (*PATIENTS, "clinics_organization", "pms_writebacks", "pms_calls"):
            assert rows_of(table, cursor) == 0
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
            assert cursor.rowcount == 0
        cursor.execute("UPDATE clinics_patient SET is_active = false")
        assert cursor.rowcount == 0
        insert = "INSERT INTO clinics_organization (id, name, created_at) VALUES (%s, 'X', now())"
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            cursor.execute(insert, [uuid.uuid4()])
    assert Patient.objects.filter(clinic=ours, is_active=True).count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE clinics_patient DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE clinics_patient NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON clinics_patient",
        "CREATE POLICY all_of_it ON clinics_patient USING (true)",
        "ALTER TABLE clinics_patient OWNER TO frontdesk_web",
        "CREATE VIEW all_of_it AS SELECT * FROM clinics_patient",
        "TRUNCATE clinics_patient",
        "ALTER ROLE frontdesk_web BYPASSRLS",
        "COPY clinics_patient TO PROGRAM 'cat'",
    ],
)
def test_the_webs_role_cannot_switch_it_off(two: tuple[Clinic, Clinic], statement: str) -> None:
    with web_role() as cursor, pytest.raises(ProgrammingError), transaction.atomic():
        cursor.execute(statement)


def test_to_turn_row_security_off_is_an_error_and_shows_nothing(two: tuple[Clinic, Clinic]) -> None:
    with web_role() as cursor:
        cursor.execute("SET LOCAL row_security = off")
        with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
            cursor.execute("SELECT * FROM clinics_patient")


def test_a_query_in_a_scope_uses_the_tenants_index(two: tuple[Clinic, Clinic]) -> None:
    ours, _ = two
    for clinic in two:
        Patient.objects.bulk_create(
            Patient(organization=clinic.organization, clinic=clinic, external_id=f"many {number}")
            for number in range(2000)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clinics_patient")
        with scope.organizations(ours.organization_id):
            plan = Patient.objects.filter(clinic=ours, external_id="many 7").explain()
    assert "Index" in plan
    assert "Seq Scan" not in plan
    # Once for the statement, and not for each row.
    assert plan.count("InitPlan") >= 1


def test_calls_of_another_tenant_stay_out_of_sight(two: tuple[Clinic, Clinic]) -> None:
    ours, theirs = two
    with scope.organizations(theirs.organization_id):
        assert not Call.objects.filter(integration=ours.integration).exists()
