"""A few records that vanish are believed, night after night only up to three nights' worth."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clinics.records import Removed
from sync import believing, holding, vanishing
from sync.claiming import Lost
from sync.models import Cursor, SyncRun
from sync.states import Status
from tests.sync import toy
from tests.sync.conftest import Desk
from tests.sync.test_running import PATIENTS, fill, ids


def night(desk: Desk, gone: range, **wanted: bool) -> SyncRun:
    """Let a night pass in which the PMS has lost these patients."""
    desk.later(days=1)
    for number in gone:
        desk.pms.delete(PATIENTS, f"p{number:05}")
    return desk.sync(is_full=True, **wanted)


def sums(desk: Desk) -> dict[str, int]:
    kept: dict[str, int] = desk.integration.cursors.get(resource=PATIENTS).vanished
    return kept


def loses_fifteen_in_three_nights(desk: Desk) -> None:
    fill(desk, 60)
    desk.sync()
    for first in (1, 6, 11):
        run = night(desk, range(first, first + 5))
        assert (run.status, run.checkpoint.removed) == (Status.COMPLETED, 5)


@pytest.mark.parametrize("can_be_asked", [False, True])
def test_five_a_night_are_believed_for_three_nights_and_then_a_person_looks(
    desk: Desk, can_be_asked: bool
) -> None:
    if can_be_asked:
        toy.with_lookups(desk.pms)
    loses_fifteen_in_three_nights(desk)
    desk.pms.looked_up.clear()
    run = night(desk, range(16, 18))
    assert (run.status, run.checkpoint.vanished, run.checkpoint.removed) == (Status.HELD, 2, 0)
    assert "with those of the week before" in run.error_message
    assert len(ids()) == 45
    assert desk.pms.looked_up == []


def test_after_a_week_the_nights_before_count_no_more(desk: Desk) -> None:
    loses_fifteen_in_three_nights(desk)
    desk.later(days=4)
    assert night(desk, range(16, 21)).status == Status.COMPLETED, "the first night is a week ago"
    assert night(desk, range(21, 22)).status == Status.COMPLETED
    assert len(sums(desk)) == 3


def test_once_a_person_accepted_what_vanished_the_week_begins_anew(desk: Desk) -> None:
    loses_fifteen_in_three_nights(desk)
    held = night(desk, range(16, 21))
    assert held.status == Status.HELD
    run = desk.work(holding.accept(held, desk.clock.now))
    assert (run.status, run.checkpoint.removed, len(ids())) == (Status.COMPLETED, 5, 40)
    assert sums(desk) == {}
    assert night(desk, range(21, 26)).status == Status.COMPLETED


def test_a_person_may_take_a_large_part_away_as_ever(desk: Desk) -> None:
    fill(desk, 60)
    desk.sync()
    run = night(desk, range(1, 41), may_remove=True)
    assert (run.status, len(ids())) == (Status.COMPLETED, 20)
    assert sums(desk) == {}


def test_what_the_pms_itself_says_was_removed_is_not_counted(desk: Desk) -> None:
    fill(desk, 60)
    desk.sync()
    desk.later(hours=4)
    for number in range(1, 31):
        desk.pms.put(PATIENTS, Removed(external_id=f"p{number:05}"), desk.clock.now)
    assert desk.sync().checkpoint.removed == 30
    assert sums(desk) == {}
    for number in range(1, 31):
        del desk.pms.records[PATIENTS][f"p{number:05}"]
    assert night(desk, range(31, 36)).status == Status.COMPLETED


def test_a_large_clinic_may_lose_more_in_a_week(desk: Desk) -> None:
    desk.pms.page_size = 1000
    fill(desk, 1000)
    desk.sync()
    for first in (1, 21, 41):
        assert night(desk, range(first, first + 19)).status == Status.COMPLETED
    assert night(desk, range(61, 71)).status == Status.HELD


def test_a_run_killed_while_it_asks_for_the_missing_counts_each_of_them_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.with_lookups(desk.pms)
    fill(desk, 60)
    desk.sync()
    desk.later(days=1)
    for number in range(1, 6):
        desk.pms.delete(PATIENTS, f"p{number:05}")
    run = desk.ask(is_full=True)
    lookup = desk.pms.lookup

    def dying(resource: object, external_id: str) -> object:
        if external_id == "p00004":
            raise SystemExit
        return lookup(resource, external_id)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.pms, "lookup", dying)
    with pytest.raises(SystemExit):
        desk.work(run)
    assert list(sums(desk).values()) == [3]
    monkeypatch.setattr(desk.pms, "lookup", lookup)
    desk.later(seconds=91)
    assert desk.work(run).status == Status.COMPLETED
    assert list(sums(desk).values()) == [5]


def test_who_lost_the_run_neither_marks_nor_counts(desk: Desk) -> None:
    fill(desk, 60)
    desk.sync()
    desk.later(days=1)
    real = vanishing.remove

    def lost(*args, **kwargs):  # type: ignore[no-untyped-def]
        real(*args, **kwargs)
        raise Lost

    for number in range(1, 6):
        desk.pms.delete(PATIENTS, f"p{number:05}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vanishing, "remove", lost)
        desk.sync(is_full=True)
    assert (len(ids()), sums(desk)) == (60, {})


def test_a_sum_is_of_seven_days(desk: Desk) -> None:
    desk.sync()
    run = desk.ask()
    now = desk.clock.now
    days = {(now - timedelta(days=ago)).date().isoformat(): 10**ago for ago in (0, 1, 6, 7)}
    Cursor.objects.filter(resource=PATIENTS).update(vanished=days)
    assert believing.lately(run, PATIENTS, now) == 1 + 10 + 10**6
