"""The comparison of budgets and calls: what passes a limit is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.calls import audit

START = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
LIMIT = {"key": "a", "office": "D1", "scope": "integration", "calls": 3, "seconds": 60}


def told(*used: int) -> dict[str, Any]:
    windows = [
        {"key": "a", "seconds": 60, "starts_at": (START + n * timedelta(minutes=1)).isoformat(),
         "used": count}
        for n, count in enumerate(used)
    ]  # fmt: skip
    return {"limits": [LIMIT], "windows": windows}


def arrived(*seconds: float, office: str = "D1", **changes: Any) -> list[dict[str, Any]]:
    call = {"office_id": office, "status": 200, "fault": None, **changes}
    return [{**call, "at": (START + timedelta(seconds=each)).isoformat()} for each in seconds]


def test_calls_within_the_limit_leave_no_finding_and_are_counted() -> None:
    spending = audit(told(3), arrived(1, 5, 9) + arrived(2, office="D2"))
    assert spending.findings == []
    assert spending.lines == [("integration D1 per 60 s", 3, 3, 3, 1)]


def test_more_counted_calls_than_the_limit_are_found() -> None:
    assert audit(told(4), arrived(5)).findings == [
        f"integration D1 per 60 s: 4 of 3 calls counted from {START.timestamp():.0f}"
    ]


def test_more_arrived_calls_than_the_limit_are_found() -> None:
    found = audit(told(3, 3), arrived(61, 63, 64, 65, 66)).findings
    assert found == [
        f"integration D1 per 60 s: 4 of 3 calls arrived from {START.timestamp() + 60:.0f}"
    ]


def test_a_call_that_was_paid_for_at_the_end_of_a_window_may_arrive_in_the_next() -> None:
    assert audit(told(3, 3), arrived(1, 2, 60.5, 63, 64, 65)).findings == []


def test_a_call_that_was_never_counted_is_found() -> None:
    assert audit(told(1), arrived(5, 6)).findings == [
        "integration D1 per 60 s: 2 calls arrived and 1 were counted"
    ]


def test_a_refusal_for_the_pmss_own_limit_is_found_unless_it_was_ordered() -> None:
    assert len(audit(told(1), arrived(5, status=429)).findings) == 1
    assert audit(told(1), arrived(5, status=429, fault="throttled")).findings == []
