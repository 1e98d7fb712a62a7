"""Lists of Cliniko that change while they are read, by random histories: nothing is skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.adapters.cliniko import paging
from tests.integrations.adapters.cliniko_account import patient

START = datetime(2030, 1, 1, tzinfo=UTC)
PAGE = 3


def written(second: int) -> str:
    return (START + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Ledger:
    """A list as Cliniko's documentation describes it, with small pages."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    second: int = 0

    def add(self, same_second: bool = False) -> None:
        self.second += 0 if same_second else 1
        id, now = str(len(self.rows) + 1), written(self.second)
        self.rows[id] = patient(id, created_at=now, updated_at=now)

    def change(self, number: int) -> None:
        self.second += 1
        ids = list(self.rows)
        self.rows[ids[number % len(ids)]]["updated_at"] = written(self.second)

    def answer(self, params: paging.Params) -> tuple[list[dict[str, Any]], bool]:
        asked = dict(params)
        order = asked["sort"].removesuffix(":asc")
        since = next(
            (value.split(":>=")[1] for name, value in params if name == "q[]" and ":>=" in value),
            "",
        )
        fitting = [row for row in self.rows.values() if row[order] >= since]
        fitting.sort(key=lambda row: (row[order], int(row["id"])))
        skip = (int(asked["page"]) - 1) * PAGE
        page = fitting[skip : skip + PAGE]
        return [dict(row) for row in page], skip + PAGE < len(fitting)


#: What happens before each page: somebody is changed or made.
Between = list[list[tuple[str, int]]]
between_pages = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "change"]), st.integers(0, 50)), max_size=4),
    max_size=30,
)
groups = st.lists(st.integers(1, 5), min_size=1, max_size=12)


def filled(sizes: list[int]) -> Ledger:
    """A list whose records were made in groups of one second each."""
    ledger = Ledger()
    for size in sizes:
        for number in range(size):
            ledger.add(same_second=number > 0)
    return ledger


def read(ledger: Ledger, order: str, between: Between) -> list[dict[str, Any]]:
    """Read to the end, each position as a text that could have come from another process."""
    told: list[dict[str, Any]] = []
    position = ""
    happenings = iter(between)
    for _ in range(300):
        at = paging.position_of(position)
        rows, has_more = ledger.answer(paging.parameters(at, order, written(0), []))
        keys = paging.keys(rows, order)
        told += paging.unseen(at, rows, keys)
        after = paging.following(at, keys, has_more)
        if after is None:
            return told
        position = after.as_text()
        for what, number in next(happenings, []):
            if what == "add":
                ledger.add()
            else:
                ledger.change(number)
    raise AssertionError("the list has no end")


@settings(max_examples=200, deadline=None)
@given(groups, between_pages)
def test_a_full_pass_tells_everybody_once_whatever_changes_meanwhile(
    sizes: list[int], between: Between
) -> None:
    ledger = filled(sizes)
    told = [row["id"] for row in read(ledger, "created_at", between)]
    assert len(told) == len(set(told))
    assert set(told) == set(ledger.rows)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, PAGE - 1), min_size=1, max_size=12), between_pages)
def test_a_reading_of_changes_ends_with_everybody_as_they_are(
    sizes: list[int], between: Between
) -> None:
    """In each second fewer changes than a page has; see the README for more of them."""
    ledger = filled(sizes)
    told = {row["id"]: row["updated_at"] for row in read(ledger, "updated_at", between)}
    assert told == {id: row["updated_at"] for id, row in ledger.rows.items()}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_a_quiet_list_is_told_once_however_many_share_a_second(sizes: list[int]) -> None:
    for order in ("created_at", "updated_at"):
        ledger = filled(sizes)
        assert [row["id"] for row in read(ledger, order, [])] == list(ledger.rows)
