"""A PMS whose clock once ran ahead: what it says now counts again after the next full pass."""

from __future__ import annotations

from datetime import timedelta

from clinics.models import Patient
from clinics.services import store
from tests.sync import toy
from tests.sync.conftest import Desk
from tests.sync.test_running import PATIENTS, fill


def told(desk: Desk, name: str, ahead: float = 0) -> None:
    """Let the PMS have changed somebody just now, by a clock that is so many hours ahead."""
    now = desk.clock.now
    changed = toy.patient(1, first_name=name, changed_at=now + timedelta(hours=ahead))
    desk.pms.put(PATIENTS, changed, now)


def name() -> str:
    return Patient.objects.get(external_id="p00001").first_name


def test_a_full_pass_takes_what_the_pms_says_now_and_later_changes_are_seen_by_themselves(
    desk: Desk,
) -> None:
    fill(desk)
    told(desk, "Ahead", ahead=1000)
    desk.sync()
    desk.later(hours=4)
    told(desk, "Now")
    desk.sync()
    assert name() == "Ahead", "of two times the later one counts"
    desk.later(hours=4)
    assert desk.sync(is_full=True).checkpoint.updated == 1
    assert name() == "Now"
    desk.later(hours=4)
    told(desk, "Later")
    desk.sync()
    assert name() == "Later"


def test_what_came_after_a_full_pass_had_asked_is_not_undone_by_it(desk: Desk) -> None:
    fill(desk)
    told(desk, "Old")
    desk.sync()
    desk.later(days=1)

    def meanwhile(page):  # type: ignore[no-untyped-def]
        """Change somebody, and store it, while their page is on its way."""
        if "p00001" in {each.external_id for each in page.records}:
            desk.later(seconds=5)
            now = desk.clock.now
            store(desk.clinic, [toy.patient(1, first_name="New", changed_at=now)], now=now)
        return page

    desk.pms.bend = meanwhile
    desk.sync(is_full=True)
    assert name() == "New"
