"""Lists: envelope, paging, fields and filters."""

import pytest

from .gateway import Gateway, code


def test_offset_counts_pages_and_links_lead_through_all_of_them(gateway: Gateway) -> None:
    seen: list[str] = []
    page = gateway.get("/patients", limit=200).get_json()
    assert {name: page[name] for name in ("offset", "limit", "total_count")} == {
        "offset": "0",
        "limit": "200",
        "total_count": "650",
    }
    assert page["pagination"]["previous"] == ""
    assert page["pagination"]["last"].endswith("/sikka/v4/patients?offset=3&limit=200")
    while True:
        seen += [item["patient_id"] for item in page["items"]]
        if not page["pagination"]["next"]:
            break
        path = page["pagination"]["next"].partition("/sikka/v4")[2]
        page = gateway.get(path).get_json()
    assert seen == [str(number) for number in range(1001, 1651)]
    assert page["offset"] == "3"


def test_the_default_page_has_50_and_the_largest_5000(gateway: Gateway) -> None:
    assert len(gateway.items("/patients")) == 50
    everything = gateway.get("/patients", limit=9000).get_json()
    assert everything["limit"] == "5000"
    assert len(everything["items"]) == 650


def test_nothing_found_is_204_without_a_body(gateway: Gateway) -> None:
    for query in ({"patient_id": "999"}, {"offset": 14, "limit": 50}):
        answer = gateway.get("/patients", **query)
        assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/patients", {"limit": "many"}),
        ("/patients", {"limit": "0"}),
        ("/patients", {"offset": "-1"}),
        ("/appointments", {"startdate": "03/02/2026"}),
        ("/appointments", {"date_filter_on": "birthday"}),
        ("/appointments", {"loaded_startdate": "yesterday"}),
        ("/operatories", {}),
    ],
)
def test_a_wrong_or_missing_parameter_is_refused(
    gateway: Gateway, path: str, query: dict[str, str]
) -> None:
    assert code(gateway.get(path, **query)) == (400, "API1026")


def test_a_parameter_that_is_not_simulated_is_not_passed_over_in_silence(
    gateway: Gateway,
) -> None:
    assert gateway.get("/patients", find="lastname=eq_Chen").status_code == 501


def test_operatory_and_last_change_come_only_when_asked_for(gateway: Gateway) -> None:
    number = "70100"
    (default,) = gateway.items("/appointments", appointment_sr_no=number)
    (whole,) = gateway.items("/appointments", appointment_sr_no=number, fields="get_all")
    (more,) = gateway.items("/appointments", appointment_sr_no=number, fields="operatory,rowhash")
    (light,) = gateway.items(
        "/appointments", appointment_sr_no=number, fields="date,time", lightweight="true"
    )

    extra = {"operatory", "last_changed_date", "cancelled", "is_confirmed", "rowhash"}
    assert extra.isdisjoint(default)
    assert extra < set(whole)
    assert set(more) == set(default) | {"operatory", "rowhash"}
    assert set(light) == {"date", "time"}
    assert default["date"].endswith("T00:00:00")
    assert default["href"].endswith(f"/practices/1/appointments/{number}")
    assert all(isinstance(value, str) for value in whole.values())


def test_appointments_are_found_by_day_status_and_people(gateway: Gateway) -> None:
    day = gateway.items("/appointments", startdate="2026-03-09", enddate="2026-03-13")
    assert {item["date"][:10] for item in day} <= {f"2026-03-{n:02}" for n in range(9, 14)}
    assert day
    one = day[0]
    for name in ("patient_id", "provider_id", "status", "appointment_sr_no"):
        found = gateway.items("/appointments", limit=5000, **{name: one[name]})
        assert one in found
        assert {item[name] for item in found} == {one[name]}
    assert gateway.items("/appointments", practice_id="2") == []


def test_the_last_change_can_be_filtered_by_day(gateway: Gateway) -> None:
    write = gateway.book(time="17:30")
    gateway.clock.advance(60)
    changed = gateway.items(
        "/appointments", date_filter_on="last_changed_date", startdate="2026-03-02"
    )
    assert [item["appointment_sr_no"] for item in changed] == [
        gateway.status_of(write)["created_id"]
    ]


def test_changed_records_are_found_by_their_loading_time(gateway: Gateway) -> None:
    assert gateway.items("/patients", loaded_startdate="2026-03-02T14:00:00") == []
    gateway.book()
    gateway.clock.advance(60)
    since = {"loaded_startdate": "2026-03-02T15:00:00", "loaded_enddate": "2026-03-02T15:00:59"}
    assert len(gateway.items("/appointments", **since)) == 1
    assert gateway.items("/appointments", loaded_enddate="2026-03-01") == []


def test_patients_are_found_by_name_mail_and_telephone(gateway: Gateway) -> None:
    people = gateway.items("/patients", limit=5000, fields="homephone")
    one = next(item for item in people if item["lastname"] == "Müller" and item["cell"])
    email = next(item for item in people if item["email"])
    digits = one["cell"].replace("-", "")

    for query in (
        {"lastname": "MÜLLER", "firstname": one["firstname"].upper()},
        {"cell": digits},
        {"phone": f"+1{digits}"},
        {"search": one["cell"]},
        {"patient_id": one["patient_id"]},
    ):
        assert one["patient_id"] in [
            item["patient_id"] for item in gateway.items("/patients", **query)
        ]
    found = gateway.items("/patients", email=email["email"].upper())
    assert [item["patient_id"] for item in found] == [email["patient_id"]]


def test_an_office_sees_only_its_own_records_although_ids_are_alike(gateway: Gateway) -> None:
    (here,) = gateway.items("/patients", patient_id="1001")
    (there,) = gateway.items("/patients", office="D10002", patient_id="1001")
    assert here["practice_id"] == "1"
    assert here["birthdate"] != there["birthdate"]
    assert [item["practice_id"] for item in gateway.items("/practices", office="D10002")] == [
        "1",
        "2",
    ]


def test_static_lists_have_their_peculiarities(gateway: Gateway) -> None:
    operatories = gateway.items("/operatories", cust_id="1", is_hidden="F")
    inactive = gateway.items("/providers", status="inactive")
    values = gateway.items("/practice_variables", service_name="Appointment Status")

    assert [(item["operatory"], item["practice_id"]) for item in operatories] == [
        (f"OP{n}", "1-0") for n in range(1, 6)
    ]
    assert [item["provider_id"] for item in inactive] == ["HYG2"]
    assert len(gateway.items("/providers")) == 4
    assert [item["value"] for item in values] == [
        "open.unconfirm",
        "open.confirm",
        "complete.unconfirm",
        "complete.confirm",
        "arrived",
        "no show",
        "broken",
        "cancelled",
    ]
    assert "Broken" in [item["status"] for item in gateway.items("/appointment_statuses")]


def test_reads_tell_when_an_upload_is_under_way(gateway: Gateway) -> None:
    assert gateway.get("/patients").headers["Data-Insert"] == "completed"
    gateway.turn(upload_in_progress=True)
    assert gateway.get("/appointments").headers["Data-Insert"] == "in progress"
