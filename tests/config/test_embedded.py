"""The embedded services as their users see them: addresses, rights, and data that stays."""

import contextlib
import re
import stat
from pathlib import Path
from typing import Any

import kombu
import psycopg
import pytest
import redis
from django.db import DatabaseError, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from environ import Env
from psycopg import errors

from config.embedded import EmbeddedServices, Urls, urls
from tests.config.conftest import connect, execute, store, stored


@pytest.fixture
def addresses(services: EmbeddedServices) -> Urls:
    return urls(services.layout.var)


def test_neither_role_can_step_round_row_level_security(addresses: Urls) -> None:
    query = """
        SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolreplication, rolcreatedb
        FROM pg_roles WHERE rolname LIKE 'frontdesk%' ORDER BY 1
    """
    assert execute(addresses.database, query) == [
        ("frontdesk_owner", False, False, False, False, True),
        ("frontdesk_web", False, False, False, False, False),
    ]


def test_the_web_uses_the_owners_tables_and_cannot_make_its_own(addresses: Urls) -> None:
    execute(addresses.owner_database, "CREATE TABLE visit (id serial PRIMARY KEY, note text)")
    execute(addresses.database, "INSERT INTO visit (note) VALUES (%s)", "first")
    execute(addresses.database, "UPDATE visit SET note = 'second'")
    assert execute(addresses.database, "SELECT id, note FROM visit") == [(1, "second")]
    execute(addresses.database, "DELETE FROM visit")
    for statement in ("CREATE TABLE mine ()", "TRUNCATE visit", "CREATE TEMPORARY TABLE mine ()"):
        with pytest.raises(errors.InsufficientPrivilege):
            execute(addresses.database, statement)


def test_test_databases_made_by_the_owner_give_the_web_the_same_rights(addresses: Urls) -> None:
    execute(addresses.owner_database, "CREATE DATABASE test_frontdesk")
    execute(addresses.owner_database, "CREATE TABLE visit (id int)", dbname="test_frontdesk")
    execute(addresses.database, "INSERT INTO visit VALUES (7)", dbname="test_frontdesk")
    as_web = "SET ROLE frontdesk_web; SELECT current_user::text, id FROM visit"
    with connect(addresses.owner_database, dbname="test_frontdesk") as connection:
        cursor = connection.execute(as_web)
        while cursor.nextset():
            pass
        assert cursor.fetchall() == [("frontdesk_web", 7)]


def test_the_owner_can_make_the_extensions_that_the_tables_need(addresses: Urls) -> None:
    execute(addresses.owner_database, "CREATE EXTENSION btree_gist")
    execute(addresses.owner_database, "CREATE EXTENSION pg_trgm")


def test_text_is_unicode_whatever_the_locale_of_the_machine(addresses: Urls) -> None:
    query = "SELECT lower('ÉCOLE'), current_setting('server_encoding')"
    assert execute(addresses.database, query) == [("école", "UTF8")]


def test_a_wrong_password_is_refused(addresses: Urls) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(addresses.database, password="guess")
    with (
        redis.Redis.from_url(re.sub(":[0-9a-f]+@", ":guess@", addresses.redis)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()


def test_neither_server_listens_on_the_network(addresses: Urls) -> None:
    assert execute(addresses.database, "SHOW listen_addresses") == [("",)]
    with redis.Redis.from_url(addresses.redis, decode_responses=True) as client:
        assert client.config_get("port") == {"port": "0"}


def test_celery_reaches_the_broker_by_its_url(addresses: Urls) -> None:
    with kombu.Connection(addresses.broker) as connection:
        queue = connection.SimpleQueue("letters")
        queue.put("a task")
        assert queue.get(timeout=5).payload == "a task"
        queue.close()


def test_the_broker_never_evicts_what_waits_in_it(addresses: Urls) -> None:
    with redis.Redis.from_url(addresses.redis, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_passwords_are_private_and_not_in_any_command_line(services: EmbeddedServices) -> None:
    layout = services.layout
    assert stat.S_IMODE(layout.secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE(layout.run.stat().st_mode) == 0o700
    files = [*layout.secrets.iterdir(), layout.var / "valkey" / "valkey.conf"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    passwords = [file.read_text() for file in layout.secrets.iterdir()]
    arguments = [part for server in services.servers for part in server.command()]
    assert not any(word in part for word in passwords for part in arguments)
    assert not any(word in repr(urls(layout.var)) for word in passwords)


def test_the_urls_stay_the_same_and_start_nothing(var: Path) -> None:
    first = urls(var)
    assert first == urls(var)
    assert list((var / "run").iterdir()) == []


def test_processes_that_ask_at_the_same_time_get_the_same_passwords(var, run_python) -> None:
    script = """
import sys
from pathlib import Path
from config.embedded import urls
sys.stdin.readline()
print(urls(Path(sys.argv[1])).database)
"""
    askers = [run_python(script, var, stdin=-1) for _ in range(4)]
    for asker in askers:
        asker.stdin.write("go\n")
        asker.stdin.close()
    assert {asker.stdout.read().strip() for asker in askers} == {urls(var).database}


def test_a_restart_keeps_the_data(var: Path) -> None:
    with EmbeddedServices(var):
        execute(urls(var).owner_database, "CREATE TABLE kept AS SELECT 42 AS answer")
        store(var, "kept", "yes")
    with EmbeddedServices(var):
        assert execute(urls(var).database, "SELECT answer FROM kept") == [(42,)]
        assert stored(var, "kept") == "yes"


def test_lost_passwords_are_replaced_without_losing_data(used_var: Path) -> None:
    with EmbeddedServices(used_var, durable=False, valkey=False):
        execute(urls(used_var).owner_database, "CREATE TABLE kept AS SELECT 42 AS answer")
    for file in (used_var / "secrets").iterdir():
        file.unlink()
    with EmbeddedServices(used_var, durable=False, valkey=False):
        assert execute(urls(used_var).database, "SELECT answer FROM kept") == [(42,)]


def test_one_of_the_two_can_run_alone(var: Path) -> None:
    with EmbeddedServices(var, postgres=False):
        store(var, "here", "yes")
        with pytest.raises(psycopg.OperationalError):
            connect(urls(var).database)


def test_what_the_database_refuses_is_logged_without_the_row(
    services: EmbeddedServices, addresses: Urls, django_db_blocker: Any
) -> None:
    table = """
        CREATE TABLE person (id int PRIMARY KEY, name varchar(30) UNIQUE, age int NOT NULL,
            CONSTRAINT grown_up CHECK (age > 17))
    """
    execute(addresses.owner_database, table)
    marker = "Invented\nPerson"
    refused = [
        ("INSERT INTO person VALUES (%s, %s, %s)", [1, marker, None]),
        ("INSERT INTO person VALUES (%s, %s, %s)", [2, marker, 7]),
        ("INSERT INTO person VALUES (%s, %s, %s)", [3, marker, 50]),
        ("INSERT INTO person VALUES (%s, %s, %s)", [4, marker, 50]),
        ("INSERT INTO persons VALUES (%s)", [marker]),
    ]
    settings = {**connections["default"].settings_dict, **Env.db_url_config(addresses.database)}
    bindings = ({}, {"server_side_binding": True})
    with django_db_blocker.unblock():
        for options in bindings:
            database = DatabaseWrapper({**settings, "OPTIONS": options})
            for statement, parameters in refused:
                with contextlib.suppress(DatabaseError), database.cursor() as cursor:
                    cursor.execute(statement, parameters)
            database.close()
    text = (services.layout.log / "postgres.log").read_text()
    for reason in ("check constraint", "unique constraint", "not-null constraint", '"persons"'):
        assert len(re.findall(f"ERROR: .*{reason}", text)) >= len(bindings)
    assert "Invented" not in text
