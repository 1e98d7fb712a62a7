"""What became of a write: the list of the application, the status for an office, withdrawal."""

from datetime import date, timedelta

from .gateway import MONDAY, Gateway, code


def test_the_list_holds_the_writes_of_all_offices_and_echoes_what_was_asked(
    gateway: Gateway,
) -> None:
    gateway.book(description="Seat crown")
    gateway.book(office="D10002", patient_id="901", operatory="CHAIR1")
    gateway.call("PUT", "/appointments/70120", json={"practice_id": "1", "provider_id": "DMD1"})
    key = gateway.key("D10001")

    first, second, third = gateway.listed()

    assert [item["office_id"] for item in (first, second, third)] == ["D10001", "D10002", "D10001"]
    assert first == {
        "href": "http://localhost/sikka/v4/writebacks/275495",
        "description": "",
        "id": "275495",
        "result": "pending",
        "office_id": "D10001",
        "method": "POST",
        "completed_time": "",
        "api_name": "appointment",
        "api_request_body": (
            f"request_key={key[:10]}***********{key[-6:]}&patient_id=1001&date=2026-03-10"
            "&time=18:30&provider_id=DMD1&length=30&operatory=OP1&practice_id=1"
            "&description=Seat crown&apiname=POST appointments"
        ),
        "command_time": "2026-03-02T15:00:00",
        "duration_in_second": "",
    }
    assert third["api_request_body"].endswith("&apiname=PUT appointments&id=70120")
    assert key not in str(first)

    gateway.clock.advance(20)
    gateway.turn(closing_words=["Done", "Error"], encode_echo=True)
    (done, *_) = gateway.listed()
    assert done["result"] == "Done"
    assert 10 <= int(done["duration_in_second"]) <= 20
    assert "time=18%3A30" in done["api_request_body"]


def test_the_list_needs_a_window_of_at_most_seven_days(gateway: Gateway) -> None:
    gateway.book()
    day = MONDAY.date()

    def listed(first: date | None, last: date | None) -> tuple[int, int]:
        query = {"startdate": first, "enddate": last}
        given = {name: str(value) for name, value in query.items() if value}
        answer = gateway.get("/writebacks", office=None, **given)
        found = len(answer.get_json()["items"]) if answer.status_code == 200 else 0
        return answer.status_code, found

    assert listed(None, day) == (400, 0)
    assert listed(day, None) == (400, 0)
    assert listed(day, day + timedelta(days=8)) == (400, 0)
    assert listed(day, day - timedelta(days=1)) == (400, 0)
    assert listed(day - timedelta(days=7), day) == (200, 1)
    assert listed(day + timedelta(days=1), day + timedelta(days=1)) == (204, 0)


def test_the_list_comes_in_pages(gateway: Gateway) -> None:
    for _ in range(5):
        gateway.book()
    day = str(MONDAY.date())
    query = {"startdate": day, "enddate": day, "limit": 2}
    page = gateway.get("/writebacks", office=None, offset=2, **query).get_json()
    assert [item["id"] for item in page["items"]] == ["275499"]
    assert page["total_count"] == "5"
    assert gateway.get("/writebacks", office=None, offset=3, **query).status_code == 204


def test_a_key_sees_the_writes_of_its_own_office_only(gateway: Gateway) -> None:
    write = gateway.book()
    assert gateway.get("/writeback_status", office="D10002", id=write).status_code == 204
    assert gateway.get("/writeback_status", id=write).get_json()[0]["total_count"] == "1"
    assert code(gateway.get("/writeback_status")) == (400, "API1026")


def test_a_pending_write_can_be_withdrawn_and_never_happens(gateway: Gateway) -> None:
    write = gateway.book()
    answer = gateway.call("DELETE", "/writebacks", office=None, id=write)
    assert code(answer) == (200, "API4006")
    gateway.clock.advance(60)
    assert gateway.booked() == []
    assert gateway.listed() == []
    assert gateway.get("/writeback_status", id=write).status_code == 204
    (noted,) = gateway.control("GET", "/books")["offices"]["D10001"]["writebacks"]
    assert noted["state"] == "withdrawn"


def test_a_finished_write_cannot_be_withdrawn(gateway: Gateway) -> None:
    write = gateway.book()
    gateway.clock.advance(20)
    answer = gateway.call("DELETE", "/writebacks", office=None, id=write)
    assert code(answer) == (400, "API1026")
    assert len(gateway.booked()) == 1
    assert code(gateway.call("DELETE", "/writebacks", office=None, id=1)) == (404, "API2009")
