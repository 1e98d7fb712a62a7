"""What options may say, and how what is wrong with them is told."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.adapters.rest import MANIFEST, base_url
from integrations.adapters.rest.parsing import parse
from integrations.http.errors import Refused
from integrations.queries import Ability, Changes, PatientQuery, Resource
from tests.integrations.adapters.rest.conftest import Service

FIELDS = {"id": "id", "last_name": "name"}
SECRET = "sk-very-secret"


def complaint(options: Any) -> str:
    with pytest.raises(ValueError, match=r"^options") as caught:
        parse(options)
    return str(caught.value)


def test_without_options_it_is_the_usual_service() -> None:
    usual = parse({})
    assert {each: listing.path for each, listing in usual.lists.items()} == {
        Resource.LOCATIONS: "/sites",
        Resource.PRACTITIONERS: "/staff",
        Resource.APPOINTMENT_TYPES: "/services",
        Resource.PATIENTS: "/clients",
        Resource.APPOINTMENTS: "/appointments",
    }
    assert MANIFEST.lists == {each: listing.told for each, listing in usual.lists.items()}
    assert MANIFEST.lists[Resource.PATIENTS] == Changes(told=True)
    assert MANIFEST.lists[Resource.LOCATIONS] == Changes()
    assert MANIFEST.operations == {
        "book", "reschedule", "cancel", "set_status", "create_patient", "update_patient",
    }  # fmt: skip
    assert MANIFEST.page_size == 100
    assert base_url({"token": "x"}) == ""


def test_what_options_name_takes_the_place_of_what_is_usual_and_nothing_else() -> None:
    found = parse({"lists": {"patients": {"path": "/people"}}})
    patients, usual = found.lists[Resource.PATIENTS], parse({}).lists[Resource.PATIENTS]
    assert patients.path == "/people"
    assert patients.fields == usual.fields
    assert patients.one == "/clients/{id}"
    fewer = parse({"lists": {"patients": {"fields": FIELDS}}, "writes": None})
    assert set(fewer.lists[Resource.PATIENTS].fields) == {"id", "last_name"}
    assert fewer.operations == set()


def test_null_takes_away_what_is_usual(service: Service) -> None:
    rest = service.rest(
        {
            "lists": {"practitioners": None, "appointments": {"one": None, "changes": False}},
            "search": None,
            "slots": None,
            "writes": {"reschedule": None, "set_status": None},
        }
    )
    assert set(rest.lists) == {
        Resource.LOCATIONS, Resource.APPOINTMENT_TYPES, Resource.PATIENTS, Resource.APPOINTMENTS,
    }  # fmt: skip
    assert rest.lists[Resource.APPOINTMENTS] == Changes()
    assert rest.lists[Resource.PATIENTS].told is True
    assert rest.abilities == {Ability.LOOK_UP_PATIENT}
    assert rest.operations == {"book", "create_patient", "update_patient"}
    with pytest.raises(Refused):
        rest.search_patients(PatientQuery(email="ada@example.org"))
    with pytest.raises(Refused):
        rest.lookup(Resource.APPOINTMENTS, "7")
    assert service.requests == []


def test_a_list_tells_changes_as_its_own_words_say_else_as_those_of_all() -> None:
    found = parse(
        {
            "changes": {"param": "since", "overlap_minutes": 60, "furthest_days": 30},
            "lists": {
                "locations": {"changes": {"param": "modified", "removals": True}},
                "appointments": {"changes": {"param": "since", "needs_window": True}},
            },
        }
    )
    told = {each.value: listing.told for each, listing in found.lists.items()}
    assert told["patients"].overlap.total_seconds() == 3600
    assert told["patients"].furthest is not None
    assert told["patients"].furthest.days == 30
    assert told["locations"].removals is True
    assert told["appointments"].needs_window is True
    assert told["appointments"].overlap.total_seconds() == 300
    assert parse({"changes": None}).lists[Resource.PATIENTS].told == Changes()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "options: must be an object"),
        ({"list": {}}, "options.list: is not known here; did you mean lists?"),
        ({"lists": []}, "options.lists: must be an object"),
        ({"lists": {"clients": {}}}, "options.lists.clients: is not known here"),
        ({"lists": {"patients": 3}}, "options.lists.patients: must be an object"),
        (
            {"lists": {"patients": {"feilds": {}}}},
            "options.lists.patients.feilds: is not known here; did you mean fields?",
        ),
        (
            {"lists": {"patients": {"path": "https://evil.example/clients"}}},
            "options.lists.patients.path: must be a path below the base URL, such as /clients",
        ),
        (
            {"lists": {"patients": {"path": "/../admin"}}},
            "options.lists.patients.path: must be a path below the base URL, such as /clients",
        ),
        (
            {"lists": {"patients": {"path": "/clients?all=1"}}},
            "options.lists.patients.path: must be a path below the base URL, such as /clients",
        ),
        (
            {"lists": {"patients": {"one": "/clients"}}},
            "options.lists.patients.one: must hold {id} once, such as /clients/{id}",
        ),
        (
            {"lists": {"patients": {"fields": {"id": "id"}}}},
            "options.lists.patients.fields.last_name: must be given: "
            "where it stands in the PMS's JSON",
        ),
        (
            {"lists": {"patients": {"fields": FIELDS | {"age": "age"}}}},
            "options.lists.patients.fields.age: is not known here",
        ),
        (
            {"lists": {"patients": {"fields": FIELDS | {"email": "a..b"}}}},
            "options.lists.patients.fields.email: must be a dotted path in the PMS's JSON, "
            "such as client.id",
        ),
        (
            {
                "lists": {
                    "patients": {"fields": FIELDS | {"birth_date": {"path": "b", "format": "ymd"}}}
                }
            },
            "options.lists.patients.fields.birth_date.format: must be one of iso, dmy, mdy",
        ),
        (
            {"lists": {"patients": {"fields": FIELDS | {"birth_date": {"join": ["a", "b"]}}}}},
            "options.lists.patients.fields.birth_date.join: is for texts and times alone",
        ),
        (
            {"lists": {"patients": {"fields": FIELDS | {"email": {"join": ["a"]}}}}},
            "options.lists.patients.fields.email.join: must be a list of two paths or more, "
            "and no path beside",
        ),
        (
            {
                "lists": {
                    "appointments": {"fields": {"id": "i", "patient_id": "p", "starts_at": "s"}}
                }
            },
            "options.lists.appointments.fields: must say where ends_at or minutes stands",
        ),
        (
            {"lists": {"patients": {"window": {"first": "a", "last": "b"}}}},
            "options.lists.patients.window: must name first and last, of the appointments alone",
        ),
        (
            {"lists": {"patients": {"fixed": [{}]}}},
            "options.lists.patients.fixed: patients and appointments cannot be fixed",
        ),
        (
            {"lists": {"locations": {"fixed": []}}},
            "options.lists.locations.fixed: must be a list of records",
        ),
        (
            {"timezone": "Sydney"},
            "options.timezone: must be an IANA name, such as Australia/Sydney",
        ),
        (
            {"changes": {"param": "since", "format": "wall"}},
            "options.changes.format: wall needs timezone: whose clock it is",
        ),
        ({"changes": {}}, "options.changes.param: must be given"),
        (
            {"changes": {"param": "since", "overlap_minutes": True}},
            "options.changes.overlap_minutes: must be a whole number from 0 to 10080",
        ),
        (
            {"statuses": {"Gone": "gone"}},
            "options.statuses.Gone: must be one of proposed, pending, booked, arrived, fulfilled, "
            "cancelled, noshow, entered-in-error, checked-in, waitlist",
        ),
        (
            {"paging": {"style": "pages"}},
            "options.paging.style: must be one of none, page, offset, cursor, link",
        ),
        (
            {"paging": {"style": "cursor", "next": ""}},
            "options.paging.next: must be given: where the next cursor stands",
        ),
        (
            {"paging": {"style": "page", "param": ""}},
            "options.paging.param: must be given: the parameter of the page",
        ),
        (
            {"paging": {"style": "link", "next": "header:a b"}},
            "options.paging.next: must name a header, such as header:Link",
        ),
        ({"paging": {"size": 0}}, "options.paging.size: must be a whole number from 1 to 5000"),
        ({"search": {"name": "q"}}, "options.search.name: is not known here; did you mean"),
        ({"slots": {"path": "/slots"}}, "options.slots.fields.starts_at: must be given"),
        (
            {"slots": {"path": "/s", "fields": {"starts_at": "s"}}},
            "options.slots.asks: must name practitioner_id, first and last",
        ),
        ({"account": {"path": "/me"}}, "options.account.fields.id: must be given"),
        (
            {"writes": {"book": {"path": "/appointments/{id}"}}},
            "options.writes.book.path: must not hold {id}",
        ),
        (
            {"writes": {"book": {"body": {"patient_id": "p"}}}},
            "options.writes.book.body.starts_at: must be given",
        ),
        (
            {"writes": {"book": {"method": "DELETE"}}},
            "options.writes.book.method: DELETE is for cancel alone",
        ),
        (
            {"writes": {"cancel": {"method": "DELETE", "path": "/a/{id}", "set": {"a": 1}}}},
            "options.writes.cancel.body: a DELETE has none",
        ),
        (
            {"writes": {"set_status": {"body": {"status": "s.a"}, "set": {"s": 1}}}},
            "options.writes.set_status.body: has two values at s",
        ),
        (
            {
                "writes": {
                    "reschedule": {
                        "body": {"starts_at": "s", "ends_at": "e", "minutes": "m"},
                    }
                }
            },
            "options.writes.reschedule.body: must have ends_at or minutes, not both",
        ),
        (
            {"writes": {"update_patient": {"body": {"location_id": "l"}}}},
            "options.writes.update_patient.body: must have a field of the patient",
        ),
        (
            {"lists": {"patients": {"fields": FIELDS}}},
            "options.lists.patients.fields.first_name: must be given: "
            "whether create_patient was done is read there",
        ),
        (
            {"lists": {"patients": None}, "search": None},
            "options.writes.create_patient: needs the list of patients, to read it back",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_key_and_what_is_wanted(options: Any, told: str) -> None:
    assert complaint(options).startswith(told)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"token": SECRET}, "options.token: secrets belong into the credential"),
        ({"auth": {"password": SECRET}}, "options.auth.password: secrets belong"),
        (
            {"auth": {"style": "query", "header": SECRET}},
            "options.auth.style: a key in the address",
        ),
        (
            {"lists": {"patients": {"params": {"API_KEY": SECRET}}}},
            "options.lists.patients.params.API_KEY: a key in the address ends up in logs",
        ),
        ({"auth": {"style": SECRET}}, "options.auth.style: must be one of bearer, header, basic"),
        ({"timezone": SECRET}, "options.timezone: must be an IANA name"),
        ({"changes": {"param": [SECRET]}}, "options.changes.param: must be a text of one line"),
    ],
)
def test_a_key_has_no_place_in_options_or_addresses_and_is_never_repeated(
    options: Any, where: str
) -> None:
    assert complaint(options).startswith(where)
    assert SECRET not in complaint(options)


@pytest.mark.parametrize("header", ["Host", "cookie", "User-Agent", "Content-Type", "a b", "x:y"])
def test_a_key_cannot_take_the_place_of_what_the_client_says_itself(header: str) -> None:
    told = complaint({"auth": {"style": "header", "header": header}})
    assert told == "options.auth.header: must be the name of a header, such as X-Api-Key"
