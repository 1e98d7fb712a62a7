"""GET /practice_events: changes as they happened, deletions among them."""

from typing import Any

import pytest

from .gateway import Gateway, code

LAST_HOUR = {"interval": 60, "limit": 500}


def events(gateway: Gateway, name: str, **query: object) -> list[dict[str, Any]]:
    return gateway.items("/practice_events", events=name, **{**LAST_HOUR, **query})


def flags(found: list[dict[str, Any]]) -> list[str]:
    return [item["flag"].capitalize() for item in found]


def test_nothing_changed_is_204(gateway: Gateway) -> None:
    answer = gateway.get("/practice_events", events="patients", interval=60)
    assert (answer.status_code, answer.data) == (204, b"")


def test_an_event_is_the_record_with_when_how_and_what(gateway: Gateway) -> None:
    gateway.change("patient", "update", "1001", last_name="Okonkwo", email="o@example.com")
    (event,) = events(gateway, "patients")
    (record,) = gateway.items("/patients", patient_id="1001")

    own = {"loadeddate", "flag", "changes"}
    assert {name: value for name, value in event.items() if name not in own} == record
    assert event["loadeddate"] == "2026-03-02T15:00:00"
    fields = [(entry["field"], entry["new_value"]) for entry in event["changes"]]
    assert fields == [("lastname", "Okonkwo"), ("email", "o@example.com")]
    assert all(set(entry) == {"field", "old_value", "new_value"} for entry in event["changes"])


def test_fields_are_chosen_as_in_the_list_itself(gateway: Gateway) -> None:
    gateway.change("appointment", "cancel", "70100")
    (default,) = events(gateway, "appointments")
    (whole,) = events(gateway, "appointments", fields="get_all")
    assert "operatory" not in default
    assert whole["cancelled"] == "True"
    assert "deleted" not in whole


def test_additions_changes_and_deletions_come_in_their_order(gateway: Gateway) -> None:
    visit = gateway.change("appointment", "create")
    gateway.change("appointment", "update", visit, minutes=60)
    gateway.change("appointment", "delete", visit)

    everything = events(gateway, "appointments")
    current = events(gateway, "appointments", status="current")

    assert flags(everything) == ["Added", "Updated", "Deleted"]
    assert flags(current) == ["Deleted"]
    assert {item["appointment_sr_no"] for item in everything} == {visit}
    assert [len(item["changes"]) for item in everything] == [0, 1, 0]
    assert "deleted" not in current[0]


def test_a_deletion_is_told_here_and_by_absence_only(gateway: Gateway) -> None:
    gateway.change("patient", "delete", "1001")
    (event,) = events(gateway, "patients")
    assert (event["patient_id"], event["flag"]) == ("1001", "Deleted")
    assert gateway.items("/patients", loaded_startdate="2026-03-02T14:00:00") == []


def test_a_merge_tells_of_the_patient_that_went_and_of_what_moved(gateway: Gateway) -> None:
    visit = gateway.change("appointment", "create", patient_id="1001")
    gateway.clock.advance(120)
    gateway.change("patient", "merge", "1001", into="1002")

    (gone,) = events(gateway, "patients", interval=1)
    moved = events(gateway, "appointments", interval=1)
    assert (gone["patient_id"], gone["flag"]) == ("1001", "Deleted")
    assert visit in [item["appointment_sr_no"] for item in moved]
    assert {item["patient_id"] for item in moved} == {"1002"}


def test_the_word_for_a_change_begins_with_either_letter(gateway: Gateway) -> None:
    for number in range(12):
        gateway.change("patient", "update", "1001", email=f"a{number}@example.com")
    found = events(gateway, "patients")
    assert {item["flag"] for item in found} == {"Updated", "updated"}
    assert events(gateway, "patients") == found


def test_an_event_shows_once_its_version_is_loaded(gateway: Gateway) -> None:
    gateway.turn(refresh_lag=900)
    gateway.change("patient", "update", "1001", email="")
    gateway.clock.advance(899)
    assert events(gateway, "patients") == []
    gateway.clock.advance(1)
    (event,) = events(gateway, "patients")
    assert event["loadeddate"] == "2026-03-02T15:15:00"
    gateway.clock.advance(3601)
    assert events(gateway, "patients") == []


def test_writes_are_events_too(gateway: Gateway) -> None:
    write = gateway.done(gateway.book())
    (event,) = events(gateway, "appointments")
    assert (event["flag"], event["appointment_sr_no"]) == ("Added", write["created_id"])


def test_providers_were_added_when_the_office_was(gateway: Gateway) -> None:
    assert events(gateway, "providers") == []
    found = events(gateway, "providers", interval=1440)
    assert flags(found) == ["Added"] * 4
    assert [item["provider_id"] for item in found] == [
        item["provider_id"] for item in gateway.items("/providers")
    ]


def test_a_window_of_times_is_asked_for_with_both_its_ends(gateway: Gateway) -> None:
    gateway.change("patient", "update", "1001", email="")

    def told(start: str, end: str) -> int:
        window = {"loaded_startdate": start, "loaded_enddate": end}
        return len(gateway.items("/practice_events", events="patients", **window))

    assert told("2026-03-02T15:00:00", "2026-03-02T15:00:00") == 1
    assert told("2026-03-02T15:00:01", "2026-03-02T16:00:00") == 0
    assert told("2026-03-02T14:00:00", "2026-03-02T14:59:59") == 0
    # The interval counts where both are given.
    far = {"loaded_startdate": "2026-01-01", "loaded_enddate": "2026-01-02"}
    assert len(events(gateway, "patients", **far)) == 1


def test_loading_times_are_in_a_zone_that_can_be_turned(gateway: Gateway) -> None:
    gateway.turn(loaded_zone="America/New_York")
    gateway.change("patient", "update", "1001", email="")
    (event,) = events(gateway, "patients")
    assert event["loadeddate"] == "2026-03-02T10:00:00"
    for start, count in (("2026-03-02T10:00:00", 1), ("2026-03-02T10:00:01", 0)):
        assert len(gateway.items("/patients", loaded_startdate=start)) == count


def test_pages_are_those_of_every_list(gateway: Gateway) -> None:
    for number in range(5):
        gateway.change("patient", "update", "1001", email=f"a{number}@example.com")
    page = gateway.get("/practice_events", events="patients", interval=5, limit=2, offset=2)
    envelope = page.get_json()
    assert (envelope["total_count"], len(envelope["items"])) == ("5", 1)
    assert envelope["pagination"]["next"] == ""


def test_more_than_a_day_is_answered_slowly(gateway: Gateway) -> None:
    day = {"loaded_startdate": "2026-03-01T15:00:00", "loaded_enddate": "2026-03-02T15:00:00"}
    gateway.get("/practice_events", events="patients", **day)
    assert gateway.slept == []
    wide = {**day, "loaded_startdate": "2026-03-01T14:59:59"}
    answer = gateway.get("/practice_events", events="patients", **wide)
    assert (answer.status_code, answer.get_json()["execution_time"]) == (200, "13904")
    assert gateway.slept == [6.0]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"interval": 60}, (400, "API1026")),
        ({"events": "people", "interval": 60}, (400, "API1026")),
        ({"events": "patients"}, (400, "API1026")),
        ({"events": "patients", "interval": 1441}, (400, "API1026")),
        ({"events": "patients", "interval": 0}, (400, "API1026")),
        ({"events": "patients", "loaded_startdate": "yesterday"}, (400, "API1026")),
        ({"events": "claims", "interval": 60}, (501, "")),
    ],
)
def test_a_wrong_question_is_refused(
    gateway: Gateway, query: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code(gateway.get("/practice_events", **query)) == expected
