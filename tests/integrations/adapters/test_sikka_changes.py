"""What changed in Sikka since a moment, of which nobody knows on which clock it is told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.records import PatientRecord, Removed, Unreadable
from integrations.adapters.sikka import reading
from integrations.http.errors import ChangesNotTold, NotAuthorized
from integrations.queries import Feed, Resource
from tests.integrations.adapters.conftest import URL, Office, envelope, message
from tests.integrations.adapters.sikka_items import patient
from tests.integrations.guards import NOW


def event(item: dict[str, Any], flag: str = "Updated", at: str = "10:00:00") -> dict[str, Any]:
    return {**item, "flag": flag, "loadeddate": f"2030-03-05T{at}", "changes": []}


def test_changes_of_a_day_are_one_call_in_minutes_from_now(office: Office) -> None:
    office.answers(
        "GET",
        "/practice_events",
        envelope(
            event(patient(1), "Added"),
            event(patient(2), "updated"),
            event(patient(3), "Deleted"),
            event(patient(4), "DELETED"),
            event(patient(5), ""),
        ),
    )
    found = office.read(Resource.PATIENTS, changed_since=NOW - timedelta(hours=4))
    assert [type(record) for record in found] == [
        PatientRecord,
        PatientRecord,
        Removed,
        Removed,
        PatientRecord,
    ]
    assert [record.external_id for record in found] == ["1", "2", "3", "4", "5"]
    assert office.params(0) == {
        "events": "patients",
        "status": "current",
        "fields": "get_all",
        "interval": "241",
        "offset": "0",
        "limit": "5000",
    }


def test_nothing_changed_is_204(office: Office) -> None:
    office.answers("GET", "/practice_events", status=204)
    assert office.read(Resource.APPOINTMENTS, changed_since=NOW) == []
    assert office.params(0)["events"] == "appointments"
    assert office.params(0)["interval"] == "1"


def test_changes_are_of_all_days_whatever_days_are_wanted_of_the_list() -> None:
    feed = Feed(
        resource=Resource.APPOINTMENTS,
        changed_since=NOW - timedelta(hours=1),
        first=date(2030, 3, 1),
        last=date(2030, 3, 9),
    )
    asked = reading.question(feed, "", NOW)
    assert asked.path == "/practice_events"
    assert not {"startdate", "enddate"} & set(asked.params)


def test_changes_of_a_list_that_does_not_tell_them_are_all_of_it() -> None:
    feed = Feed(resource=Resource.PRACTITIONERS, changed_since=NOW)
    assert reading.question(feed, "", NOW).path == "/providers"


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        # A patient that was deleted and entered again, and the other way round.
        ([event(patient(1), "Deleted"), event(patient(1), "Added")], [PatientRecord]),
        ([event(patient(1), "Added"), event(patient(1), "Deleted")], [Removed]),
        # The oldest need not come first.
        (
            [event(patient(1), "Added", "12:00:00"), event(patient(1), "Deleted", "11:00:00")],
            [PatientRecord],
        ),
        ([event(patient(1)), event(patient(2))], [PatientRecord, PatientRecord]),
    ],
)
def test_the_last_state_of_a_record_counts(
    office: Office, rows: list[dict[str, Any]], kept: list[type]
) -> None:
    office.answers("GET", "/practice_events", envelope(*rows))
    found = office.read(Resource.PATIENTS, changed_since=NOW - timedelta(hours=1))
    assert [type(record) for record in found] == kept


@pytest.mark.parametrize(
    "row", [{"flag": "Deleted"}, {"flag": "Deleted", "patient_id": ""}, None, "words"]
)
def test_a_deletion_of_nobody_is_told_as_such(office: Office, row: object) -> None:
    office.answers("GET", "/practice_events", {**envelope(), "items": [row, event(patient(2))]})
    odd, good = office.read(Resource.PATIENTS, changed_since=NOW - timedelta(hours=1))
    assert isinstance(odd, Unreadable)
    assert good.external_id == "2"


def test_between_two_pages_the_time_asked_for_only_grows(office: Office) -> None:
    feed = Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(hours=1))
    position, begin, now = "", NOW, NOW
    for number, seconds in enumerate([0, 1, 59, 61, 3600, 0]):
        now += timedelta(seconds=seconds)
        asked = reading.question(feed, position, now)
        starts = now - timedelta(minutes=int(asked.params["interval"]))
        assert starts <= begin, "or what leaves it at its beginning moves others past the reader"
        assert asked.page == number
        position, begin = asked.more, starts


def test_changes_of_more_than_a_day_are_asked_for_day_by_day_in_any_zone(office: Office) -> None:
    feed = Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(days=2))
    asked = reading.question(feed, "", NOW)
    assert asked.params == {
        "events": "patients",
        "status": "current",
        "fields": "get_all",
        "loaded_startdate": "2030-03-03T03:00:00",
        "loaded_enddate": "2030-03-04T03:00:00",
    }


def test_each_page_tells_of_which_day_it_is_since_one_record_changes_on_several(
    office: Office,
) -> None:
    feed = Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(hours=30))
    more = f"{URL}/practice_events?offset=1"
    office.answers("GET", "/practice_events", envelope(event(patient(1)), following=more))
    for _ in range(3):
        office.answers("GET", "/practice_events", envelope(event(patient(1))))
    parts, position = [], ""
    while not parts or position:
        page = office.sikka.page(feed, position, NOW)
        parts.append(page.part)
        position = page.next
    days = [f"2030-03-0{day}T21:00:00" for day in (3, 3, 4, 5)]
    assert parts == days, "two pages of one day are of the same part"


@given(
    hours=st.integers(24, 24 * 8),
    offset=st.integers(-12 * 60, 14 * 60),
    back=st.floats(0, 1, allow_nan=False),
)
def test_whatever_sikkas_zone_is_each_moment_is_in_a_slice_of_at_most_a_day(
    hours: int, offset: int, back: float
) -> None:
    since = NOW - timedelta(hours=hours)
    loaded = since + (NOW - since) * back
    told = (loaded + timedelta(minutes=offset)).astimezone(UTC).replace(tzinfo=None)
    feed, position, found = Feed(resource=Resource.PATIENTS, changed_since=since), "", 0
    while True:
        asked = reading.question(feed, position, NOW)
        first, last = (
            datetime.fromisoformat(asked.params[name])
            for name in ("loaded_startdate", "loaded_enddate")
        )
        assert last - first <= timedelta(days=1)
        found += first <= told.replace(microsecond=0) <= last
        position = asked.rest
        if not position:
            break
    assert found >= 1


def test_the_furthest_that_the_manifest_promises_is_a_few_calls(office: Office) -> None:
    furthest = office.sikka.lists[Resource.PATIENTS].furthest
    assert furthest is not None
    feed, position, calls = Feed(resource=Resource.PATIENTS, changed_since=NOW - furthest), "", 0
    while calls == 0 or position:
        position = reading.question(feed, position, NOW).rest
        calls += 1
    assert calls == 9


def test_a_run_that_went_to_sleep_between_two_pages_goes_on_day_by_day() -> None:
    feed = Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(hours=1))
    position = reading.question(feed, "", NOW).more
    asked = reading.question(feed, position, NOW + timedelta(hours=30))
    assert asked.params["loaded_startdate"] == "2030-03-05T02:00:00", "all of it, once more"
    assert asked.page == 0


def test_positions_hold_numbers_and_times_only(office: Office) -> None:
    feeds = [
        Feed(resource=Resource.APPOINTMENTS),
        Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(hours=1)),
        Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(days=3)),
    ]
    for feed in feeds:
        asked = reading.question(feed, "", NOW)
        for position in (asked.more, asked.rest):
            assert len(position) < 100
            assert all(isinstance(each, str | int) for each in json.loads(position or "[]"))


@pytest.mark.parametrize(("status", "code"), [(401, "API2004"), (404, "API2009")])
def test_a_plan_without_events_tells_no_changes(office: Office, status: int, code: str) -> None:
    feed = Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(hours=4))
    office.answers("GET", "/practice_events", message(code, status), status)
    with pytest.raises(ChangesNotTold, match=f"Sikka answered {status} {code}"):
        office.sikka.page(feed, "", NOW)


def test_a_rejected_credential_is_not_a_plan_without_events(office: Office) -> None:
    feed = Feed(resource=Resource.PATIENTS, changed_since=NOW - timedelta(hours=4))
    office.answers("GET", "/practice_events", message("API2003", 401), 401)
    with pytest.raises(NotAuthorized):
        office.sikka.page(feed, "", NOW)
