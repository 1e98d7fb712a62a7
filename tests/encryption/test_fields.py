"""Encrypted fields behave as the plain ones did, except that the database cannot look into them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django import forms
from django.core.exceptions import FieldError, ValidationError
from django.db import connection, models
from django.db.models import F, Q
from django.forms import modelform_factory
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework import serializers

from clinics.models import Clinic, Patient
from clinics.serializers import PatientSerializer
from encryption.cipher import CannotDecrypt
from encryption.fields import EncryptedCharField
from integrations.models import Integration
from tests import make

pytestmark = pytest.mark.django_db
BORN = date(1980, 1, 31)


def stored(of: Any, column: str) -> Any:
    """What the database itself holds."""
    with connection.cursor() as cursor:
        table = of._meta.db_table
        cursor.execute(f"SELECT {column} FROM {table} WHERE id = %s", [of.pk])  # noqa: S608
        return cursor.fetchone()[0]


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    return make.record(Patient, clinic, first_name="Ada", last_name="Invented", birth_date=BORN)


def test_the_database_holds_ciphertext_and_python_the_value(ada: Patient) -> None:
    for column in ("first_name", "last_name", "birth_date"):
        assert stored(ada, column).startswith("v1:")
    found = Patient.objects.get(pk=ada.pk)
    assert (found.first_name, found.last_name, found.birth_date) == ("Ada", "Invented", BORN)


def test_null_stays_null_and_an_empty_text_stays_empty(clinic: Clinic) -> None:
    nobody = make.record(Patient, clinic)
    assert stored(nobody, "birth_date") is None
    assert stored(nobody, "first_name") == ""
    found = Patient.objects.get()
    assert (found.birth_date, found.first_name) == (None, "")
    assert Patient.objects.filter(birth_date__isnull=True).count() == 1
    assert Patient.objects.filter(first_name__isnull=True).count() == 0


@pytest.mark.parametrize(
    "value", [{}, [], "", 0, False, {"app_id": "é", "n": [1, 2.5, None, {"deep": "\0"}]}]
)
def test_json_comes_back_as_it_was(integration: Integration, value: Any) -> None:
    Integration.objects.update(credential=value)
    integration.refresh_from_db()
    assert integration.credential == value
    assert type(integration.credential) is type(value)
    assert stored(integration, "credential").startswith("v1:")


@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.dates())
def test_any_text_and_any_date_come_back(ada: Patient, text: str, born: date) -> None:
    Patient.objects.filter(pk=ada.pk).update(last_name=text, birth_date=born)
    ada.refresh_from_db()
    assert (ada.last_name, ada.birth_date) == (text, born)


def test_every_way_to_write_encrypts(clinic: Clinic, ada: Patient) -> None:
    def now_is(name: str) -> None:
        assert Patient.objects.values_list("first_name", flat=True).get() == name
        assert stored(ada, "first_name").startswith("v1:")

    Patient.objects.filter(pk=ada.pk).update(first_name="Updated")
    now_is("Updated")
    ada.first_name = "Saved"
    ada.save(update_fields=["first_name"])
    now_is("Saved")
    ada.first_name = "In bulk"
    Patient.objects.bulk_update([ada], ["first_name"])
    now_is("In bulk")
    again = Patient(
        clinic=clinic, organization=ada.organization, external_id=ada.external_id, first_name="Anew"
    )
    Patient.objects.bulk_create(
        [again],
        update_conflicts=True,
        unique_fields=["clinic", "external_id"],
        update_fields=["first_name"],
    )
    now_is("Anew")


def test_every_way_to_read_decrypts(ada: Patient) -> None:
    rows = Patient.objects.all()
    assert rows.values("first_name").get() == {"first_name": "Ada"}
    assert rows.values_list("first_name", "birth_date").get() == ("Ada", BORN)
    assert rows.annotate(called=F("first_name")).get().called == "Ada"
    deferred = rows.defer("first_name").get()
    assert deferred.get_deferred_fields() == {"first_name"}
    assert deferred.first_name == "Ada"
    ada.first_name = "forgotten"
    ada.refresh_from_db(fields=["first_name"])
    assert ada.first_name == "Ada"


@pytest.mark.parametrize(
    "lookup",
    [
        {"first_name": "Ada"},
        {"first_name": ""},
        {"first_name": None},
        {"first_name__icontains": "a"},
        {"first_name__in": ["Ada"]},
        {"birth_date": BORN},
        {"birth_date__gte": BORN},
        {"birth_date__year": 1980},
        {"birth_date__year__gt": 1980},
        {"appointments__description__contains": "x"},
    ],
)
def test_a_lookup_is_refused_instead_of_finding_nothing(lookup: dict[str, Any]) -> None:
    for query in (Q(**lookup), ~Q(**lookup)):
        with pytest.raises(FieldError, match=r"is encrypted: the database cannot look it up by"):
            Patient.objects.filter(query)


@pytest.mark.parametrize("lookup", ["credential__app_id", "credential__has_key", "access_key"])
def test_so_is_a_look_into_json_or_for_a_key(lookup: str) -> None:
    with pytest.raises(FieldError, match="is encrypted"):
        Integration.objects.filter(**{lookup: "app"})


def test_a_value_from_another_column_does_not_open(ada: Patient) -> None:
    Patient.objects.update(first_name=F("last_name"))
    with pytest.raises(CannotDecrypt, match=r"clinics_patient\.first_name"):
        Patient.objects.get()
    assert Patient.objects.defer("first_name").get().last_name == "Invented"


def test_a_value_that_is_too_long_is_told_by_its_plain_length(ada: Patient) -> None:
    ada.first_name = "x" * 100
    ada.full_clean()
    ada.first_name = "x" * 101
    with pytest.raises(ValidationError) as caught:
        ada.full_clean()
    assert [*caught.value.message_dict] == ["first_name"]


def test_forms_and_serializers_have_the_fields_that_they_had() -> None:
    names = ["first_name", "birth_date", "email"]
    form = modelform_factory(Patient, fields=names)()
    assert [type(form.fields[name]) for name in names] == [
        forms.CharField,
        forms.DateField,
        forms.CharField,
    ]
    assert form.fields["email"].max_length == 254
    fields = PatientSerializer().fields
    assert [type(fields[name]) for name in names] == [
        serializers.CharField,
        serializers.DateField,
        serializers.CharField,
    ]
    assert fields["first_name"].max_length == 100


def test_a_form_saves_what_was_typed(ada: Patient) -> None:
    form_class = modelform_factory(Patient, fields=["first_name", "birth_date"])
    form = form_class({"first_name": "Grace", "birth_date": "1981-02-01"}, instance=ada)
    assert form.has_changed()
    form.save()
    found = Patient.objects.get()
    assert (found.first_name, found.birth_date) == ("Grace", date(1981, 2, 1))


def test_an_index_or_a_constraint_on_ciphertext_is_an_error_of_the_model() -> None:
    class Marked(models.Model):  # noqa: DJ008
        plain = EncryptedCharField(max_length=5)
        unique = EncryptedCharField(max_length=5, unique=True)
        indexed = EncryptedCharField(max_length=5, db_index=True)

        class Meta:
            app_label = "encryption"
            managed = False

    try:
        found = {each.name: [e.id for e in each.check()] for each in Marked._meta.fields[1:]}
    finally:
        from django.apps import apps

        del apps.all_models["encryption"]["marked"]
        apps.clear_cache()
    assert found == {"plain": [], "unique": ["encryption.E001"], "indexed": ["encryption.E001"]}
