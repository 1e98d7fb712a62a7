"""The database remembers which keys it was written with, and forgets those that nothing needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from encryption import keychecks, keyfile, keys
from encryption.keys import keyring
from encryption.models import KeyCheck
from tests.encryption.conftest import put_first

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_key_yet(key_file: Path) -> None:
    KeyCheck.objects.all().delete()


def known() -> dict[str, str]:
    return dict(KeyCheck.objects.values_list("key_id", "proof"))


def test_new_keys_are_noted_once_and_tell_nothing_of_themselves() -> None:
    keychecks.confirm()
    assert {*known()} == {"old", "index"}
    assert {len(proof) for proof in known().values()} == {64}
    assert keyring().keys.by_id["old"].hex() not in known().values()
    before = known()
    keychecks.confirm()
    assert known() == before


def test_of_two_who_bring_different_keys_of_one_name_the_second_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note_down = keychecks.note_down

    def another_was_first(ring: keys.Keyring) -> None:
        KeyCheck.objects.create(key_id="old", proof="another's")
        note_down(ring)

    monkeypatch.setattr(keychecks, "note_down", another_was_first)
    with pytest.raises(ImproperlyConfigured, match=r"the key .old. in the key file .* is not the"):
        keychecks.confirm()


def test_a_key_that_was_made_since_this_process_began_is_learnt(key_file: Path) -> None:
    assert keyring().keys.first == "old"
    put_first(key_file, "new")
    KeyCheck.objects.create(
        key_id="new", proof=keychecks.proofs(keys.Keyring(path=key_file))["new"]
    )
    keychecks.confirm()
    assert keyring().keys.first == "new"


def test_a_retired_key_is_not_missed(key_file: Path) -> None:
    put_first(key_file, "new")
    keyring().look()
    keychecks.confirm()
    keyfile.change(key_file, lambda text: keys.without(text, "old"))
    keyring().look()
    with pytest.raises(ImproperlyConfigured, match="was written with the key 'old', which"):
        keychecks.confirm()
    KeyCheck.objects.filter(key_id="old").update(retired_at=timezone.now())
    keychecks.confirm()


def test_before_the_first_migration_there_is_nothing_to_hold_against() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE encryption_key_checks RENAME TO away")
    keychecks.confirm()
