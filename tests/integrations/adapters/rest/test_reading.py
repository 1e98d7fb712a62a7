"""What a service tells becomes our records, whatever it is; each list is asked for as described."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    PatientRecord,
    PractitionerRecord,
    Removed,
    Unreadable,
)
from integrations.commands import BookAppointment
from integrations.contract import Scope, Term
from integrations.http.errors import NoAnswer, NotAuthorized, Refused
from integrations.queries import (
    Account,
    Feed,
    FreeTime,
    FreeTimes,
    PatientQuery,
    Resource,
)
from tests.integrations.adapters.rest.conftest import (
    Service,
    client_item,
    read,
    visit_item,
)
from tests.integrations.guards import NOW

PATIENTS = Feed(resource=Resource.PATIENTS)
VISITS = Feed(resource=Resource.APPOINTMENTS)
ADA = PatientRecord(
    external_id="5",
    made_at=datetime(2030, 1, 2, 10, 0, tzinfo=UTC),
    changed_at=datetime(2030, 3, 1, 10, 0, tzinfo=UTC),
    first_name="Ada",
    last_name="Invented",
    birth_date=date(1990, 5, 17),
    email="ada@example.org",
    phone="312-555-0101",
    is_active=True,
)
VISIT = AppointmentRecord(
    external_id="7",
    made_at=datetime(2030, 3, 5, 15, 0, tzinfo=UTC),
    changed_at=datetime(2030, 3, 5, 15, 0, tzinfo=UTC),
    patient_id="5",
    practitioner_id="101",
    location_id="11",
    operatory_id="",
    appointment_type_id="302",
    starts_at=datetime(2030, 3, 6, 15, 0, tzinfo=UTC),
    ends_at=datetime(2030, 3, 6, 15, 30, tzinfo=UTC),
    status="booked",
    pms_status="booked",
    description="Knee",
)


def visit(service: Service, *, feed: Feed = VISITS, **changes: Any) -> Any:
    service.lists("/appointments", visit_item(**changes))
    (found,) = read(service.rest(), feed)
    return found


def patient(service: Service, **changes: Any) -> Any:
    service.lists("/clients", client_item(**changes))
    (found,) = read(service.rest(), PATIENTS)
    return found


# --- Records -------------------------------------------------------------------------------------


def test_a_client_and_an_appointment_become_our_records(service: Service) -> None:
    assert patient(service) == ADA
    assert visit(service) == VISIT
    assert service.spent == [(Scope.INTEGRATION,)] * 2
    assert service.requests[0].headers["Authorization"] == "Bearer the-token"


def test_the_lists_that_appointments_name_are_read(service: Service) -> None:
    service.lists("/sites", {"id": 11, "name": "Lakeside", "timezone": "America/Chicago"})
    service.lists("/staff", {"id": 101, "first_name": "Amara", "last_name": "Bello"})
    service.lists("/services", {"id": 302, "name": "Follow-up", "duration_minutes": 30})
    rest = service.rest()
    found = [each for resource in list(Resource)[:4] if resource in rest.lists
             for each in read(rest, Feed(resource=resource))]  # fmt: skip
    assert found == [
        LocationRecord(external_id="11", name="Lakeside", timezone="America/Chicago"),
        PractitionerRecord(
            external_id="101", first_name="Amara", last_name="Bello", is_active=True
        ),
        AppointmentTypeRecord(external_id="302", name="Follow-up", minutes=30, is_active=True),
    ]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("booked", "booked"),
        (" Cancelled ", "cancelled"),
        ("no_show", "noshow"),
        ("completed", "fulfilled"),
        ("arrived", "arrived"),
        ("something new", "booked"),
        (None, "booked"),
    ],
)
def test_a_status_is_read_by_the_described_words(service: Service, word: Any, code: str) -> None:
    found = visit(service, status=word)
    assert (found.status, found.pms_status) == (code, (word or "").strip())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"gone": True}, "cancelled"),
        ({"missed": "yes"}, "noshow"),
        ({"gone": True, "missed": True}, "noshow"),
        ({"cancelled_at": "2030-03-05T10:00:00Z"}, "cancelled"),
        ({"cancelled_at": "some day"}, "cancelled"),
        ({}, "booked"),
    ],
)
def test_a_cancellation_that_stands_beside_the_status_counts(
    service: Service, changes: dict[str, Any], code: str
) -> None:
    fields = {
        "id": "id",
        "patient_id": "client_id",
        "starts_at": "starts_at",
        "ends_at": "ends_at",
        "is_cancelled": "gone",
        "is_noshow": "missed",
        "cancelled_at": "cancelled_at",
    }
    service.lists("/appointments", visit_item(**changes))
    rest = service.rest({"lists": {"appointments": {"fields": fields}}, "writes": None})
    (found,) = read(rest, VISITS)
    assert found.status == code
    told = changes.get("cancelled_at") == "2030-03-05T10:00:00Z"
    assert found.cancelled_at == (datetime(2030, 3, 5, 10, 0, tzinfo=UTC) if told else None)


def test_deleted_and_merged_records_are_told_as_removed(service: Service) -> None:
    fields = {"id": "id", "last_name": "name", "deleted": "gone_at", "merged_into": "into.id"}
    service.lists(
        "/clients",
        {"id": 1, "name": "A", "gone_at": "2030-01-01T00:00:00Z"},
        {"id": 2, "name": "B", "into": {"id": 1}},
        {"id": 3, "name": "C", "gone_at": None, "into": None},
    )
    rest = service.rest({"lists": {"patients": {"fields": fields}}, "writes": None})
    found = read(rest, PATIENTS)
    assert found[:2] == [Removed(external_id="1"), Removed(external_id="2", merged_into="1")]
    assert isinstance(found[2], PatientRecord)


# --- Bad records ---------------------------------------------------------------------------------

NOTES = "ü😀‏שלום\x00" + "x" * 1_000_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id": None}, Unreadable("has no usable id")),
        ({"id": ""}, Unreadable("has no usable id")),
        ({"id": "x" * 201}, Unreadable("has no usable id")),
        ({"id": "a\nb"}, Unreadable("has no usable id")),
        ({"id": ".."}, Unreadable("has no usable id")),
        ({"id": {"a": 1}}, Unreadable("has a id that cannot be read")),
        ({"starts_at": "2030-02-30T10:00:00Z"},
         Unreadable("has a starts_at that cannot be read", "7")),
        ({"starts_at": None}, Unreadable("has no starts_at", "7")),
        ({"duration_minutes": None, "ends_at": None},
         Unreadable("has neither a length nor an end", "7")),
        ({"duration_minutes": None, "ends_at": "2030-03-06T15:00:00Z"},
         Unreadable("ends before it starts", "7")),
        ({"starts_at": "9999-12-31T23:59:00Z"},
         Unreadable("has neither a length nor an end", "7")),
        ({"client_id": {"id": 5}}, Unreadable("has a patient_id that cannot be read", "7")),
        ({"starts_at": "2030-03-06T09:00:00"},
         Unreadable("is at a site whose time zone is not known", "7")),
        ({"notes": ["a"]}, Unreadable("has a description that cannot be read", "7")),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_read_stops_no_other_and_is_told_with_its_id(
    service: Service, changes: dict[str, Any], reason: Unreadable
) -> None:
    good = visit_item(id=8)
    service.lists("/appointments", visit_item(**changes), "not an object", good, good)
    found = read(service.rest(), VISITS)
    assert found[:2] == [reason, Unreadable("is not an object")]
    assert [each.external_id for each in found[2:]] == ["8", "8"]


def test_odd_records_are_kept_as_they_are(service: Service) -> None:
    found = visit(service, id="A-7", client_id=None, notes=NOTES, status=3, created_at="x")
    assert (found.external_id, found.patient_id, found.pms_status) == ("A-7", "", "3")
    assert found.description == NOTES
    assert found.made_at is None
    assert found.starts_at == VISIT.starts_at


def test_a_lone_half_of_a_surrogate_pair_is_survived(service: Service) -> None:
    service.answers(
        "GET",
        "/clients",
        body=b'{"data": [{"id": 1, "last_name": "\\ud83d", "first_name": "\\u0000"}], "total": 1}',
    )
    (found,) = read(service.rest(), PATIENTS)
    assert found.external_id == "1"


@pytest.mark.parametrize("birth", ["1990-02-30", "soon", [1990]])
def test_a_patient_with_an_impossible_birth_date_is_set_aside(service: Service, birth: Any) -> None:
    found = patient(service, date_of_birth=birth)
    assert found == Unreadable("has a birth_date that cannot be read", "5")


# --- Times ---------------------------------------------------------------------------------------


def test_a_wall_clock_is_its_sites(service: Service) -> None:
    feed = Feed(
        resource=Resource.APPOINTMENTS,
        timezones={"11": "America/Chicago", "12": "Australia/Sydney"},
    )
    chicago = visit(service, feed=feed, starts_at="2030-03-10T01:30:00")
    assert chicago.starts_at == datetime(2030, 3, 10, 7, 30, tzinfo=UTC)
    # An end that is told as a wall clock would be wrong by an hour: the length stands before it.
    assert chicago.ends_at == datetime(2030, 3, 10, 8, 0, tzinfo=UTC)
    sydney = visit(service, feed=feed, starts_at="2030-03-10T01:30:00", site_id=12)
    assert sydney.starts_at == datetime(2030, 3, 9, 14, 30, tzinfo=UTC)


def test_a_described_time_zone_is_that_of_all_wall_clocks(service: Service) -> None:
    service.lists("/appointments", visit_item(site_id=None, starts_at="2030-03-06T09:00:00"))
    rest = service.rest({"timezone": "Asia/Tokyo"})
    feed = Feed(resource=Resource.APPOINTMENTS, timezones={"11": "America/Chicago"})
    (found,) = read(rest, feed)
    assert found.starts_at == datetime(2030, 3, 6, 0, 0, tzinfo=UTC)


def test_sites_without_a_zone_have_the_described_one(service: Service) -> None:
    for _ in range(2):
        service.lists("/sites", {"id": 1, "name": "A"}, {"id": 2, "name": "B", "timezone": "Mars"})
    feed = Feed(resource=Resource.LOCATIONS)
    reason = "is in a time zone that is not a known IANA name"
    assert read(service.rest(), feed) == [Unreadable(reason, "1"), Unreadable(reason, "2")]
    (one, two) = read(service.rest({"timezone": "Asia/Tokyo"}), feed)
    assert one == LocationRecord(external_id="1", name="A", timezone="Asia/Tokyo")
    assert two == Unreadable(reason, "2")


# --- What is asked for ---------------------------------------------------------------------------

SINCE = datetime(2030, 3, 5, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("iso", "2030-03-05T02:30:00Z"),
        ("date", "2030-03-04"),
        ("wall", "2030-03-04T20:30:00"),
        ("unix", "1898908200"),
        ("unix_ms", "1898908200000"),
    ],
)
def test_what_changed_is_asked_for_as_described(service: Service, form: str, expected: str) -> None:
    service.lists("/clients")
    rest = service.rest(
        {
            "timezone": "America/Chicago",
            "changes": {"param": "since", "format": form, "params": {"deleted": True}},
            "lists": {"patients": {"params": {"sort": "id"}}},
        }
    )
    read(rest, Feed(resource=Resource.PATIENTS, changed_since=SINCE))
    assert service.params() == {
        "sort": "id", "deleted": "true", "since": expected, "per_page": "100", "page": "1",
    }  # fmt: skip


def test_a_list_that_does_not_tell_changes_is_not_asked_for_them(service: Service) -> None:
    service.lists("/sites")
    read(service.rest(), Feed(resource=Resource.LOCATIONS, changed_since=SINCE))
    assert service.params() == {"per_page": "100", "page": "1"}


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [
        ("iso", "2030-03-04", "2030-03-08"),
        ("dmy", "04/03/2030", "08/03/2030"),
        ("moment", "2030-03-04T06:00:00Z", "2030-03-08T06:00:00Z"),
        ("unix", "1898834400", "1899180000"),
    ],
)
def test_days_are_asked_for_with_room_and_others_are_left_out(
    service: Service, form: str, first: str, last: str
) -> None:
    days = [f"2030-03-0{day}T05:00:00Z" for day in range(4, 9)]  # 23:00 of the day before there
    items = [visit_item(id=number, starts_at=day) for number, day in enumerate(days)]
    service.lists("/appointments", *items, {"id": 9})
    window = {each: {"name": name, "format": form} for each, name in
              (("first", "from"), ("last", "to"))}  # fmt: skip
    rest = service.rest({"lists": {"appointments": {"window": window}}})
    feed = Feed(
        resource=Resource.APPOINTMENTS,
        first=date(2030, 3, 5),
        last=date(2030, 3, 6),
        timezones={"11": "America/Chicago"},
    )
    found = read(rest, feed)
    assert [each.external_id for each in found] == ["2", "3", "9"]
    asked = service.params()
    assert (asked["from"], asked["to"]) == (first, last)


def test_without_a_window_the_whole_list_is_read_and_other_days_are_left_out(
    service: Service,
) -> None:
    service.lists(
        "/appointments", visit_item(id=1, starts_at="2030-03-05T12:00:00Z"), visit_item(id=2)
    )
    rest = service.rest({"lists": {"appointments": {"window": None}}})
    found = read(rest, Feed(resource=Resource.APPOINTMENTS, first=date(2030, 3, 6)))
    assert [each.external_id for each in found] == ["2"]
    assert service.params() == {"per_page": "100", "page": "1"}


def test_a_list_that_options_spell_out_costs_no_call(service: Service) -> None:
    site = {"id": "main", "name": "Main street"}
    rest = service.rest({"timezone": "Europe/Paris", "lists": {"locations": {"fixed": [site]}}})
    assert read(rest, Feed(resource=Resource.LOCATIONS)) == [
        LocationRecord(external_id="main", name="Main street", timezone="Europe/Paris")
    ]
    assert service.requests == []


def test_a_list_that_the_service_has_not_is_refused_without_a_call(service: Service) -> None:
    with pytest.raises(Refused):
        service.rest().page(Feed(resource=Resource.OPERATORIES), "", NOW)
    assert service.requests == []


# --- Who we are ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "credential", "header", "value"),
    [
        ({"style": "bearer"}, {"token": "ours-1"}, "Authorization", "Bearer ours-1"),
        ({"style": "header", "header": "X-Api-Key"}, {"token": "ours-1"}, "X-Api-Key", "ours-1"),
        (
            {"style": "header", "header": "Authorization", "prefix": "Token "},
            {"token": "ours-1"},
            "Authorization",
            "Token ours-1",
        ),
        ({"style": "basic"}, {"username": "u", "token": "p"}, "Authorization", "u:p"),
        ({"style": "basic"}, {"username": "key"}, "Authorization", "key:"),
    ],
)
def test_each_call_says_who_we_are_in_a_header(
    service: Service, auth: dict[str, Any], credential: dict[str, str], header: str, value: str
) -> None:
    service.lists("/sites")
    rest = service.rest({"auth": auth}, **credential)
    read(rest, Feed(resource=Resource.LOCATIONS))
    if auth["style"] == "basic":
        value = "Basic " + base64.b64encode(value.encode()).decode()
    assert service.requests[0].headers[header] == value
    assert service.requests[0].url.endswith("/sites?per_page=100&page=1")
    assert value not in repr(rest)


@pytest.mark.parametrize(
    ("style", "credential", "told"),
    [
        ("bearer", {"username": "u"}, "The credential lacks token."),
        ("basic", {"other": "x"}, "The credential lacks username and token."),
        (
            "basic",
            {"username": "a:b", "token": "x"},
            "The credential's username must be without a colon.",
        ),
        (
            "bearer",
            {"token": "a\r\nX-Evil: 1"},
            "The credential's token has characters that no header takes.",
        ),
        (
            "bearer",
            {"token": "schlüssel"},
            "The credential's token has characters that no header takes.",
        ),
    ],
)
def test_what_a_credential_lacks_is_told_and_nothing_of_it(
    service: Service, style: str, credential: dict[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match="credential") as caught:
        service.rest({"auth": {"style": style}}, **credential)
    assert str(caught.value) == told


def test_a_credential_is_verified_with_one_call(service: Service) -> None:
    service.lists("/sites", {"id": 11, "name": "Lakeside", "timezone": "America/Chicago"})
    assert service.rest().verify() == Account(id="our-account", name="Lakeside")
    service.answers("GET", "/me", {"data": {"id": 3, "name": "Lakeside Wellness"}})
    me = {"account": {"path": "/me", "fields": {"id": "data.id", "name": "data.name"}}}
    assert service.rest(me).verify() == Account(id="3", name="Lakeside Wellness")
    service.answers("GET", "/me", status=401)
    with pytest.raises(NotAuthorized):
        service.rest(me).verify()
    assert len(service.requests) == 3


def test_a_key_does_not_end_and_is_tried_again_each_day(service: Service) -> None:
    service.lists("/sites")
    token = service.rest().issue_token("")
    assert (token.value, token.lifetime) == ("Bearer the-token", timedelta(hours=24))
    assert service.asked == ["GET /sites"]
    service.answers("GET", "/sites", status=403)
    with pytest.raises(NotAuthorized):
        service.rest().issue_token("")


# --- Single questions ----------------------------------------------------------------------------


def test_one_record_is_read_by_its_id(service: Service) -> None:
    service.answers("GET", "/clients/5", client_item())
    service.answers("GET", "/appointments/7", visit_item(deleted_at="2030-03-05T00:00:00Z"))
    service.answers("GET", "/clients/6", status=404)
    service.answers("GET", "/clients/8", status=410)
    rest = service.rest()
    assert rest.lookup(Resource.PATIENTS, "5") == ADA
    assert rest.lookup(Resource.APPOINTMENTS, "7") == Removed(external_id="7")
    assert rest.lookup(Resource.PATIENTS, "6") == Removed(external_id="6")
    assert rest.lookup(Resource.PATIENTS, "8") == Removed(external_id="8")


def test_an_id_cannot_leave_its_place_in_an_address(service: Service) -> None:
    service.answers("GET", "/clients/a%2F..%2Fb%3Fx%3D1", client_item(id="a/../b?x=1"))
    assert service.rest().lookup(Resource.PATIENTS, "a/../b?x=1").external_id == "a/../b?x=1"


@pytest.mark.parametrize("data", [client_item(id=6), [], {}, {"data": client_item()}])
def test_another_record_than_asked_for_is_no_answer(service: Service, data: Any) -> None:
    service.answers("GET", "/clients/5", data)
    with pytest.raises(NoAnswer):
        service.rest().lookup(Resource.PATIENTS, "5")


def test_the_sites_are_read_once_where_a_lookups_times_are_wall_clocks(service: Service) -> None:
    service.lists("/sites", {"id": 11, "name": "Lakeside", "timezone": "America/Chicago"})
    local = visit_item(starts_at="2030-03-06T09:00:00")
    for _ in range(2):
        service.answers("GET", "/appointments/7", local)
    rest = service.rest()
    assert [rest.lookup(Resource.APPOINTMENTS, "7") for _ in range(2)] == [VISIT, VISIT]
    assert service.asked == [
        "GET /appointments/7", "GET /sites", "GET /appointments/7",
    ]  # fmt: skip


def test_a_search_keeps_only_those_who_fit(service: Service) -> None:
    service.lists(
        "/clients",
        client_item(phone="+1 (312) 555-0101"),
        client_item(id=6, phone="312-555-0102"),
        client_item(id=7, phone=None),
        client_item(id=8, deleted_at="2030-03-05T00:00:00Z"),
        {"id": 9, "date_of_birth": "soon"},
    )
    found = service.rest().search_patients(PatientQuery(phone="312-555-0101"))
    assert [each.external_id for each in found] == ["5"]
    assert service.params() == {"phone": "312-555-0101", "per_page": "100"}


def test_a_search_by_name_and_birth_date_sends_both_as_described(service: Service) -> None:
    service.lists("/clients", client_item(), client_item(id=6, date_of_birth="1990-05-18"))
    rest = service.rest(
        {"search": {"last_name": "surname", "birth_date": {"name": "dob", "format": "dmy"}}}
    )
    query = PatientQuery(first_name="ada", last_name="INVENTED", birth_date=date(1990, 5, 17))
    assert [each.external_id for each in rest.search_patients(query)] == ["5"]
    assert service.params() == {"surname": "INVENTED", "dob": "17/05/1990", "per_page": "100"}


@pytest.mark.parametrize("query", [PatientQuery(), PatientQuery(email="ada@example.org")])
def test_a_search_for_nothing_or_by_what_it_does_not_know_is_refused_without_a_call(
    service: Service, query: PatientQuery
) -> None:
    with pytest.raises(Refused):
        service.rest({"search": {"phone": "phone"}}).search_patients(query)
    assert service.requests == []


ASKED = FreeTimes(
    practitioner_id="101",
    location_id="11",
    appointment_type="302",
    first=date(2030, 3, 6),
    last=date(2030, 3, 6),
    timezone="America/Chicago",
    minutes=30,
)


def slot(start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    return {"staff_id": 101, "site_id": 11, "starts_at": start, "ends_at": end} | more


def half_hour(start: str) -> dict[str, Any]:
    begins = datetime.fromisoformat(f"2030-03-06T{start}:00+00:00")
    return slot(begins.isoformat(), (begins + timedelta(minutes=30)).isoformat())


def test_free_times_are_the_services_own_in_order(service: Service) -> None:
    service.lists(
        "/slots",
        slot("2030-03-06T10:00:00", "2030-03-06T10:30:00"),
        slot("2030-03-06T09:00:00"),
        slot("2030-03-06T09:00:00"),
        slot("2030-03-06T11:00:00", staff_id=102),
        slot("2030-03-06T11:00:00", site_id=12),
        slot("2030-03-07T00:00:00"),
        slot("soon"),
        "not an object",
    )
    at = [datetime(2030, 3, 6, hour, minute, tzinfo=UTC) for hour in (15, 16) for minute in (0, 30)]
    assert service.rest().free_times(ASKED, NOW) == [
        FreeTime(starts_at=at[0], ends_at=at[1]),
        FreeTime(starts_at=at[2], ends_at=at[3]),
    ]
    assert service.params() == {
        "staff_id": "101", "site_id": "11", "from": "2030-03-06", "to": "2030-03-07",
    }  # fmt: skip


def test_free_times_that_are_not_described_are_not_asked_for(service: Service) -> None:
    rest = service.rest({"slots": None})
    assert rest.free_times(ASKED, NOW) is None
    assert service.requests == []


@pytest.mark.parametrize("data", [None, {"data": None}, {"slots": []}])
def test_free_times_of_another_shape_are_no_answer(service: Service, data: Any) -> None:
    service.answers("GET", "/slots", data)
    with pytest.raises(NoAnswer):
        service.rest().free_times(ASKED, NOW)


@pytest.mark.parametrize(
    ("slots", "offered"),
    [
        ([], None),
        ([half_hour("15:00"), half_hour("15:30")], True),
        ([half_hour("15:00")], False),
        ([half_hour("15:00"), half_hour("15:45")], False),
        # A list of starts alone means that the visit fits there.
        ([slot("2030-03-06T15:00:00Z")], True),
        ([slot("2030-03-06T14:30:00Z", "2030-03-06T17:00:00Z")], True),
        ([slot("2030-03-06T17:00:00Z")], False),
    ],
)
def test_a_time_is_offered_where_free_times_cover_it(
    service: Service, slots: list[Any], offered: bool | None
) -> None:
    service.lists("/slots", *slots)
    chicago = ZoneInfo("America/Chicago")
    booking = BookAppointment(
        patient_id="5",
        practitioner_id="101",
        operatory_id="",
        location_id="11",
        starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=chicago),
        ends_at=datetime(2030, 3, 6, 10, 0, tzinfo=chicago),
        description="",
    )
    assert service.rest().is_offered(booking) is offered


def test_the_words_for_a_write_are_the_described_ones_and_the_active_services(
    service: Service,
) -> None:
    service.lists(
        "/services",
        {"id": 301, "name": "Consultation"},
        {"id": 305, "name": "Class", "active": False},
        {"id": None},
    )
    found = service.rest({"statuses": {"Ok": "booked", "Abgesagt": "cancelled"}}).vocabulary()
    assert found.statuses == (Term("Ok", "booked"), Term("Abgesagt", "cancelled"))
    assert found.appointment_types == (Term("301", "Consultation"),)
    assert found.unread == {}


def test_a_list_of_services_that_is_refused_is_named(service: Service) -> None:
    service.answers("GET", "/services", status=404)
    found = service.rest().vocabulary()
    assert found.appointment_types == ()
    assert set(found.unread) == {"appointment_types"}
    assert len(found.statuses) == 5
