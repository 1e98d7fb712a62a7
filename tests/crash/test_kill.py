"""Kill -9 in the middle of a booking: it still reaches its end, and exists once in the PMS.

These start the whole product and take minutes; `make crash` runs them.
"""

from __future__ import annotations

import pytest

from tests.crash.product import START, Frontdesk, until
from writebacks.models import LEASE

pytestmark = pytest.mark.crash


def test_after_kill_9_of_the_supervisor_nothing_is_left_and_the_next_start_finishes_the_booking(
    frontdesk: Frontdesk,
) -> None:
    frontdesk.start()
    until(lambda: [r for r in frontdesk.writebacks() if r[0] == "pending"], START, "a booking")
    assert frontdesk.process
    frontdesk.process.kill()
    frontdesk.process.wait()
    until(lambda: not frontdesk.family(), 20, "every process to end with the supervisor")

    frontdesk.start()  # it books once more, as every run does
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"] * 2,
        START + 60,
        "both bookings to be confirmed",
    )
    frontdesk.assert_each_booking_exists_once(2)


def test_after_kill_9_of_the_worker_in_the_middle_of_sending_the_write_is_found_and_not_resent(
    frontdesk: Frontdesk,
) -> None:
    frontdesk.start()
    slow = {"on": "POST /appointment", "fault": "slow", "count": 1, "seconds": 8}
    until(lambda: frontdesk.control("POST", "faults", slow) is not None, START, "the sandbox")
    until(lambda: [r for r in frontdesk.writebacks() if r[0] == "submitting"], START, "sending")
    frontdesk.kill("celery", "dispatch,celery")
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"],
        LEASE.total_seconds() + 120,
        "the booking to be found and confirmed",
    )
    frontdesk.assert_each_booking_exists_once(1)
    assert frontdesk.writebacks()[0][3] == 1, "one attempt: it was looked for, not sent again"


def test_after_kill_9_of_postgresql_the_booking_is_confirmed(frontdesk: Frontdesk) -> None:
    frontdesk.start()
    until(lambda: [r for r in frontdesk.writebacks() if r[0] == "pending"], START, "a booking")
    frontdesk.kill("bin/postgres", "-D")
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"],
        180,
        "the booking to be confirmed",
    )
    frontdesk.assert_each_booking_exists_once(1)
