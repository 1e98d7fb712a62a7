"""Whatever the practice's own people do, lists show the truth, and events tell the way to it."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.sandbox.pms import ACTIONS

from .gateway import Gateway
from .rest.service import Service

# Few records, so that histories come back to the same ones.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([(kind, action) for kind in ACTIONS for action in ACTIONS[kind]]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, 120),
    ),
    max_size=12,
)


def live(caller: Gateway | Service, office: str, steps: list[Any]) -> None:
    """Let a history happen. What cannot be done at its moment is refused and left out."""
    ids: dict[str, list[str]] = {
        kind: list(caller.truth(office)[f"{kind}s"])[-4:] for kind in ACTIONS
    }
    for (kind, action), which, other, seconds in steps:
        caller.clock.advance(seconds)
        values = {"first_name": f"Name {which}{seconds}"} if kind == "patient" else {"minutes": 30}
        body = {
            "office_id": office,
            "kind": kind,
            "action": action,
            "id": "" if action == "create" else ids[kind][which],
            "into": ids["patient"][other] if action == "merge" else "",
            "values": values if action in ("create", "update") else {},
        }
        answer = caller.client.post("/control/records", json=body)
        assert answer.status_code in (200, 400), answer.text


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_sikkas_lists_show_the_truth_and_its_events_tell_every_difference(steps: list[Any]) -> None:
    gateway = Gateway(rate_limit=5000)
    try:
        before = gateway.truth()
        live(gateway, "D10001", steps)
        after = gateway.truth()
        for kind, path, key in (
            ("patients", "/patients", "patient_id"),
            ("appointments", "/appointments", "appointment_sr_no"),
        ):
            listed = {item[key] for item in gateway.items(path, limit=5000)}
            assert listed == set(after[kind])
            events = gateway.items(
                "/practice_events", events=kind, interval=60, status="current", limit=5000
            )
            flags = {item[key]: item["flag"].capitalize() for item in events}
            for id in before[kind].keys() | after[kind].keys():
                if before[kind].get(id) != after[kind].get(id):
                    told = {"Deleted"} if id not in after[kind] else {"Added", "Updated"}
                    assert flags[id] in told
    finally:
        gateway.sandbox.close()


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_the_rest_service_tells_every_difference_by_its_time_if_it_tells_deletions(
    steps: list[Any],
) -> None:
    service = Service(rest_tells_deletions=True, rest_rate_limit=5000)
    try:
        before = service.truth()
        live(service, "rest-1", steps)
        after = service.truth()
        for kind, path in (("patients", "/clients"), ("appointments", "/appointments")):
            everything = service.data(path)
            assert {str(item["id"]) for item in everything if not item["deleted_at"]} == set(
                after[kind]
            )
            news = service.data(path, updated_since="2026-03-02T09:00:00")
            deleted = {str(item["id"]): bool(item["deleted_at"]) for item in news}
            for id in before[kind].keys() | after[kind].keys():
                if before[kind].get(id) != after[kind].get(id):
                    assert deleted[id] is (id not in after[kind])
    finally:
        service.sandbox.close()
