"""Ten people book at the same moment at one practice: exact counts of calls until all is known."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from tests.flows.practices import Practice
from writebacks.models import Writeback

BOOK, LIST, STATUS = "POST /appointment", "GET /writebacks", "GET /writeback_status"
READ = "GET /appointments"


def ten_book_at_once(practice: Practice) -> list[Writeback]:
    """Ten requests, four at a time, which is more than a small web process serves at once."""

    def book(number: int) -> Writeback:
        try:
            return practice.book(f"caller {number}", hour=9, days=60 + number, patient=number)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        bookings = list(pool.map(book, range(10)))
    assert {practice.see(each)["status"] for each in bookings} == {"pending"}
    assert practice.calls() == [BOOK] * 10
    return bookings


def all_are_proven(practice: Practice) -> None:
    """Each is completed, under an id of its own that stands in the PMS's own books."""
    ids = Writeback.objects.filter(status="completed").values_list("created_external_id", flat=True)
    assert sorted(ids) == sorted(made["appointment_sr_no"] for made in practice.in_pms())
    assert len(set(ids)) == 10
    assert sum(Writeback.objects.values_list("api_calls", flat=True)) == len(practice.calls())


def test_where_the_list_tells_the_end_ten_bookings_take_twelve_calls(practice: Practice) -> None:
    """The plan's way takes 27 calls and 90 seconds: it asks for each write alone, five at a time.
    Here one list answers for all ten, and one read of the appointments tells their ids."""
    ten_book_at_once(practice)
    practice.pass_time(25)
    assert practice.calls() == [BOOK] * 10, "the first 30 seconds are left to the practice"
    practice.pass_time(5)
    assert practice.calls()[10:] == [LIST, READ]
    all_are_proven(practice)

    practice.pass_time(3600)
    assert len(practice.calls()) == 12, "nothing is asked any more"


def test_where_each_end_is_asked_for_alone_ten_bookings_take_22_calls(practice: Practice) -> None:
    """The list's closing word is none that we know. As in the plan, five are asked for at once."""
    practice.sandbox.control.knobs(closing_words=["done", "refused"])
    bookings = ten_book_at_once(practice)
    practice.pass_time(30)
    assert practice.calls()[10:] == [LIST, *[STATUS] * 5]
    assert Counter(practice.see(each)["status"] for each in bookings) == {
        "completed": 5,
        "pending": 5,
    }
    practice.pass_time(60)
    assert practice.calls()[16:] == [LIST, *[STATUS] * 5]
    all_are_proven(practice)


def test_where_the_practices_data_lag_the_ids_come_from_the_writes_themselves(
    practice: Practice,
) -> None:
    """For ten minutes the new appointments do not show in reads; who is told is told in time."""
    practice.sandbox.control.knobs(refresh_lag=600)
    bookings = ten_book_at_once(practice)
    practice.pass_time(30)
    assert {practice.see(each)["status"] for each in bookings} == {"completed"}
    assert practice.calls()[10:] == [LIST, READ, *[STATUS] * 10]
    all_are_proven(practice)
