"""What goes wrong in a fault run, and when: the same for the same seed.

Times are in shares of the run, so that a short one meets the same kinds of faults as a long one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

#: Each of our processes and what its command line has. A pool process is one of the worker's own.
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "worker": ("celery", "dispatch,celery"),
    "pool": ("celery", "dispatch,celery"),
    "beat": ("celery", "beat"),
    "web": ("uvicorn",),
    "valkey": ("valkey-server",),
    "postgresql": ("bin/postgres", "-D"),
}
#: Seconds between two kills of one process: the supervisor gives up one that dies five times
#: within half a minute each, and that is not what is looked at here.
SPACING = 45.0
#: What the simulated PMS does all the time: shares of all writes and calls.
HABITS = {
    "lost_answers": 0.10,
    "failures": 0.04,
    "errors": 0.02,
    "slow": "0.03:3",
    "delay": "2-20",
    "refresh_lag": 3,
    # Dentrix, which these practices run, cannot change patients.
    "dolphin": True,
}
#: What it does at the end: nothing wrong, and at once.
AT_PEACE = {
    "lost_answers": 0,
    "failures": 0,
    "errors": 0,
    "throttled": 0,
    "slow": "0:1",
    "agent_offline": False,
}
#: Faults that strike the next calls: on which, which, how many, and seconds where it is slow.
STRIKES: Sequence[tuple[str, str, int, float]] = (
    ("POST /*", "error", 4, 0),
    ("*", "unavailable", 4, 0),
    ("GET /writebacks*", "error", 4, 0),
    ("GET /writeback_status*", "garbage", 2, 0),
    ("POST /*", "garbage", 2, 0),
    ("POST /*", "dropped_request", 3, 0),
    ("POST /*", "lost_answer", 3, 0),
    # Longer than any call is waited for: the answer comes, and nobody is there any more.
    ("POST /*", "slow", 1, 28),
    ("*", "slow", 4, 6),
    ("*", "throttled", 1, 0),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at a moment, in seconds from the beginning."""

    at: float
    #: kill | strike | knobs | keys
    what: str
    #: Of a kill, the process.
    name: str
    details: Mapping[str, Any] = field(default_factory=dict)


def schedule(seconds: float, seed: int, offices: Sequence[str]) -> list[Fault]:
    """Return what goes wrong in so many seconds, in its order."""
    rng = Random(f"faults {seed}")
    found = [*_kills(rng, seconds), *_outages(rng, seconds, offices)]
    found += _strikes(rng, seconds)
    found += [
        Fault(rng.uniform(0.1, 0.9) * seconds, "keys", office, {"office_id": office})
        for office in offices
    ]
    return sorted(found, key=lambda fault: fault.at)


def _strikes(rng: Random, seconds: float) -> list[Fault]:
    """Let each kind strike once in each round, in a new order."""
    rounds = max(1, round(seconds / 180))
    slot = seconds * 0.95 / (rounds * len(STRIKES))
    found = []
    for number in range(rounds):
        for place, (on, fault, count, slow) in enumerate(rng.sample(STRIKES, len(STRIKES))):
            at = (number * len(STRIKES) + place + rng.random()) * slot
            if fault == "throttled" and seconds < 180:
                at = 0.9 * seconds  # after it nothing is asked for up to a minute
            order = {"on": on, "fault": fault, "count": count, "seconds": slow}
            found.append(Fault(at, "strike", f"{fault} {on}", order))
    return found


def _kills(rng: Random, seconds: float) -> list[Fault]:
    """Kill each process once in each round, in a new order, with writes on the way."""
    rounds = max(1, int(seconds / (SPACING * 2)))
    slot = seconds * 0.9 / (rounds * len(PROCESSES))
    found = []
    for number in range(rounds):
        names = rng.sample(list(PROCESSES), len(PROCESSES))
        for place, name in enumerate(names):
            at = (number * len(names) + place + rng.uniform(0.1, 0.9)) * slot + 0.03 * seconds
            found.append(Fault(at, "kill", name))
            if name in {"worker", "pool", "postgresql"}:
                # Answers that are late enough for it to die while they are waited for.
                order = {"on": "POST /*", "fault": "slow", "count": 2, "seconds": 4}
                found.append(Fault(max(0.0, at - 3), "strike", "slow before a kill", order))
    return _spaced(found)


def _spaced(found: list[Fault]) -> list[Fault]:
    """Leave out what would kill a process again too soon."""
    last: dict[str, float] = {}
    kept = []
    for fault in sorted(found, key=lambda each: each.at):
        if fault.what == "kill":
            if fault.at - last.get(fault.name, -SPACING) < SPACING:
                continue
            last[fault.name] = fault.at
        kept.append(fault)
    return kept


def _outages(rng: Random, seconds: float, offices: Sequence[str]) -> list[Fault]:
    """Let each office's agent be away once, and then all of them for a moment."""
    found = []
    for place, away in enumerate([*([office] for office in offices), True]):
        begin = (place + rng.uniform(0.1, 0.4)) / (len(offices) + 1) * 0.9 * seconds
        lasts = min(60.0, seconds * 0.12)
        found.append(Fault(begin, "knobs", "agent offline", {"agent_offline": away}))
        found.append(Fault(begin + lasts, "knobs", "agent back", {"agent_offline": False}))
    return found


def carry_out(fault: Fault, control: Callable[..., Any], kill: Callable[[str], bool]) -> bool:
    """Let it happen; return whether it did."""
    match fault.what:
        case "kill":
            return kill(fault.name)
        case "strike":
            return control("POST", "faults", dict(fault.details)) is not None
        case "knobs":
            return control("PATCH", "knobs", dict(fault.details)) is not None
        case "keys":
            return control("POST", "expire_keys", dict(fault.details)) is not None
    raise ValueError(fault.what)
