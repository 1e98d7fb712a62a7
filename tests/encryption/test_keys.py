"""Keys are read from where settings say, refused where they are wrong, and learnt while running."""

from __future__ import annotations

import stat
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from encryption import keyfile, keys
from encryption.cipher import CannotDecrypt, decrypt, encrypt
from encryption.keys import Keyring, keyring, new_text, parse, without
from tests.encryption.conftest import put_first

A, B, C = (b64encode(letter * 32).decode() for letter in (b"a", b"b", b"c"))


@pytest.mark.parametrize(
    "text",
    [
        f"one:{A}\ntwo:{B}\nindex:{C}\n",
        f"one:{A},two:{B},index:{C}",
        f"# made today\n\n  one:{A} ,\n index:{C}, two:{B}",
    ],
)
def test_the_first_key_encrypts_and_the_index_key_stands_apart(text: str) -> None:
    found = parse(text, "here")
    assert found.first == "one"
    assert found.by_id == {"one": b"a" * 32, "two": b"b" * 32}
    assert found.index == b"c" * 32


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "here has no entry index:…"),
        (f"one:{A}", "here has no entry index:…"),
        (f"index:{C}", "here has no key to encrypt with"),
        (f"{A}\nindex:{C}", "entry 1 of here is not written as id:base64"),
        (f"one:{A}\n:{B}\nindex:{C}", "entry 2 of here is not written as id:base64"),
        (f"on e:{A}\nindex:{C}", "entry 1 of here is not written as id:base64"),
        (f"{'x' * 33}:{A}\nindex:{C}", "entry 1 of here is not written as id:base64"),
        (f"one:{A[:-4]}\nindex:{C}", "the key 'one' in here is not 32 bytes in base64"),
        (f"one:{A}\nindex:secret!", "the key 'index' in here is not 32 bytes in base64"),
        (f"one:{A}\none:{B}\nindex:{C}", "here has two keys 'one'"),
        (f"one:{A}\ntwo:{A}\nindex:{C}", "the key 'two' in here stands there under another id"),
        (f"one:{A}\nindex:{A}", "the key 'index' in here stands there under another id"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_without_a_key(text: str, told: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        parse(text, "here")
    line = str(caught.value)
    assert line.startswith(told)
    assert "\n" not in line
    assert not [secret for secret in (A, B, C, "secret!") if secret in line]


def test_keys_are_not_printed() -> None:
    assert repr(parse(f"one:{A}\nindex:{C}", "here")) == "Keys()"


def test_an_entry_is_taken_out_and_all_else_stays() -> None:
    text = f"# a note\none:{A},two:{B}\nindex:{C}\n"
    assert without(text, "one") == f"# a note\ntwo:{B}\nindex:{C}\n"
    assert without(text, "on") == text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(ImproperlyConfigured, match=f"chmod 600 {key_file}"):
        Keyring(path=key_file)


def test_a_missing_key_file_is_refused_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="is missing: put it back from your backup"):
        Keyring(path=tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_of_many_who_make_the_file_at_once_one_does(tmp_path: Path) -> None:
    path = tmp_path / "keys"

    def one(number: int) -> str:
        keyfile.make_once(path, lambda: new_text(f"k{number}"))
        return keyfile.read(path)

    with ThreadPoolExecutor(8) as pool:
        texts = {*pool.map(one, range(40))}
    assert len(texts) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["keys"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_changes_at_once_lose_neither(key_file: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: put_first(key_file, f"k{number}"), range(20)))
    found = Keyring(path=key_file).keys.by_id
    assert {*found} == {"old", *(f"k{number}" for number in range(20))}
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_running_process_learns_a_key_from_the_first_value_that_names_it(key_file: Path) -> None:
    before = keyring()
    put_first(key_file, "new")
    keys.keyring.cache_clear()
    stored = encrypt("Ada", "t", "c")
    assert stored.startswith("v1:new:")

    keys.keyring.cache_clear()
    assert "new" not in before.keys.by_id
    assert before.decrypting("new") is not None
    assert before.keys.first == "new"


def test_a_running_process_encrypts_with_a_new_first_key_within_a_second(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert encrypt("Ada", "t", "c").startswith("v1:old:")
    put_first(key_file, "new")
    now = time.monotonic()
    monkeypatch.setattr("encryption.keys.time.monotonic", lambda: now + keys.LOOK_EVERY)
    assert encrypt("Ada", "t", "c").startswith("v1:new:")


def test_a_file_that_was_spoilt_changes_nothing_for_those_who_run(key_file: Path) -> None:
    stored = encrypt("Ada", "t", "c")
    key_file.write_text("nonsense")
    with pytest.raises(CannotDecrypt):
        decrypt(stored.replace("v1:old:", "v1:other:"), "t", "c")
    assert decrypt(stored, "t", "c") == "Ada"
    assert decrypt(encrypt("Grace", "t", "c"), "t", "c") == "Grace"
