"""The comparison: what was asked and answered, what Frontdesk says of it, and what the PMS's own
books show. Pure; each difference is a finding in words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.asks import Effect
from tests.chaos.load import Answer

Row = Mapping[str, Any]
#: Failure codes after which the PMS must not have a write at all.
NEVER_THERE = frozenset({"refused", "not_delivered", "earlier_failed"})


@dataclass(slots=True)
class Books:
    """The PMS's own books: its writes, and what each of them changed."""

    writes: dict[str, Row]
    traces: dict[str, list[Row]]

    @classmethod
    def of(cls, control: Mapping[str, Any]) -> Books:
        """Read what the simulated PMS's control tells of all its offices."""
        writes, traces = {}, defaultdict(list)
        for office, told in control["offices"].items():
            for write in told["writebacks"]:
                writes[str(write["id"])] = {**write, "office": office}
            for trace in told["traces"]:
                traces[str(trace["writeback_id"])].append(trace)
        return cls(writes, dict(traces))

    def fitting(self, effect: Effect) -> list[Row]:
        """Return the writes that are this effect, taken back or not."""
        return [
            write
            for write in self.writes.values()
            if write["office"] == effect.office and effect.fits(write)
        ]


@dataclass(slots=True)
class Verdict:
    """What was found, and how many there are of each kind."""

    findings: list[str] = field(default_factory=list)
    #: By kind: lost, doubled, untrue, orphans, …
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    to_decide: list[str] = field(default_factory=list)

    def find(self, kind: str, text: str) -> None:
        """Note something that must not be."""
        self.faults[kind] += 1
        self.findings.append(f"{kind}: {text}")

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def judge(answers: Sequence[Answer], told: Mapping[str, Any], books: Books) -> Verdict:
    """Compare them, and return what was found."""
    verdict = Verdict()
    rows: list[Row] = told["writebacks"]
    by_id = {row["id"]: row for row in rows}
    by_key = {row["key"]: row for row in rows if row["key"]}
    for answer in answers:
        _one(verdict, answer, by_id, by_key, books)
    _slots(verdict, answers, by_key)
    _owned(verdict, rows, books)
    open_rows = [row for row in rows if row["status"] not in {"completed", "failed", "cancelled"}]
    for row in rows:
        verdict.statuses[row["status"]] += 1
        if row["status"] == "failed":
            verdict.failures[row["failure_code"]] += 1
    for row in open_rows:
        last = row["events"][-1]
        text = f"{_named(row)} is {row['status']}: {row['waiting_for']}; {last[1]} {last[3]}"
        if "person" in {row["waiting_for"], by_id.get(row["after"], row)["waiting_for"]}:
            verdict.to_decide.append(text)
        else:
            verdict.find("still open", text)
    if told["holds"] and not any(row["due_at"] for row in rows) and not open_rows:
        verdict.find("held", f"{told['holds']} slots are kept though everything has ended")
    return verdict


def _one(
    verdict: Verdict,
    answer: Answer,
    by_id: Mapping[str, Row],
    by_key: Mapping[str, Row],
    books: Books,
) -> None:
    ask = answer.ask
    name = f"ask {ask.number} ({ask.kind})"
    row = by_key.get(ask.key)
    if answer.status is None:
        what = f"{answer.attempts} attempts, the last ones {answer.failures[-3:]}"
        verdict.find("unanswered", f"{name} after {what}")
    elif not answer.accepted:
        verdict.refusals[f"{answer.status} {answer.code}"] += 1
        if answer.code not in ask.may_be_refused:
            verdict.find("refused", f"{name} by {answer.status} {answer.body}")
        if row is not None:
            verdict.find("refused but kept", f"{name} is {_named(row)}")
        for write in (write for effect in ask.effects for write in books.fitting(effect)):
            verdict.find("refused but written", f"{name} is write {write['id']}")
        return
    elif ask.must_be_refused:
        verdict.find("wrongly accepted", name)
    if row is None:
        if answer.accepted:
            verdict.find("lost", f"{name} was accepted, and there is no writeback of it")
        return
    if answer.ids - {row["id"]}:
        verdict.find("two writebacks", f"{name} was answered with {sorted(answer.ids)}")
    chain = [row]
    while chain[0]["after"]:
        chain.insert(0, by_id[chain[0]["after"]])
    if len(chain) != len(ask.effects):
        verdict.find("lost", f"{name} made {len(chain)} writebacks for {len(ask.effects)} effects")
        return
    for each, effect in zip(chain, ask.effects, strict=True):
        _effect(verdict, f"{name}, {_named(each)}", each, effect, books)
    if len(chain) == 2 and row["status"] == "completed":
        patient = books.writes[row["external_id"]]["body"].get("patient_id")
        if patient != chain[0]["created_id"]:
            verdict.find("untrue", f"{name} is booked for another patient than the new one")


def _effect(verdict: Verdict, name: str, row: Row, effect: Effect, books: Books) -> None:
    """Hold one writeback against the one write that it may have brought about."""
    writes = books.fitting(effect)
    if len(writes) > 1:
        ids = ", ".join(str(write["id"]) for write in writes)
        verdict.find("doubled", f"{name}: the PMS has it as {ids}")
        return
    write = writes[0] if writes else None
    state = write["state"] if write else "absent"
    traces = books.traces.get(str(write["id"]), []) if write else []
    if write and row["external_id"] and row["external_id"] != str(write["id"]):
        verdict.find("untrue", f"{name} has {row['external_id']} for write {write['id']}")
    match row["status"]:
        case "completed":
            if write is None or state != "completed" or len(traces) != 1:
                verdict.find("untrue", f"{name} is completed; in the PMS: {state}")
                return
            _record(verdict, name, row, effect, write, traces[0])
        case "failed":
            _failure(verdict, name, row, write, traces)
        case "cancelled":
            if traces or state not in {"absent", "withdrawn"}:
                verdict.find("untrue", f"{name} is cancelled; in the PMS: {state}")


def _record(verdict: Verdict, name: str, row: Row, effect: Effect, write: Row, trace: Row) -> None:
    is_new = trace["version"] == 1
    if trace["kind"] != effect.kind or (not is_new and trace["id"] != effect.target):
        verdict.find("untrue", f"{name} changed {trace['kind']} {trace['id']}")
    # Of a change, only what differs from before is told.
    wrong = {
        field: (value, trace["after"].get(field))
        for field, value in effect.shows.items()
        if (is_new or field in trace["after"]) and trace["after"].get(field) != value
    }
    if wrong:
        verdict.find("untrue", f"{name}: the record differs in {sorted(wrong)}")
    if effect.operation in {"book", "create_patient"} and row["created_id"] != trace["id"]:
        verdict.find(
            "unidentified",
            f"{name}: the PMS made {trace['id']}, we know {row['created_id'] or '-'}",
        )
    if is_new and str(write["created_id"]) != trace["id"]:
        verdict.find("untrue", f"{name}: write {write['id']} says it made {write['created_id']}")


def _failure(
    verdict: Verdict, name: str, row: Row, write: Row | None, traces: Sequence[Row]
) -> None:
    """A failed one must not be there, and its reason must be what the PMS says, or ours."""
    code, text = row["failure_code"], row["error_message"]
    if traces:
        verdict.find("untrue", f"{name} failed ({code}), and stands in the PMS")
    elif code in NEVER_THERE and write is not None:
        verdict.find("untrue", f"{name} failed ({code}), and the PMS has write {write['id']}")
    elif code == "pms_failed" and (write is None or write["state"] != "failed"):
        state = write["state"] if write else "absent"
        verdict.find("untrue", f"{name} failed in the PMS by us, {state} by the PMS")
    elif code == "pms_failed" and write is not None and write["result"] not in text:
        verdict.find("untrue", f"{name} failed for “{text}”, by the PMS for “{write['result']}”")
    elif code not in NEVER_THERE | {"pms_failed"}:
        verdict.find("untrue", f"{name} failed for a reason that nobody gave: {code} {text}")


def _slots(verdict: Verdict, answers: Iterable[Answer], by_key: Mapping[str, Row]) -> None:
    had: Counter[str] = Counter()
    for answer in answers:
        row = by_key.get(answer.ask.key)
        if answer.ask.slot and row and row["status"] == "completed":
            had[answer.ask.slot] += 1
    for slot, count in had.items():
        if count > 1:
            verdict.find("double booking", f"{count} visits at {slot}")


def _owned(verdict: Verdict, rows: Sequence[Row], books: Books) -> None:
    """Every write in the PMS must be one writeback's, with the body that we keep of it."""
    owners = {row["external_id"]: row for row in rows if row["external_id"]}
    for reference, write in books.writes.items():
        row = owners.get(reference)
        if row is None:
            what = f"{write['method']} {write['api']}, {write['state']}"
            verdict.find("orphan", f"write {reference} ({what}) is no writeback's")
        elif row["office"] != write["office"] or row["body"] != write["body"]:
            verdict.find("untrue", f"{_named(row)} has another's write, {reference}")
    for reference, row in owners.items():
        if reference not in books.writes:
            verdict.find("untrue", f"{_named(row)} has write {reference}, which the PMS lacks")
    for reference, traces in books.traces.items():
        if len(traces) > 1:
            verdict.find("doubled", f"write {reference} took effect {len(traces)} times")


def _named(row: Row) -> str:
    return f"writeback {row['id'][:8]}"
