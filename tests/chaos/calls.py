"""The comparison of budgets with the calls that arrived at the PMS. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]
#: Seconds that a call may be on its way: paid for at the end of one window, it may arrive in the
#: next.
ON_THE_WAY = 2.0


@dataclass(slots=True)
class Spending:
    """How a run kept to its limits."""

    findings: list[str] = field(default_factory=list)
    #: By limit: calls that arrived, the most in one window, the limit, and windows that were full.
    lines: list[tuple[str, int, int, int, int]] = field(default_factory=list)


def audit(told: Mapping[str, Any], arrived: Sequence[Row]) -> Spending:
    """Hold the windows that we counted, and the calls that the PMS logged, against the limits."""
    found = Spending()
    used: dict[tuple[str, int], dict[float, int]] = defaultdict(dict)
    for window in told["windows"]:
        starts_at = datetime.fromisoformat(window["starts_at"]).timestamp()
        used[window["key"], window["seconds"]][starts_at] = window["used"]
    limits = {(each["key"], each["seconds"]): each for each in told["limits"]}
    for (key, seconds), limit in sorted(limits.items()):
        name = f"{limit['scope']} {limit['office'] if limit['scope'] == 'integration' else ''}"
        times = sorted(
            datetime.fromisoformat(call["at"]).timestamp()
            for call in arrived
            if limit["scope"] == "application" or call["office_id"] == limit["office"]
        )
        _limit(found, f"{name.strip()} per {seconds} s", limit, used[key, seconds], times)
    for call in arrived:
        if call["status"] == 429 and not call["fault"]:
            found.findings.append(f"the PMS had to refuse a call for its own limit at {call['at']}")
    return found


def _limit(
    found: Spending, name: str, limit: Row, used: Mapping[float, int], times: Sequence[float]
) -> None:
    calls, seconds = limit["calls"], limit["seconds"]
    for starts_at, count in used.items():
        if count > calls:
            found.findings.append(f"{name}: {count} of {calls} calls counted from {starts_at:.0f}")
    windows = Counter(at // seconds * seconds for at in times)
    for starts_at in windows:
        surely = sum(starts_at + ON_THE_WAY <= at < starts_at + seconds for at in times)
        if surely > calls:
            found.findings.append(f"{name}: {surely} of {calls} calls arrived from {starts_at:.0f}")
        # Whatever has arrived by the end of a window was paid for by then.
        paid = sum(count for start, count in used.items() if start <= starts_at)
        arrived = bisect_right(times, starts_at + seconds - 1e-6)
        if arrived > paid:
            found.findings.append(f"{name}: {arrived} calls arrived and {paid} were counted")
    full = sum(count >= calls for count in used.values())
    found.lines.append((name, len(times), max(windows.values(), default=0), calls, full))
