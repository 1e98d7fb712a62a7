"""A value opens where it was written, with its key, unchanged; and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from encryption import keyfile, keys
from encryption.cipher import CannotDecrypt, decrypt, encrypt
from tests.encryption.conftest import put_first

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
#: The keyring is the same for all examples, on purpose.
same_keys = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_keys
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_encrypted_decrypts_to_the_same(key_file: Path, text: str) -> None:
    assert decrypt(encrypt(text, "t", "c"), "t", "c") == text


def test_the_same_text_looks_different_each_time(key_file: Path) -> None:
    stored = {encrypt("Ada", "t", "c") for _ in range(100)}
    assert len(stored) == 100
    assert {each[: len("v1:old:")] for each in stored} == {"v1:old:"}


@pytest.mark.parametrize("text", ["", "A", "Ad", "Ada", "Ada Invented"])
def test_a_change_of_any_byte_is_refused(key_file: Path, text: str) -> None:
    stored = encrypt(text, "t", "c")
    for place, right in enumerate(stored):
        for wrong in {*BASE64, ":", "é", "\n"} - {right}:
            with pytest.raises(CannotDecrypt):
                decrypt(stored[:place] + wrong + stored[place + 1 :], "t", "c")
    for length in range(len(stored)):
        with pytest.raises(CannotDecrypt):
            decrypt(stored[:length], "t", "c")
    with pytest.raises(CannotDecrypt):
        decrypt(stored + "A", "t", "c")


@pytest.mark.parametrize(("table", "column"), [("t", "d"), ("u", "c"), ("t.", "c"), ("", "")])
def test_a_value_that_was_moved_does_not_open(key_file: Path, table: str, column: str) -> None:
    with pytest.raises(CannotDecrypt):
        decrypt(encrypt("Ada", "t", "c"), table, column)


def test_another_key_of_the_same_name_does_not_open_it(key_file: Path) -> None:
    stored = encrypt("Ada", "t", "c")
    keyfile.change(key_file, lambda text: keys.new_text("old"))
    keys.keyring.cache_clear()
    with pytest.raises(CannotDecrypt, match="changed, belongs to another column, or was written"):
        decrypt(stored, "t", "c")


def test_a_value_of_an_older_key_opens_as_long_as_the_key_is_there(key_file: Path) -> None:
    stored = encrypt("Ada", "t", "c")
    put_first(key_file, "new")
    keys.keyring.cache_clear()
    assert decrypt(stored, "t", "c") == "Ada"
    keyfile.change(key_file, lambda text: keys.without(text, "old"))
    keys.keyring.cache_clear()
    with pytest.raises(CannotDecrypt, match="has no such key"):
        decrypt(stored, "t", "c")


@pytest.mark.parametrize(
    ("change", "key_id"),
    [
        (lambda stored: stored[:-8] + "AAAAAAA=", "old"),
        (lambda stored: stored.replace(":old:", ":other:"), "other"),
        (lambda stored: "Ada Invented", ""),
        (lambda stored: "v1:Ada Invented:1980", ""),
    ],
)
def test_the_error_names_table_column_and_key_and_never_the_value(
    key_file: Path, change: Any, key_id: str
) -> None:
    stored = change(encrypt("Ada Invented", "clinics_patient", "phone"))
    with pytest.raises(CannotDecrypt) as caught:
        decrypt(stored, "clinics_patient", "phone")
    error = caught.value
    assert (error.table, error.column, error.key_id) == ("clinics_patient", "phone", key_id)
    assert "clinics_patient.phone" in str(error)
    assert repr(key_id) in str(error) or not key_id
    assert "Ada" not in str(error)
    assert stored[7:] not in str(error)
    assert error.__cause__ is None, "a traceback would show more"
