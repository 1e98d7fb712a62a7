"""Values move to the first key while everything goes on, and an old key goes when none needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection

from clinics.models import Clinic, Patient
from encryption import keychecks, keyfile, keys, rotation
from encryption.cipher import CannotDecrypt
from encryption.keys import keyring
from encryption.models import KeyCheck
from integrations.models import Integration
from tests import make
from tests.encryption.conftest import put_first
from tests.encryption.rotating import new_id, run, under
from writebacks.models import Writeback, WritebackEvent


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for other processes: there are none."""
    monkeypatch.setattr(rotation, "LEARNT", 0)


@pytest.fixture
def people(db: None, key_file: Path, clinic: Clinic) -> list[Patient]:
    KeyCheck.objects.all().delete()
    keychecks.confirm()
    return [
        make.record(Patient, clinic, first_name="Ada", phone=f"212555{n:04}") for n in range(25)
    ]


def test_all_models_with_encrypted_fields_are_walked() -> None:
    found = {
        rows.model._meta.label: [each.name for each in rotation.encrypted_fields(rows.model)]
        for rows in rotation.querysets()
    }
    assert found == {
        "clinics.Patient": [
            "first_name",
            "last_name",
            "birth_date",
            "email",
            "phone",
            "other_phone",
        ],
        "clinics.Appointment": ["description"],
        "integrations.Integration": ["credential", "error_message", "access_key", "refresh_key"],
        "outreach.CallTask": ["note"],
        "webhooks.Endpoint": ["url", "secret", "old_secret"],
        "webhooks.Message": ["data"],
        "writebacks.Writeback": ["command", "request_body", "remark", "error_message"],
        "writebacks.WritebackEvent": ["note"],
    }


@pytest.mark.usefixtures("people")
def test_a_new_key_is_made_used_and_the_old_one_retired(
    key_file: Path, integration: Integration
) -> None:
    writeback = make.writeback(integration, error_message="Refused.")
    event = WritebackEvent.objects.create(
        organization=integration.organization,
        writeback=writeback,
        at=writeback.created_at,
        event="requested",
        to_status="queued",
        note="Asked.",
    )
    before = {
        model: [*model.objects.order_by("pk").values()]
        for model in (Patient, Integration, Writeback, WritebackEvent)
    }
    told = run("--new")
    first = new_id()
    assert [*keyring().keys.by_id] == [first, "old"]
    assert f"The new key {first} is first in {key_file}: make a backup of it." in told
    assert f"29 of 29 rows were re-encrypted: all are under {first} now." in told
    assert "`manage.py rotate_keys --retire old` removes that key." in told
    assert under("old") == {}
    assert under(first) == {
        "clinics.Patient": 26,
        "integrations.Integration": 1,
        "writebacks.Writeback": 1,
        "writebacks.WritebackEvent": 1,
    }
    assert {model: [*model.objects.order_by("pk").values()] for model in before} == before
    assert event.note == "Asked."

    assert "0 of " in run(), "there is nothing left to do"
    assert f"The key old is retired and no longer in {key_file}.\n" == run("--retire", "old")
    assert [*keyring().keys.by_id] == [first]
    assert {model: [*model.objects.order_by("pk").values()] for model in before} == before
    keychecks.confirm()


@pytest.mark.usefixtures("people")
def test_a_key_that_values_need_is_not_retired(key_file: Path, integration: Integration) -> None:
    put_first(key_file, "new")
    keyring().look()
    with pytest.raises(CommandError) as caught:
        run("--retire", "old")
    assert str(caught.value) == (
        "The key 'old' stays: rows still need it: 25 in clinics_patient, 1 in pms_integrations. "
        "`manage.py rotate_keys` re-encrypts them."
    )
    assert "old" in keyring().keys.by_id
    assert KeyCheck.objects.get(key_id="old").retired_at is None


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("key_id", "told"),
    [
        ("old", "'old' is the first key, which encrypts: put another first."),
        ("other", "There is no key 'other'; there are: old"),
        ("index", "There is no key 'index'; there are: old"),
    ],
)
def test_nor_is_the_first_key_or_one_that_is_none(key_id: str, told: str) -> None:
    with pytest.raises(CommandError) as caught:
        run("--retire", key_id)
    assert str(caught.value) == told


def test_a_rotation_that_was_broken_off_goes_on(
    key_file: Path, people: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 10)
    put_first(key_file, "new")
    keyring().look()
    encrypt, count = rotation.encrypt, iter(range(100))

    def interrupted(*arguments: str) -> str:
        if next(count) == 30:
            raise KeyboardInterrupt
        return encrypt(*arguments)

    monkeypatch.setattr(rotation, "encrypt", interrupted)
    with pytest.raises(CommandError) as caught:
        run()
    assert caught.value.returncode == 130
    assert str(caught.value) == (
        "Stopped. Every value can be read, by the old keys or the new one; "
        "`manage.py rotate_keys` goes on."
    )
    # Two values of each row, whole rows only.
    assert (under("new"), under("old")) == ({"clinics.Patient": 15}, {"clinics.Patient": 10})
    assert {each.first_name for each in Patient.objects.all()} == {"Ada"}
    assert "10 of 25 rows were re-encrypted" in run()
    assert (under("new"), under("old")) == ({"clinics.Patient": 25}, {})


def test_what_another_wrote_in_between_is_not_overwritten(
    key_file: Path, people: list[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first(key_file, "new")
    keyring().look()
    encrypt, written = rotation.encrypt, []

    def overtaken(*arguments: str) -> str:
        if not written:
            written.append(min(each.pk for each in people))
            Patient.objects.filter(pk=written[0]).update(phone="written meanwhile")
        return encrypt(*arguments)

    monkeypatch.setattr(rotation, "encrypt", overtaken)
    run()
    assert Patient.objects.get(pk=written[0]).phone == "written meanwhile"
    assert (under("new"), under("old")) == ({"clinics.Patient": 25}, {})


def test_a_value_that_nobody_can_read_stays_and_stops_no_other(
    key_file: Path, people: list[Patient], caplog: pytest.LogCaptureFixture
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE clinics_patient SET phone = 'v1:lost:AAAA' WHERE id = %s", [people[3].pk]
        )
    put_first(key_file, "new")
    keyring().look()
    with pytest.raises(CommandError, match="1 rows could not be read and stay as they were"):
        run()
    assert under("new") == {"clinics.Patient": 24}
    assert f"row {people[3].pk}: clinics_patient.phone: a value under the key 'lost'" in caplog.text


@pytest.mark.usefixtures("people")
def test_with_keys_in_the_environment_it_says_what_to_set(settings: Any, key_file: Path) -> None:
    settings.ENCRYPTION_KEYS, settings.ENCRYPTION_KEYS_FILE = keyfile.read(key_file), None
    keyring.cache_clear()
    told = run("--new")
    assert "put this entry into ENCRYPTION_KEYS: behind the other keys" in told
    entry = told.splitlines()[-1]
    settings.ENCRYPTION_KEYS = f"{entry},{','.join(keys.entries(settings.ENCRYPTION_KEYS))}"
    keyring.cache_clear()
    keychecks.confirm()
    assert f"25 of 25 rows were re-encrypted: all are under {entry.split(':')[0]} now." in run()
    assert run("--retire", "old") == (
        "No value needs old any more: remove it from ENCRYPTION_KEYS.\n"
    )


@pytest.mark.usefixtures("people")
def test_afterwards_the_old_key_opens_nothing(key_file: Path) -> None:
    old_keys = keyfile.read(key_file)
    run("--new")
    keyfile.change(key_file, lambda text: old_keys)
    keyring().look()
    for patient in Patient.objects.values("pk"):
        for name in ("first_name", "phone"):
            with pytest.raises(CannotDecrypt):
                Patient.objects.values_list(name).get(pk=patient["pk"])


def test_what_is_saved_afterwards_looks_changed_only_where_it_is(people: list[Patient]) -> None:
    run("--new")
    before = Patient.objects.order_by("pk").values_list("pk", flat=True)[0]
    stored = rotation._with_ciphertext(Patient.objects.filter(pk=before))
    columns = [f"stored_{each.name}" for each in rotation.encrypted_fields(Patient)]
    as_rotated = stored.values(*columns).get()
    patient = Patient.objects.get(pk=before)
    patient.is_active = False
    patient.save()
    assert stored.values(*columns).get() == as_rotated
