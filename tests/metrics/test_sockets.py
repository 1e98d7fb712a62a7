"""A WebSocket tells a clinic's numbers as they change: messages, resuming, pace."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from clinics.models import Clinic, User
from metrics import feed, live, watching
from metrics.models import Insight, Told
from tests.metrics.web import Web, token_of, told, visit

pytestmark = pytest.mark.django_db(transaction=True)

NINE = {
    "totalBookings", "totalBookingsChange", "activePatients", "newPatients", "dailyAverage",
    "missedAppointments", "missedAppointmentsPercentage", "bookingTrends", "peakHours",
}  # fmt: skip


@pytest.fixture
def token(staff: User) -> str:
    return token_of(staff)


def test_a_socket_is_told_all_numbers_first_and_then_what_has_changed(
    web: Web, clinic: Clinic, token: str
) -> None:
    visit(clinic)
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        first = socket.next()
        assert first["type"] == "snapshot"
        assert first["id"] == 1
        assert first["clinicId"] == str(clinic.pk)
        assert first["period"] == "week"
        assert set(first["metrics"]) == NINE
        assert first["metrics"]["totalBookings"] == 1
        assert (first["status"], first["lastUpdated"]) == ("unconnected", None)
        assert (first["staleAt"], first["insightsAt"]) == (None, None)
        visit(clinic)
        told(clinic)
        then = socket.next()
        assert then["type"] == "update"
        assert then["id"] == 2
        assert then["changed"]["totalBookings"] == 2
        assert "missedAppointments" not in then["changed"]
        assert Told.objects.count() == 2


def test_a_month_is_told_to_who_asks_for_it(web: Web, clinic: Clinic, token: str) -> None:
    visit(clinic)
    told(clinic)
    with web.socket(clinic, token=token, query="?period=month") as socket:
        first = socket.next()
        assert first["period"] == "month"
        assert first["metrics"] == Told.objects.get().numbers["month"]


def test_before_anything_was_counted_a_recount_is_asked_for_and_its_snapshot_follows(
    web: Web, clinic: Clinic, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("metrics.tasks.ask", asked.append)
    with web.socket(clinic, token=token) as socket:
        assert socket.silent(0.3)
        assert set(asked) == {clinic.pk}
        told(clinic)
        assert socket.next()["type"] == "snapshot"


def test_who_comes_back_is_told_what_has_changed_meanwhile(
    web: Web, clinic: Clinic, token: str
) -> None:
    visit(clinic)
    told(clinic)
    visit(clinic)
    told(clinic)
    told(clinic)  # nothing new
    with web.socket(clinic, token=token, query="?last_id=1") as socket:
        message = socket.next()
        assert (message["type"], message["id"]) == ("update", 2)
        assert message["changed"]["totalBookings"] == 2
    with web.socket(clinic, token=token, query="?last_id=2") as socket:
        message = socket.next()
        assert (message["type"], message["id"], message["changed"]) == ("update", 2, {})


@pytest.mark.parametrize("last_id", [1, 99])
def test_who_comes_back_with_an_id_that_is_not_known_any_more_is_told_all(
    web: Web, clinic: Clinic, token: str, last_id: int
) -> None:
    visit(clinic)
    told(clinic)
    visit(clinic)
    told(clinic)
    Told.objects.filter(version=1).delete()
    with web.socket(clinic, token=token, query=f"?last_id={last_id}") as socket:
        message = socket.next()
        assert (message["type"], message["id"]) == ("snapshot", 2)
        assert message["metrics"]["totalBookings"] == 2


def test_changes_in_quick_succession_come_as_few_updates_and_the_last_state_arrives(
    web: Web, clinic: Clinic, token: str
) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["metrics"]["totalBookings"] == 0
        began = time.monotonic()
        for _ in range(20):
            visit(clinic)
            told(clinic)
        ids, seen = [], 0
        while seen < 20:
            message = socket.next()
            ids.append(message["id"])
            seen = message["changed"]["totalBookings"]
        spent = time.monotonic() - began
        assert ids == sorted(set(ids))
        assert ids[-1] == 21
        assert len(ids) <= spent / watching.APART + 1
        assert socket.silent(1)


def test_a_change_of_another_period_alone_is_not_told(web: Web, clinic: Clinic, token: str) -> None:
    told(clinic)
    newest = Told.objects.get()
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["id"] == 1
        numbers = newest.numbers | {"month": newest.numbers["month"] | {"totalBookings": 7}}
        make_version(clinic, 2, numbers)
        assert socket.silent(1)
        numbers = numbers | {"week": newest.numbers["week"] | {"totalBookings": 7}}
        make_version(clinic, 3, numbers)
        message = socket.next()
        assert (message["id"], message["changed"]) == (3, {"totalBookings": 7})


def make_version(clinic: Clinic, version: int, numbers: dict[str, Any]) -> None:
    organization_id = clinic.organization_id
    values = {"clinic": clinic, "organization_id": organization_id, "numbers": numbers}
    Told.objects.create(version=version, **values)
    live.publish(clinic.pk, version)


def test_new_insights_are_told_without_the_numbers(web: Web, clinic: Clinic, token: str) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["insightsAt"] is None
        now = timezone.now()
        Insight.objects.create(
            clinic=clinic, organization_id=clinic.organization_id, computed_at=now
        )
        told(clinic)
        message = socket.next()
        assert (message["type"], message["changed"]) == ("update", {})
        assert message["insightsAt"] == now.isoformat()


def test_a_heartbeat_comes_in_time_and_brings_what_redis_has_lost(
    web: Web, clinic: Clinic, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT", 1.0)
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["type"] == "snapshot"
        beat = socket.next()
        assert beat == {
            "type": "heartbeat", "id": 1,
            "lastUpdated": None, "dataAgeSeconds": None, "status": "unconnected",
        }  # fmt: skip
        monkeypatch.setattr(live, "publish", lambda *_: None)
        visit(clinic)
        told(clinic)
        messages = [socket.next(), socket.next()]
        assert [each["type"] for each in messages] == ["update", "heartbeat"]
        assert messages[0]["changed"]["totalBookings"] == 1
        assert messages[1]["id"] == 2


def test_a_hundred_sockets_of_one_clinic_read_each_version_once(
    web: Web, clinic: Clinic, token: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.LIVE_SOCKETS_OF_LOGIN = 100
    told(clinic)
    readings: list[Any] = []
    plain = feed._newest_of

    def counted(*arguments: Any) -> Any:
        readings.append(plain(*arguments))
        return readings[-1]

    monkeypatch.setattr(feed, "_newest_of", counted)
    with web.sockets(clinic, 100, token=token) as sockets:
        for each in sockets:
            assert each.next()["type"] == "snapshot"
        before = len(readings)
        assert before <= 3  # as the first came, and once more as Redis was heard
        visit(clinic)
        told(clinic)
        for each in sockets:
            assert each.next()["changed"]["totalBookings"] == 1
        assert len(readings) == before + 1


def test_a_socket_that_is_idle_for_longer_than_redis_clients_wait_lives_and_hears(
    web: Web, clinic: Clinic, token: str
) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["type"] == "snapshot"
        # redis-py gives up on a silent connection after 5 seconds, unless told otherwise: really.
        assert socket.silent(6.5)
        visit(clinic)
        told(clinic)
        assert socket.next(1)["changed"]["totalBookings"] == 1


def test_what_is_let_in_by_nothing_holds_no_connection_to_the_database(
    web: Web, clinic: Clinic, token: str
) -> None:
    told(clinic)
    before = connections()
    with web.sockets(clinic, 12, token=token) as sockets:
        for each in sockets:
            assert each.next()["type"] == "snapshot"
        time.sleep(0.5)
        assert connections() == before


def connections() -> int:
    """Return how many connections there are to the test's database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    "query", ["?period=decade", "?period=", "?last_id=x", "?last_id=-1", "?last_id=1e3"]
)
def test_a_question_that_makes_no_sense_is_closed_with_4400(
    web: Web, clinic: Clinic, token: str, query: str
) -> None:
    with web.socket(clinic, token=token, query=query) as socket:
        assert socket.farewell() == ("invalid", 4400)


def test_what_a_client_says_is_ignored_where_it_is_an_object(
    web: Web, clinic: Clinic, token: str
) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["type"] == "snapshot"
        socket.opened.send('{"type": "hello"}')
        assert socket.silent(0.3)
        visit(clinic)
        told(clinic)
        assert socket.next()["type"] == "update"


@pytest.mark.parametrize("said", ["hello", "[]", b"\x00\x01", "[" * 4000])
def test_garbage_closes_with_1003(web: Web, clinic: Clinic, token: str, said: Any) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["type"] == "snapshot"
        socket.opened.send(said)
        assert socket.farewell() == ("unsupported", 1003)


def test_a_client_that_talks_on_is_closed_with_4429(web: Web, clinic: Clinic, token: str) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["type"] == "snapshot"
        for _ in range(100):
            socket.opened.send("{}")
        assert socket.farewell() == ("too_many_messages", 4429)


def test_a_message_of_a_megabyte_closes_with_1009(web: Web, clinic: Clinic, token: str) -> None:
    told(clinic)
    with web.socket(clinic, token=token) as socket:
        assert socket.next()["type"] == "snapshot"
        with suppress(ConnectionClosed):  # by the server, before all of it is there
            socket.opened.send('{"a": "' + "x" * 1_000_000 + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            socket.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_any_other_address_is_refused_in_the_handshake(web: Web) -> None:
    assert web.refusal("/ws/clinics/1/metrics") == 403
    assert web.refusal("/ws/") == 403
