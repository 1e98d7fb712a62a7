"""The embedded services when something is killed, at the worst moment where that matters."""

import contextlib
import os
import signal
from pathlib import Path

import psutil

from config.embedded import EmbeddedServices, urls
from config.embedded.server import Server
from tests.config.conftest import execute, family, gone, store, stored, wait_until

OWNER = """
import sys, time
from pathlib import Path
from config.embedded import EmbeddedServices
services = EmbeddedServices(Path(sys.argv[1]))
services.start()
print(*[server.pid for server in services.servers], flush=True)
time.sleep(600)
"""


def kill(server: Server) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: server.pid is None)


def test_a_killed_postgres_is_restarted_with_its_data(used_var: Path) -> None:
    with EmbeddedServices(used_var) as services:
        postgres = services.servers[0]
        execute(urls(used_var).owner_database, "CREATE TABLE kept AS SELECT 42 AS answer")
        kill(postgres)
        assert services.check() == ["postgres"]
        assert execute(urls(used_var).database, "SELECT answer FROM kept") == [(42,)]
        # And once more, at once: the backends of the first may still be there.
        kill(postgres)
        assert services.check() == ["postgres"]
        assert services.check() == []


def test_a_killed_valkey_is_restarted_with_its_data(var: Path) -> None:
    with EmbeddedServices(var, postgres=False) as services:
        store(var, "kept", "yes")
        kill(services.servers[0])
        assert services.check() == ["valkey"]
        assert stored(var, "kept") == "yes"


def test_servers_end_when_their_owner_is_killed_and_no_row_is_lost(used_var, run_python) -> None:
    owner = run_python(OWNER, used_var)
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    execute(urls(used_var).owner_database, "CREATE TABLE kept (id int)")
    for number in range(50):
        execute(urls(used_var).database, "INSERT INTO kept VALUES (%s)", number)
    store(used_var, "kept", "yes")
    servers = [process for pid in pids for process in family(pid)]
    owner.kill()
    owner.wait()
    # At once, while the servers are still busy ending.
    with EmbeddedServices(used_var):
        assert gone(servers)
        assert execute(urls(used_var).database, "SELECT count(*) FROM kept") == [(50,)]
        assert stored(used_var, "kept") == "yes"


def test_a_start_after_everything_was_killed_at_once_loses_nothing(used_var, run_python) -> None:
    owner = run_python(OWNER, used_var)
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    execute(urls(used_var).owner_database, "CREATE TABLE kept AS SELECT 42 AS answer")
    for process in reversed(family(owner.pid)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    owner.wait()
    assert (used_var / "postgres" / "data" / "postmaster.pid").exists()
    assert len(pids) == 2
    with EmbeddedServices(used_var):
        assert execute(urls(used_var).database, "SELECT answer FROM kept") == [(42,)]


def test_a_pid_file_that_names_some_other_process_does_not_matter(used_var: Path) -> None:
    stale = used_var / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n0\n5432\n{used_var}/run\n\n")
    (used_var / "run").mkdir()
    (used_var / "run" / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    with EmbeddedServices(used_var, durable=False, valkey=False):
        assert execute(urls(used_var).database, "SELECT 1") == [(1,)]


def test_a_kill_while_the_data_folder_is_made_leaves_nothing_half_done(var, run_python) -> None:
    owner = run_python(OWNER, var)
    wait_until(lambda: (var / "postgres.new" / "data" / "base").exists())
    processes = family(owner.pid)
    owner.kill()
    owner.wait()
    with EmbeddedServices(var, durable=False, valkey=False):
        assert execute(urls(var).database, "SELECT 1") == [(1,)]
    assert gone(processes)
    assert not (var / "postgres.new").exists()


def test_a_server_that_survived_its_owner_is_ended_by_the_next_start(used_var, run_python) -> None:
    """As on systems whose kernel tells nobody that a parent has died."""
    script = f"import config.processes as p; p.die_with_parent = lambda *a: None\n{OWNER}"
    owner = run_python(script, used_var)
    pids = [int(pid) for pid in owner.stdout.readline().split()]
    owner.kill()
    owner.wait()
    servers = [psutil.Process(pid) for pid in pids]
    assert not gone(servers)
    with EmbeddedServices(used_var, durable=False):
        assert gone(servers)
