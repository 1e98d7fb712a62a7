"""A state file: what outlives the process, and which files are refused."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.sandbox import StateMismatch
from integrations.sandbox.application import Sandbox

from .gateway import Gateway


def test_a_restart_on_the_same_file_goes_on_with_everything(
    tmp_path: Path, open_gateway: Callable[..., Gateway]
) -> None:
    file = tmp_path / "books.sqlite3"
    first = open_gateway(state=file)
    write = first.book()
    first.control("POST", "/clock", {"advance_seconds": 5})
    first.sandbox.close()

    second = open_gateway(state=file)
    second.keys = first.keys

    assert second.clock.now() == first.clock.now()
    assert second.status_of(write)["status"] == "Pending"
    second.clock.advance(20)
    assert second.status_of(write)["created_id"] == "70148"
    assert second.book() == write + 1
    assert second.control("GET", "/calls")[0]["path"] == "/sikka/v4/request_key"


def test_the_world_stays_as_it_was_built_when_days_go_by(
    tmp_path: Path, open_gateway: Callable[..., Gateway]
) -> None:
    file = tmp_path / "books.sqlite3"
    first = open_gateway(state=file)
    before = first.items("/appointments", limit=5000)
    first.control("POST", "/clock", {"advance_seconds": 86_400 * 5})
    first.sandbox.close()
    assert open_gateway(state=file).items("/appointments", limit=5000) == before


def test_a_file_of_another_seed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    Sandbox(state=file, seed=7).close()
    with pytest.raises(
        StateMismatch, match="holds the world of seed 7, not 8: start with --seed 7"
    ):
        Sandbox(state=file, seed=8)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    Sandbox(state=file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateMismatch, match="not written by this version of the sandbox"):
        Sandbox(state=file)


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader, " * 100)
    with pytest.raises(StateMismatch, match=r"is not a sandbox's state file"):
        Sandbox(state=file)
    assert file.read_text() == "Dear reader, " * 100


def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    first = Sandbox(state=file)
    with pytest.raises(StateMismatch, match="in use by another sandbox"):
        Sandbox(state=file)
    first.close()
