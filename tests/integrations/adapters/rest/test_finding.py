"""Writes whose answers were lost are found again by their records, or proved absent."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from integrations.contract import Lookup, SentWrite
from integrations.http.errors import NoAnswer
from tests.integrations.adapters.rest.conftest import Service, client_item, visit_item
from tests.integrations.adapters.rest.test_writing import (
    BOOKING,
    CANCEL,
    CHANGE,
    MOVE,
    NEW,
    SENT,
)
from tests.integrations.guards import NOW

ABSENT = Lookup(covered=True)
DOUBT = Lookup(similar=("",), covered=True)


def lost(service: Service, *commands: Any, options: Any = None) -> list[Lookup]:
    rest = service.rest(options)
    writes = [SentWrite(prepared=rest.prepare(each), sent_at=SENT) for each in commands]
    return rest.find(writes, NOW)


def found(reference: str) -> Lookup:
    return Lookup(same=(reference,), covered=True)


# --- New records ---------------------------------------------------------------------------------


def test_a_booking_is_found_among_what_changed_since_it_was_sent(service: Service) -> None:
    service.lists("/appointments", visit_item(id=6, client_id=4), visit_item())
    assert lost(service, BOOKING) == [found("book 7")]
    # 5 minutes for clocks that differ, and 5 for the list's own overlap.
    assert service.params() == {
        "updated_since": "2030-03-05T14:50:00Z", "per_page": "100", "page": "1",
    }  # fmt: skip


def test_several_lost_writes_share_the_reading_of_a_list(service: Service) -> None:
    other = dataclasses.replace(BOOKING, patient_id="6")
    service.lists("/appointments", visit_item())
    service.lists("/clients", client_item(id=8, created_at="2030-03-05T15:00:00Z"))
    assert lost(service, BOOKING, NEW, other) == [
        found("book 7"),
        found("create_patient 8"),
        ABSENT,
    ]
    assert service.asked == ["GET /clients", "GET /appointments"]


@pytest.mark.parametrize(
    "row",
    [
        visit_item(created_at="2030-03-05T14:00:00Z"),  # an hour before it was sent
        visit_item(client_id=6),
        visit_item(starts_at="2030-03-06T16:00:00Z"),
    ],
)
def test_a_booking_that_no_record_shows_is_absent(service: Service, row: dict[str, Any]) -> None:
    service.lists("/appointments", row)
    assert lost(service, BOOKING) == [ABSENT]


@pytest.mark.parametrize(
    "row",
    [
        visit_item(staff_id=102),
        visit_item(duration_minutes=45),
        visit_item(status="cancelled"),
        visit_item(starts_at="soon"),
        visit_item(id="x" * 150),
        visit_item(deleted_at="2030-03-05T16:00:00Z"),
        {"id": None},
    ],
)
def test_what_could_be_it_and_may_not_be_leaves_a_doubt(
    service: Service, row: dict[str, Any]
) -> None:
    service.lists("/appointments", row)
    assert lost(service, BOOKING) == [DOUBT]


def test_two_alike_are_told_oldest_first(service: Service) -> None:
    service.lists(
        "/appointments",
        visit_item(id=9, created_at="2030-03-05T15:00:09Z"),
        visit_item(id=10, created_at="2030-03-05T15:00:01Z"),
    )
    assert lost(service, BOOKING) == [Lookup(same=("book 10", "book 9"), covered=True)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (client_item(id=8, phone="+1 312 555 0101", first_name="ADA"), found("create_patient 8")),
        (client_item(id=8, phone=None), DOUBT),
        (client_item(id=8, first_name="A.", date_of_birth="1990-05-17"), DOUBT),
        (client_item(id=8, first_name="Bea", date_of_birth="1991-01-01"), ABSENT),
        (client_item(id=8, last_name="Other"), ABSENT),
    ],
)
def test_a_patient_is_found_by_all_that_was_sent(
    service: Service, row: dict[str, Any], expected: Lookup
) -> None:
    service.lists("/clients", row | {"created_at": "2030-03-05T15:00:01Z"})
    assert lost(service, NEW) == [expected]


def test_a_list_that_does_not_tell_changes_is_read_for_the_days_asked_for(
    service: Service,
) -> None:
    service.lists("/appointments", visit_item())
    assert lost(service, BOOKING, options={"changes": None}) == [found("book 7")]
    assert service.params() == {
        "from": "2030-03-04", "to": "2030-03-09", "per_page": "100", "page": "1",
    }  # fmt: skip


def test_what_was_removed_long_ago_leaves_no_doubt(service: Service) -> None:
    service.lists("/appointments", visit_item(deleted_at="2030-01-01T00:00:00Z"))
    assert lost(service, BOOKING, options={"changes": None}) == [ABSENT]


def test_changes_that_reach_less_far_back_are_not_asked_for(service: Service) -> None:
    options = {"changes": {"param": "updated_since", "furthest_days": 1}}
    rest = service.rest(options)
    service.lists("/appointments", visit_item())
    write = SentWrite(prepared=rest.prepare(BOOKING), sent_at=NOW - timedelta(days=2))
    assert rest.find([write], NOW) == [found("book 7")]
    assert "updated_since" not in service.params()


def test_a_list_too_long_to_be_read_for_one_question_proves_nothing(service: Service) -> None:
    for number in range(50):
        row = visit_item(id=number, client_id=6)
        service.answers("GET", "/appointments", {"data": [row], "total": 99})
    assert lost(service, BOOKING) == [Lookup(covered=False)]
    assert len(service.requests) == 50


def test_a_list_that_breaks_off_proves_nothing(service: Service) -> None:
    service.answers("GET", "/appointments", {"data": [visit_item(id=1, client_id=6)], "total": 9})
    for _ in range(3):
        service.answers("GET", "/appointments", status=502)
    with pytest.raises(NoAnswer):
        lost(service, BOOKING)


# --- Changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "path", "shown", "reference"),
    [
        (MOVE, "/appointments/7", visit_item(), "reschedule 7 20300305T150000.000000Z"),
        (
            CANCEL,
            "/appointments/7",
            visit_item(status="cancelled", updated_at="2030-03-05T15:00:03Z"),
            "set_status 7 20300305T150003.000000Z",
        ),
        (
            CHANGE,
            "/clients/5",
            client_item(email="", updated_at=None),
            "update_patient 5 20300305T150000.000000Z",
        ),
    ],
)
def test_a_change_is_found_where_its_record_shows_it(
    service: Service, command: Any, path: str, shown: dict[str, Any], reference: str
) -> None:
    service.answers("GET", path, shown)
    assert lost(service, command) == [found(reference)]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({"updated_at": "2030-03-01T10:00:00Z"}, ABSENT),
        ({"updated_at": None}, ABSENT),
        # Somebody has moved it since: to send ours again might undo that.
        ({"updated_at": "2030-03-05T15:00:30Z"}, DOUBT),
        ({"id": 7, "starts_at": "soon"}, Lookup(covered=False)),
        ({"deleted_at": "2030-03-05T15:00:30Z"}, ABSENT),
    ],
)
def test_a_change_that_its_record_does_not_show_is_absent_unless_somebody_changed_it_since(
    service: Service, shown: dict[str, Any], expected: Lookup
) -> None:
    row = visit_item(starts_at="2030-03-06T20:00:00Z") | shown
    service.answers("GET", "/appointments/7", row)
    assert lost(service, MOVE) == [expected]


def test_a_change_whose_record_cannot_be_asked_for_stays_unknown(service: Service) -> None:
    options = {"lists": {"appointments": {"one": None}}}
    assert lost(service, MOVE, options=options) == [Lookup(covered=False)]
    assert service.requests == []


def test_a_write_of_another_description_stays_unknown(service: Service) -> None:
    prepared = service.rest().prepare(BOOKING)
    rest = service.rest({"writes": None})
    assert rest.find([SentWrite(prepared=prepared, sent_at=SENT)], NOW) == [Lookup(covered=False)]
    assert service.requests == []
