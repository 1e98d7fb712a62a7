"""One value at a time: how services write it, and how it is written to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.adapters.rest.fields import FORMATS, Field, Kind, UnreadableField, ZoneUnknown
from integrations.adapters.rest.matching import same, same_phone

#: All that may be told of a value that cannot be read: never the value.
COMPLAINTS = {
    "has a starts_at that cannot be read",
    "has a starts_at that is neither yes nor no",
    "has no usable starts_at",
}
CHICAGO = ZoneInfo("America/Chicago")


def field(kind: Kind, form: str = "", *paths: str, **more: Any) -> Field:
    return Field(
        name="starts_at",
        kind=kind,
        paths=tuple(tuple(path.split(".")) for path in paths or ("a",)),
        format=form or FORMATS[kind][0],
        **more,
    )


def moment(text: object, form: str = "iso", zone: ZoneInfo | None = CHICAGO) -> datetime | None:
    return field(Kind.MOMENT, form).moment({"a": text}, zone)


@pytest.mark.parametrize(
    "text",
    [
        "2030-03-05T15:00:00Z",
        "2030-03-05T09:00:00-06:00",
        "2030-03-05T09:00:00.000-0600",
        "2030-03-05 15:00:00 UTC",
        "2030-03-05 16:00:00 +0100",
        "2030-03-05T09:00:00",
        "2030-03-05 09:00",
        " 20300305T150000Z ",
    ],
)
def test_a_time_is_read_as_services_and_frameworks_write_it(text: str) -> None:
    assert moment(text) == datetime(2030, 3, 5, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2030-03-05T09:00:00Z", "wall"),
        ("2030-03-05T09:00:00+11:00", "wall"),
        (1898953200, "unix"),
        ("1898953200", "unix"),
        (1898953200000, "unix_ms"),
    ],
)
def test_a_time_in_another_form_is_read_as_described(value: object, form: str) -> None:
    assert moment(value, form) == datetime(2030, 3, 5, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        # 10 March 2030: 2:00 to 3:00 is left out. 3 November: 1:00 to 2:00 comes twice.
        ("2030-03-10T01:59:00", "2030-03-10T07:59:00"),
        ("2030-03-10T02:30:00", "2030-03-10T08:30:00"),
        ("2030-11-03T01:30:00", "2030-11-03T06:30:00"),
        ("2030-11-03T02:00:00", "2030-11-03T08:00:00"),
    ],
)
def test_a_wall_clock_is_read_over_changes_of_the_clocks(wall: str, utc: str) -> None:
    assert moment(wall) == datetime.fromisoformat(f"{utc}+00:00")


@pytest.mark.parametrize("nothing", [None, "", "0000-00-00", "0000-00-00 00:00:00"])
def test_nothing_is_no_time(nothing: object) -> None:
    assert moment(nothing) is None
    assert field(Kind.FLAG, "set").flag({"a": nothing}) is False
    assert field(Kind.FLAG, "unset").flag({"a": nothing}) is True


@pytest.mark.parametrize(
    "value",
    ["2030-02-30T10:00:00Z", "2030-03-05", "soon", {}, [], True, "0001-01-01T00:00:00+14:00"],
)
def test_an_impossible_time_is_told_by_its_field_alone(value: object) -> None:
    with pytest.raises(UnreadableField, match=r"^has a starts_at that cannot be read$"):
        moment(value)


@pytest.mark.parametrize("value", [1e300, float("nan"), "x", {}, -(10**20)])
def test_an_impossible_number_of_seconds_is_unreadable(value: object) -> None:
    with pytest.raises(UnreadableField):
        moment(value, "unix")


def test_a_wall_clock_of_nobody_knows_where_is_unreadable() -> None:
    with pytest.raises(ZoneUnknown):
        moment("2030-03-05T09:00:00", zone=None)
    assert moment("2030-03-05T09:00:00Z", zone=None) == datetime(2030, 3, 5, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("1990-05-17", "iso", date(1990, 5, 17)),
        ("1990-05-17T00:00:00Z", "iso", date(1990, 5, 17)),
        ("17/05/1990", "dmy", date(1990, 5, 17)),
        ("17.5.1990", "dmy", date(1990, 5, 17)),
        ("05-17-1990", "mdy", date(1990, 5, 17)),
        ("", "iso", None),
        ("0000-00-00", "iso", None),
        (None, "iso", None),
    ],
)
def test_a_date_is_read_as_described(text: object, form: str, expected: date | None) -> None:
    assert field(Kind.DATE, form).date({"a": text}) == expected


@pytest.mark.parametrize("text", ["1990-02-30", "1990-13-01", "17/05/1990", "x", "1990-05-171"])
def test_an_impossible_date_is_unreadable(text: str) -> None:
    with pytest.raises(UnreadableField):
        field(Kind.DATE).date({"a": text})


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (5, "text", "5"),
        ("A-5", "text", "A-5"),
        (10**19, "number", "10000000000000000000"),
        ("https://x.example/patients/82?x=1", "link", "82"),
        ("https://x.example/patients/82/", "link", "82"),
        (None, "text", ""),
        ("", "text", ""),
    ],
)
def test_an_id_is_text_whatever_it_comes_as(value: object, form: str, expected: str) -> None:
    assert field(Kind.ID, form).id({"a": value}) == expected


@pytest.mark.parametrize(
    "value", [True, 1.5, {}, [], "a\nb", "a\x00b", "x" * 201, ".", "..", "\ud800", " "]
)
def test_what_cannot_be_kept_or_asked_for_is_no_id(value: object) -> None:
    with pytest.raises(UnreadableField):
        field(Kind.ID).id({"a": value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("YES", True), (1, True), ("0", False), (False, False), (None, None)],
)
def test_a_flag_is_read_in_the_usual_words(value: object, expected: bool | None) -> None:
    assert field(Kind.FLAG).flag({"a": value}) is expected


def test_a_flag_has_words_of_its_own_and_no_others() -> None:
    own = field(Kind.FLAG, yes=frozenset({"aktiv"}), no=frozenset({"fort"}))
    assert own.flag({"a": "Aktiv "}) is True
    assert own.flag({"a": "fort"}) is False
    with pytest.raises(UnreadableField, match="neither yes nor no"):
        own.flag({"a": "true"})


@pytest.mark.parametrize(
    ("value", "expected"), [(30, 30), ("30", 30), (0, None), (-5, None), (None, None), (True, None)]
)
def test_a_number_is_read_from_text_too(value: object, expected: int | None) -> None:
    assert field(Kind.COUNT).count({"a": value}) == expected


@pytest.mark.parametrize("value", ["half an hour", {}, float("inf")])
def test_what_is_no_number_is_unreadable(value: object) -> None:
    with pytest.raises(UnreadableField):
        field(Kind.COUNT).count({"a": value})


def test_a_value_is_found_deep_inside_and_in_lists() -> None:
    item = {"phones": [{"number": 1}, {"number": "0412 345 678"}], "name": {"first": "Ada"}}
    assert field(Kind.TEXT, "", "phones.1.number").text(item) == "0412 345 678"
    assert field(Kind.TEXT, "", "phones.2.number").text(item) == ""
    assert field(Kind.TEXT, "", "name.first.more").text(item) == ""
    assert field(Kind.TEXT, "", "name.first", "name.last", "phones.0.number").text(item) == "Ada 1"


def test_a_time_in_two_parts_is_joined_and_written_in_two_parts() -> None:
    parts = field(Kind.MOMENT, "wall", "day", "clock", glue="T")
    item = {"day": "2030-03-05", "clock": "09:00"}
    assert parts.moment(item, CHICAGO) == datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
    local = datetime(2030, 3, 5, 9, 0, tzinfo=CHICAGO)
    assert dict(parts.written(local)) == {("day",): "2030-03-05", ("clock",): "09:00:00"}


@given(
    seconds=st.integers(0, 4_000_000_000),
    form=st.sampled_from(FORMATS[Kind.MOMENT]),
    zone=st.sampled_from(["America/Chicago", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]),
    parts=st.booleans(),
)
def test_a_time_that_is_written_is_read_again_as_itself(
    seconds: int, form: str, zone: str, parts: bool
) -> None:
    there = ZoneInfo(zone)
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    local = utc.astimezone(there)
    if form in {"unix", "unix_ms"}:
        parts = False
    paths = ("day", "clock") if parts else ("a",)
    where = field(Kind.MOMENT, form, *paths, glue="T")
    body = {path[0]: value for path, value in where.written(local)}
    # The second of two hours that a wall clock shows alike cannot be told from the first.
    expected = utc if form != "wall" else local.replace(fold=0).astimezone(UTC)
    assert where.moment(body, there) == expected


@given(day=st.dates(date(1000, 1, 1)), form=st.sampled_from(FORMATS[Kind.DATE]))
def test_a_date_that_is_written_is_read_again_as_itself(day: date, form: str) -> None:
    where = field(Kind.DATE, form)
    body = {path[0]: value for path, value in where.written(day)}
    assert where.date(body) == day


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.text(max_size=3), inner, max_size=3)))  # fmt: skip
def test_whatever_a_service_sends_is_read_or_unreadable_and_nothing_else(value: Any) -> None:
    item = {"a": value}
    for kind, forms in FORMATS.items():
        for form in forms:
            found = told(field(kind, form), item)
            if isinstance(found, UnreadableField):
                assert str(found) in COMPLAINTS
            if isinstance(found, datetime):
                assert found.tzinfo is UTC
            if kind in {Kind.TEXT, Kind.ID} and not isinstance(found, UnreadableField):
                assert isinstance(found, str)


def told(where: Field, item: dict[str, Any]) -> Any:
    """What is read there, or why it cannot be."""
    more = (CHICAGO,) if where.kind is Kind.MOMENT else ()
    try:
        return getattr(where, where.kind.value)(item, *more)
    except UnreadableField as error:
        return error


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("0412 345 678", "+61 412 345 678", True),
        ("312-555-0101", "(312) 555-0101", True),
        ("312-555-0101", "555-0101", True),
        ("312-555-0101", "0101", False),
        ("312-555-0101", "312-555-0102", False),
    ],
)
def test_telephone_numbers_are_one_with_the_countrys_part_or_without(
    one: str, other: str, expected: bool
) -> None:
    assert same_phone(one, other) is expected


def test_what_a_service_writes_a_little_otherwise_is_the_same() -> None:
    assert same("last_name", "O'Neil", "O'NEIL ")
    assert same("first_name", "Zoe\u0308", "Zoë")
    assert same("birth_date", date(1990, 5, 17), date(1990, 5, 17))
    assert same("email", "", "")
    assert not same("email", "", "ada@example.org")
    assert not same("practitioner_id", "a1", "A1")
    assert same(
        "starts_at",
        datetime(2030, 3, 5, 9, 0, tzinfo=timezone(timedelta(hours=-6))),
        datetime(2030, 3, 5, 15, 0, tzinfo=UTC),
    )
