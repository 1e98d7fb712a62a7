"""Pages that lead nowhere: a list that goes in a circle, and one that only tells things twice."""

from __future__ import annotations

from dataclasses import replace

from integrations.queries import Page
from sync.states import Status
from tests.sync.conftest import Desk
from tests.sync.test_running import fill, ids


def test_pages_that_go_in_a_circle_end_the_run(desk: Desk) -> None:
    fill(desk)
    first = desk.pms.bend

    def circling(page):  # type: ignore[no-untyped-def]
        return replace(page, next="10") if page.next == "20" else first(page)

    desk.pms.bend = circling
    run = desk.sync()
    assert (run.status, run.waiting_for) == (Status.FAILED, "pages_repeat")
    assert len(desk.pms.asked) < 8


def in_parts(desk: Desk, parts: list[str]) -> None:
    """Let the patients be told once for each part, as changes are that a PMS tells day by day."""
    left = list(parts)

    def told(page: Page) -> Page:
        if "p00001" not in {each.external_id for each in page.records}:
            return page
        # Every such position is the beginning of the list.
        return replace(page, part=left.pop(0), next="0" * len(left))

    desk.pms.bend = told


def test_records_that_stand_in_several_parts_of_a_list_are_no_circle(desk: Desk) -> None:
    fill(desk, 5)
    in_parts(desk, ["monday", "tuesday", "wednesday", "thursday"])
    run = desk.sync()
    assert (run.status, run.waiting_for) == (Status.COMPLETED, "")
    assert ids() == {f"p{number:05}" for number in range(1, 6)}
    assert desk.pms.read.count(("patients", "0")) == 1


def test_parts_of_a_list_that_come_again_are_a_circle(desk: Desk) -> None:
    fill(desk, 5)
    in_parts(desk, ["monday", "tuesday"] * 50)
    run = desk.sync()
    assert (run.status, run.waiting_for) == (Status.FAILED, "pages_repeat")
    assert len(desk.pms.asked) < 8


def test_a_page_that_comes_again_under_another_name_ends_the_run(desk: Desk) -> None:
    fill(desk)
    seen: list[object] = []

    def repeating(page):  # type: ignore[no-untyped-def]
        seen.append(page)
        return (
            replace(page, records=seen[2].records, next=f"9{len(seen)}") if len(seen) > 3 else page
        )  # type: ignore[attr-defined]

    desk.pms.bend = repeating
    run = desk.sync()
    assert (run.status, run.waiting_for) == (Status.FAILED, "pages_repeat")
