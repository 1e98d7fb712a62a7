"""The sandbox over real HTTP: connections that live, drop and end as a PMS's would."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests
import time_machine

from integrations.sandbox import ControlRefused, PortTaken, RunningSandbox, WrongKnob, running

from .gateway import BOOKING, MONDAY


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(now=MONDAY, frozen=True) as sandbox:
        yield sandbox


@pytest.fixture
def office(sandbox: RunningSandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Request-Key"] = key(sandbox)
        yield session


def key(sandbox: RunningSandbox) -> str:
    credentials = sandbox.credentials
    first = credentials["offices"][0]
    body = {
        "grant_type": "request_key",
        "office_id": first["office_id"],
        "secret_key": first["secret_key"],
        "app_id": credentials["app_id"],
        "app_key": credentials["app_key"],
    }
    return requests.post(f"{sandbox.url}/request_key", json=body, timeout=5).json()["request_key"]


def writes(sandbox: RunningSandbox) -> list[dict[str, str]]:
    return sandbox.control.books("D10001")["offices"]["D10001"]["writebacks"]


def test_one_connection_carries_many_calls_without_stalling(sandbox: RunningSandbox) -> None:
    headers = {"Request-Key": key(sandbox)}
    address = urlsplit(sandbox.url)
    connection = HTTPConnection(address.hostname or "", address.port)
    connection.connect()
    only_socket = connection.sock
    took = []
    for _ in range(30):
        began = time.perf_counter()
        connection.request("GET", f"{address.path}/practices", headers=headers)
        assert connection.getresponse().read()
        took.append(time.perf_counter() - began)
    assert connection.sock is only_socket
    # A stall by Nagle's algorithm and delayed acknowledgement takes 40 ms, every time.
    assert sorted(took)[15] < 0.02
    connection.close()


@pytest.mark.parametrize(("fault", "happened"), [("lost_answer", 1), ("dropped_request", 0)])
def test_a_dropped_connection_is_an_error_and_not_an_empty_answer(
    sandbox: RunningSandbox, office: requests.Session, fault: str, happened: int
) -> None:
    sandbox.control.fault("POST /appointment", fault)
    with pytest.raises(requests.ConnectionError):
        office.post(f"{sandbox.url}/appointment", json=BOOKING, timeout=5)
    assert len(writes(sandbox)) == happened
    answer = office.post(f"{sandbox.url}/appointment", json=BOOKING, timeout=5)
    assert answer.status_code == 201


def test_a_slow_answer_is_a_timeout_although_the_write_is_queued(
    sandbox: RunningSandbox, office: requests.Session
) -> None:
    sandbox.control.fault("POST /appointment", "slow", seconds=0.3)
    with pytest.raises(requests.ReadTimeout):
        office.post(f"{sandbox.url}/appointment", json=BOOKING, timeout=0.1)
    assert len(writes(sandbox)) == 1


def test_clients_that_go_away_leave_no_traceback(
    sandbox: RunningSandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    address = urlsplit(sandbox.url)
    request = f"GET /sikka/v4/patients?limit=5000&request_key={key(sandbox)} HTTP/1.1\r\n\r\n"
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port)) as client:
            # Closing with unread data sends a reset, the rudest way to go.
            client.sendall(request.encode())
            client.recv(10)
    assert len(sandbox.control.calls()) == 4
    assert capfd.readouterr().err == ""


def test_a_stopped_sandbox_ends_the_connections_it_holds() -> None:
    with requests.Session() as session:
        with running() as sandbox:
            assert session.get(f"{sandbox.address}/control/clock", timeout=5).status_code == 200
        with pytest.raises(requests.ConnectionError):
            session.get(f"{sandbox.address}/control/clock", timeout=5)


def test_a_taken_port_is_a_typed_error() -> None:
    with running() as first, pytest.raises(PortTaken), running(port=urlsplit(first.url).port or 0):
        pass


def test_many_threads_book_at_once_and_each_gets_its_own_write(sandbox: RunningSandbox) -> None:
    headers = {"Request-Key": key(sandbox)}

    def book(_: int) -> str:
        answer = requests.post(
            f"{sandbox.url}/appointment", json=BOOKING, headers=headers, timeout=10
        )
        return answer.json()["long_message"]

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(book, range(40)))
    assert sorted(receipts) == [f"Id:{275495 + number}" for number in range(40)]
    assert len(writes(sandbox)) == 40


def test_bodies_in_chunks_and_questions_for_the_head_alone_are_understood(
    sandbox: RunningSandbox, office: requests.Session
) -> None:
    whole = str(BOOKING).replace("'", '"').encode()
    office.headers["Content-Type"] = "application/json"
    answer = office.post(
        f"{sandbox.url}/appointment", data=iter([whole[:20], whole[20:]]), timeout=5
    )
    assert answer.status_code == 201
    head = office.head(f"{sandbox.url}/practices", timeout=5)
    assert (head.status_code, head.content) == (200, b"")
    assert office.get(f"{sandbox.url}/practices", timeout=5).json()["total_count"] == "1"


def test_the_control_client_directs_a_running_sandbox(sandbox: RunningSandbox) -> None:
    control = sandbox.control
    assert control.now == MONDAY
    assert control.advance(60) == MONDAY + timedelta(seconds=60)
    assert control.set_now(datetime(2026, 5, 1, tzinfo=UTC)) == datetime(2026, 5, 1, tzinfo=UTC)
    assert control.knobs(errors=0.25)["errors"] == 0.25
    assert control.knobs()["delay"] == [10.0, 25.0]
    control.fault("*", "error", count=3)
    assert control.faults() == [{"on": "*", "fault": "error", "count": 3, "seconds": 5.0}]
    control.clear_faults()
    assert control.faults() == []
    assert control.credentials()["sikka"] == sandbox.credentials
    assert control.expire_keys("D10001") == 0
    assert control.calls("D10001") == []
    control.reset()
    assert (control.now, control.knobs()["errors"]) == (MONDAY, 0.0)
    with pytest.raises(ControlRefused, match="no knob is called 'speed'"):
        control.knobs(speed=3)
    assert control.freeze(False) >= MONDAY


def test_a_test_that_moves_time_moves_the_sandbox_in_its_process() -> None:
    with time_machine.travel(MONDAY, tick=False) as traveller, running() as sandbox:
        assert sandbox.control.now == MONDAY
        traveller.shift(timedelta(hours=25))
        assert sandbox.control.now == MONDAY + timedelta(hours=25)


def test_calls_are_printed_only_when_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    for verbose in (False, True):
        with running(verbose=verbose) as sandbox:
            requests.get(f"{sandbox.url}/practices?search=%25", timeout=5)
        assert ("GET /sikka/v4/practices" in capfd.readouterr().err) is verbose


def test_a_wrong_knob_is_refused_before_anything_starts() -> None:
    with pytest.raises(WrongKnob, match="failures must be a share"), running(failures=3):
        pass
