"""A page of a sync and a search that store the same people at once: never a deadlock of the two.

Each test holds a page up between two of its statements, lets a search begin, and goes on once that
waits.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction

from clinics import services, upsert
from clinics.models import Appointment, Patient
from clinics.records import Removed, Unreadable
from clinics.services import store
from integrations.queries import Resource
from sync import keeping
from tests.sync import toy
from tests.sync.conftest import Desk
from tests.sync.test_running import fill

WAITS = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
GONE = Removed(external_id="p00001")
ODD = Unreadable("has an impossible date", "p00001")


class Search(threading.Thread):
    """A search that stores whom it found, in a database session of its own."""

    def __init__(self, desk: Desk, *found: Any) -> None:
        super().__init__()
        self.desk, self.found = desk, found
        self.failed: list[BaseException] = []

    def run(self) -> None:
        try:
            store(self.desk.clinic, self.found, now=self.desk.clock.now)
        except BaseException as error:
            self.failed.append(error)
        finally:
            connection.close()

    def begin_and_wait(self) -> None:
        """Begin, and return once it waits for a lock of somebody."""
        self.start()
        until = time.perf_counter_ns() + 10_000_000_000
        with connection.cursor() as cursor:
            cursor.execute(WAITS)
            while not cursor.fetchone():
                assert self.is_alive(), "it does not wait"
                assert time.perf_counter_ns() < until
                cursor.execute(WAITS)

    def end(self) -> None:
        self.join(10)
        assert not self.is_alive()
        assert self.failed == []


@pytest.mark.parametrize(
    ("page", "held_up"),
    [
        ((toy.patient(5, first_name="Eva"), GONE), "remove"),
        ((toy.patient(5, first_name="Eva"), ODD), "mark"),
        # New to us: that somebody inserts the same is waited for as well.
        ((toy.patient(15), GONE), "remove"),
        ((toy.patient(5, first_name="Eva"), toy.patient(1, first_name="Eva")), "upsert"),
    ],
    ids=["a removal", "a mark", "a new row", "a second batch"],
)
def test_a_page_and_a_search_that_store_the_same_people_both_end_well(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, page: tuple[Any, ...], held_up: str
) -> None:
    fill(desk, 9)
    desk.sync()
    desk.later(minutes=1)
    monkeypatch.setattr(services, "BATCH", 1 if held_up == "upsert" else 1000)
    found = [toy.patient(number, first_name="Bo") for number in (1, 5, 15)]
    search = Search(desk, *found)
    # What the page sends from here on, the first of its statements excepted.
    sent = 0
    real = {name: getattr(upsert, name) for name in ("upsert", "remove", "mark")}

    def watched(name: str) -> Any:
        def send(*args: Any) -> Any:
            nonlocal sent
            if threading.current_thread() is not search:
                if name == held_up and sent == 1:
                    search.begin_and_wait()
                sent += 1
            return real[name](*args)

        return send

    for name in real:
        monkeypatch.setattr(upsert, name, watched(name))
    now = desk.clock.now
    with transaction.atomic():  # as a run stores a page
        keeping.keep(desk.integration, Resource.PATIENTS, page, now, now)
    search.end()
    assert sent == 2
    names = dict(Patient.objects.present().values_list("external_id", "first_name"))
    assert {names[f"p{number:05}"] for number in (1, 5, 15)} == {"Bo"}, "who came last"
    assert len(names) == 10


def test_appointments_are_stored_while_their_patient_is_just_being_marked(desk: Desk) -> None:
    """Who refers to a row needs it to stay there, not to stay as it is."""
    fill(desk, 2)
    desk.sync()
    desk.later(minutes=1)
    now = desk.clock.now
    booking = Search(desk, toy.appointment(1, patient=1), toy.appointment(2, patient=2))
    with transaction.atomic():
        keeping.keep(
            desk.integration, Resource.PATIENTS, (Removed(external_id="p00002"), ODD), now, now
        )
        booking.start()
        booking.end()
    assert Appointment.objects.exclude(patient=None).count() == 2
