"""Booking, and finding out what became of it, in as few calls as Sikka allows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from integrations.commands import BookAppointment
from integrations.contract import (
    Outcome,
    PreparedWrite,
    Receipt,
    Scope,
    SentWrite,
    State,
)
from integrations.http.errors import BudgetExhausted, NoAnswer, Throttled
from tests.integrations.adapters.conftest import Office, envelope, message

NEW_YORK = ZoneInfo("America/New_York")
SENT = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
NOW = SENT + timedelta(seconds=30)
ASKED = BookAppointment(
    patient_id="5383",
    practitioner_id="DMD1",
    operatory_id="OP 1",
    location_id="1",
    starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=NEW_YORK),
    ends_at=datetime(2030, 3, 6, 9, 45, tzinfo=NEW_YORK),
    description="Crown & bridge, 50 % = half; see #7+8? Zoë",
)
BODY = {
    "patient_id": "5383",
    "provider_id": "DMD1",
    "practice_id": "1",
    "operatory": "OP 1",
    "date": "2030-03-06",
    "time": "09:00",
    "length": "45",
    "description": "Crown & bridge, 50 % = half; see #7+8? Zoë",
    "check_spu": "true",
}
PREPARED = PreparedWrite(method="POST", endpoint="/appointment", body=BODY)
PENDING = Outcome(state=State.PENDING)


# --- Sending -------------------------------------------------------------------------------------


def test_a_booking_is_put_into_sikkas_words_and_the_sites_clock(office: Office) -> None:
    assert office.sikka.prepare(ASKED) == PREPARED
    assert office.requests == []
    assert office.spent == []


@pytest.mark.parametrize(
    ("starts", "ends", "time", "length"),
    [
        ("2030-03-06T14:00", "2030-03-06T14:45", "09:00", "45"),
        ("2030-07-06T13:00", "2030-07-06T14:30", "09:00", "90"),
        # 10 March 2030: 2:00 to 3:00 is left out. 3 November: 1:00 to 2:00 comes twice.
        ("2030-03-10T06:30", "2030-03-10T07:30", "01:30", "60"),
        ("2030-11-03T04:30", "2030-11-03T06:30", "00:30", "120"),
    ],
)
def test_a_booking_lasts_as_long_as_asked_on_days_when_clocks_change_too(
    office: Office, starts: str, ends: str, time: str, length: str
) -> None:
    values = {
        name: datetime.fromisoformat(f"{moment}+00:00").astimezone(NEW_YORK)
        for name, moment in (("starts_at", starts), ("ends_at", ends))
    }
    asked = BookAppointment(**{**{f: getattr(ASKED, f) for f in ASKED.__slots__}, **values})
    body = office.sikka.prepare(asked).body
    assert (body["time"], body["length"]) == (time, length)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (message("API2016", 201, long_message="Id:275495"), "275495"),
        (message("API2016", 201, long_message="Id: 275495"), "275495"),
        (message("API0007", 200, long_message="Status logged. Id:7 at 10:30"), "7"),
        (message("API2016", 201, more_information="https://x/writeback_status?id=12"), "12"),
        (message("API2016", 201, more_information="https://x/status?a=1&id=12"), "12"),
        (
            message("API2016", 201, long_message="Id:1", more_information="https://x/?id=2"),
            "1",
        ),
        ([message("API2016", 201, long_message="Id:275495")], "275495"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=UTF-8"])
def test_the_id_of_a_write_stands_only_inside_a_sentence_or_an_address(
    office: Office, answer: Any, reference: str, content_type: str
) -> None:
    office.answers("POST", "/appointment", answer, 201, content_type=content_type)
    assert office.sikka.submit(PREPARED) == Receipt(reference=reference, state=State.PENDING)
    (request,) = office.requests
    assert json.loads(request.body) == BODY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Request-Key"] == "key-1"


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {"id": "275495"},
        message("API2016", 201),
        message("API2016", 201, long_message="Paid:275495"),
        message("API2016", 201, long_message="Id:", more_information="https://x/?paid=3"),
    ],
)
def test_a_write_accepted_without_an_id_may_stand_and_is_not_sent_again(
    office: Office, answer: Any
) -> None:
    office.answers("POST", "/appointment", answer, 201)
    with pytest.raises(NoAnswer) as caught:
        office.sikka.submit(PREPARED)
    assert caught.value.may_have_happened is True
    assert len(office.requests) == 1


# --- Outcomes ------------------------------------------------------------------------------------


def sent(reference: str = "1", at: datetime = SENT) -> SentWrite:
    return SentWrite(prepared=PREPARED, sent_at=at, reference=reference)


def row(reference: str = "1", **changes: Any) -> dict[str, Any]:
    """A row of the list of writes, pending unless changed."""
    item = {
        "id": reference,
        "result": "pending",
        "office_id": "D1",
        "method": "POST",
        "completed_time": "",
        "api_name": "appointment",
        "api_request_body": urlencode(
            {name: value for name, value in BODY.items() if name != "check_spu"}
        ),
        "command_time": "2030-03-05T15:00:00",
        "duration_in_second": "",
    }
    return item | changes


def status(reference: str = "1", **changes: Any) -> dict[str, Any]:
    item = {
        "id": reference,
        "is_completed": "True",
        "has_error": "False",
        "completed_time": "2030-03-05T15:00:20",
        "result": "New Appointment inserted successfully",
        "status": "Success",
        "created_id": f"7{reference}",
    }
    return item | changes


def done(reference: str = "1") -> Outcome:
    return Outcome(state=State.COMPLETED, created_id=f"7{reference}")


#: Two others, which are pending: the list is worth a call only where it answers for several.
OTHERS = ("98", "99")


def listed(office: Office, *rows: dict[str, Any]) -> None:
    office.lists("/writebacks", *rows, *map(row, OTHERS))


def outcomes(office: Office, *writes: SentWrite, now: datetime = NOW) -> dict[str, Outcome]:
    """What is told of these writes, which are asked for along with the two others."""
    asked = (*writes, *(sent(other, at=writes[-1].sent_at) for other in OTHERS))
    found = dict(office.sikka.outcomes(asked, now))
    return {each: outcome for each, outcome in found.items() if each not in OTHERS}


def test_one_list_tells_of_all_that_are_pending(office: Office) -> None:
    listed(office, row("1"), row("2"), row("3"))
    assert outcomes(office, sent("1"), sent("2"), sent("3")) == {
        "1": PENDING, "2": PENDING, "3": PENDING,
    }  # fmt: skip
    assert office.asked == ["GET /writebacks"]
    assert office.spent == [(Scope.APPLICATION,)]
    request = office.requests[0]
    assert (request.headers["App-Id"], request.headers["App-Key"]) == ("the-app-id", "the-app-key")
    assert "Request-Key" not in request.headers


@pytest.mark.parametrize("word", ["completed", "Completed", " SUCCESS "])
def test_the_lists_own_word_completes_without_a_call_more(office: Office, word: str) -> None:
    listed(office, row("1", result=word, completed_time="2030-03-05T15:00:20"))
    assert outcomes(office, sent()) == {"1": Outcome(state=State.COMPLETED)}
    assert office.asked == ["GET /writebacks"]


@pytest.mark.parametrize("word", ["failed", "Failure"])
def test_a_failed_write_costs_one_call_more_which_tells_why(office: Office, word: str) -> None:
    listed(office, row("1", result=word, completed_time="2030-03-05T15:00:20"))
    office.answers("GET", "/writeback_status", [envelope(status())])
    assert outcomes(office, sent()) == {"1": done()}
    assert office.asked == ["GET /writebacks", "GET /writeback_status"]
    assert office.params(1) == {"id": "1"}
    assert office.requests[1].headers["Request-Key"] == "key-1"


def test_an_unknown_closing_word_is_settled_by_the_writes_own_status(office: Office) -> None:
    listed(office, row(result="Erledigt", completed_time="2030-03-05T15:00:20"))
    office.lists("/writeback_status", status())
    assert outcomes(office, sent()) == {"1": done()}


@pytest.mark.parametrize("word", ["Erledigt", "", None, "in progress"])
def test_an_unknown_word_without_an_end_is_pending_and_not_asked_about(
    office: Office, word: object
) -> None:
    listed(office, row(result=word))
    assert outcomes(office, sent()) == {"1": PENDING}
    assert office.asked == ["GET /writebacks"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, done()),
        ({"is_completed": "true"}, done()),
        ({"is_completed": "1", "has_error": ""}, done()),
        ({"is_completed": True, "has_error": False}, done()),
        ({"created_id": ""}, Outcome(state=State.COMPLETED)),
        ({"created_id": None}, Outcome(state=State.COMPLETED)),
        ({"is_completed": "", "has_error": ""}, PENDING),
        ({"is_completed": "False"}, PENDING),
        ({"is_completed": None}, PENDING),
        ({"is_completed": "done"}, PENDING),
        # Words that contradict each other, or that nobody knows, decide nothing.
        ({"is_completed": "True", "has_error": "maybe"}, PENDING),
        ({"is_completed": "True", "status": "Weird"}, PENDING),
        (
            {"is_completed": "True", "has_error": "Y", "result": "Slot taken"},
            Outcome(state=State.FAILED, message="Slot taken"),
        ),
        (
            {"is_completed": "True", "has_error": "", "status": "Failed", "result": "a\x00b\ud800"},
            Outcome(state=State.FAILED, message="ab"),
        ),
        (
            {"has_error": "True", "result": "appointment already scheduled"},
            Outcome(state=State.FAILED, message="appointment already scheduled"),
        ),
        (
            {"has_error": "1", "is_completed": "", "result": ""},
            Outcome(state=State.FAILED, message="no reason given"),
        ),
    ],
)
def test_only_an_explicit_yes_completes_and_only_an_explicit_error_fails(
    office: Office, changes: dict[str, Any], expected: Outcome
) -> None:
    listed(office, row(result="Erledigt", completed_time="2030-03-05T15:00:20"))
    office.lists("/writeback_status", status(**changes))
    assert outcomes(office, sent()) == {"1": expected}


def test_a_status_without_the_word_is_pending(office: Office) -> None:
    listed(office, row(result="failed"))
    office.answers("GET", "/writeback_status", {"id": "1"})
    assert outcomes(office, sent()) == {"1": PENDING}


def test_a_write_that_is_not_listed_is_asked_for_by_itself(office: Office) -> None:
    listed(office)
    office.lists("/writeback_status", status())
    assert outcomes(office, sent()) == {"1": done()}
    assert office.asked == ["GET /writebacks", "GET /writeback_status"]


@pytest.mark.parametrize("references", [["1"], ["1", "2"]])
def test_one_or_two_writes_are_asked_for_by_themselves(
    office: Office, references: list[str]
) -> None:
    for reference in references:
        office.lists("/writeback_status", status(reference))
    found = dict(office.sikka.outcomes([sent(each) for each in references], NOW))
    assert found == {each: done(each) for each in references}
    assert office.asked == ["GET /writeback_status"] * len(references)


def test_one_that_its_own_status_does_not_know_is_looked_up_in_the_list(office: Office) -> None:
    office.answers("GET", "/writeback_status", status=204)
    office.lists("/writebacks", row("1"))
    assert dict(office.sikka.outcomes([sent("1")], NOW)) == {"1": PENDING}
    assert office.asked == ["GET /writeback_status", "GET /writebacks"]


def test_no_more_calls_are_made_for_one_write_alone_than_allowed_the_oldest_first(
    office: Office,
) -> None:
    closed = {"result": "Erledigt", "completed_time": "2030-03-05T15:00:20"}
    office.lists("/writebacks", *(row(each, **closed) for each in ("1", "2", "3")))
    office.lists("/writeback_status", status("3"))
    writes = [sent("1", at=SENT + timedelta(seconds=2)), sent("2", at=SENT + timedelta(seconds=1)),
              sent("3", at=SENT)]  # fmt: skip
    found = dict(office.sikka.outcomes(writes, NOW, singly=1))
    assert found == {"1": PENDING, "2": PENDING, "3": done("3")}
    assert office.asked == ["GET /writebacks", "GET /writeback_status"]


@pytest.mark.parametrize("answer", [{"status": 204}, {"json": envelope(status("11"))}])
def test_a_write_that_nobody_knows_is_left_out(office: Office, answer: dict[str, Any]) -> None:
    listed(office, row("2"))
    office.answers("GET", "/writeback_status", **answer)
    assert outcomes(office, sent("1"), sent("2")) == {"2": PENDING}


def test_the_lists_word_counts_where_the_status_knows_nothing(office: Office) -> None:
    listed(office, row(result="failed"))
    office.answers("GET", "/writeback_status", status=204)
    assert outcomes(office, sent()) == {"1": Outcome(state=State.FAILED)}


def test_a_row_of_another_office_with_the_same_id_says_nothing_about_ours(office: Office) -> None:
    listed(
        office,
        row("1", office_id="D10", result="failed"),
        row("1", office_id="", result="failed"),
        row("1"),
        row("1", office_id="D2", result="completed"),
    )
    assert outcomes(office, sent()) == {"1": PENDING}
    assert office.asked == ["GET /writebacks"]


def test_what_is_known_before_an_error_is_told_before_it(office: Office) -> None:
    listed(office, row("1"), row("2", result="failed"), row("3"))
    office.answers("GET", "/writeback_status", status=429)
    found = office.sikka.outcomes([sent("1"), sent("2"), sent("3")], NOW)
    assert next(found) == ("1", PENDING)
    with pytest.raises(Throttled):
        next(found)


def test_a_write_named_twice_is_asked_about_once(office: Office) -> None:
    office.lists("/writeback_status", status())
    assert list(office.sikka.outcomes([sent(), sent()], NOW)) == [("1", done())]


@pytest.mark.parametrize(
    ("earliest", "now", "startdate", "enddate"),
    [
        # A day further on both sides, since the zone of these dates is not documented.
        (SENT, NOW, "2030-03-04", "2030-03-06"),
        (SENT, SENT + timedelta(days=3), "2030-03-04", "2030-03-09"),
        # One query may span seven days.
        (SENT, SENT + timedelta(days=6), "2030-03-05", "2030-03-12"),
        (SENT, SENT + timedelta(days=30), "2030-03-29", "2030-04-05"),
        (
            datetime(2030, 3, 5, 23, 30, tzinfo=NEW_YORK),
            datetime(2030, 3, 5, 23, 31, tzinfo=NEW_YORK),
            "2030-03-05",
            "2030-03-07",
        ),
    ],
)
def test_the_list_is_asked_for_over_the_days_that_matter_and_at_most_seven(
    office: Office, earliest: datetime, now: datetime, startdate: str, enddate: str
) -> None:
    listed(office, row("1"), row("2"))
    outcomes(office, sent("2", at=earliest + timedelta(minutes=1)), sent("1", at=earliest), now=now)
    assert office.params(0) == {
        "startdate": startdate, "enddate": enddate, "offset": "0", "limit": "5000",
    }  # fmt: skip


def test_the_list_is_read_to_its_end(office: Office) -> None:
    office.lists("/writebacks", row("1"), following="https://sikka.example/v4/writebacks?offset=1")
    listed(office, row("2"))
    assert outcomes(office, sent("2")) == {"2": PENDING}
    assert [office.params(number)["offset"] for number in (0, 1)] == ["0", "1"]


def test_a_spent_budget_ends_the_asking_before_any_call(office: Office) -> None:
    sikka = office.sikka

    def used_up(scopes: object) -> None:
        raise BudgetExhausted("All used.")

    office.guard.spend = used_up
    with pytest.raises(BudgetExhausted):
        list(sikka.outcomes([sent()], NOW))
    assert office.requests == []


# --- Looking for a write whose answer was lost ---------------------------------------------------


def find(office: Office, *rows: dict[str, Any], sent_at: datetime = SENT) -> list[str]:
    office.lists("/writebacks", *rows)
    return list(office.sikka.find([SentWrite(prepared=PREPARED, sent_at=sent_at)], NOW)[0].same)


def echo(**changes: str) -> dict[str, str]:
    """The echoed body with some fields changed, form-encoded."""
    body = {name: value for name, value in BODY.items() if name != "check_spu"}
    return {"api_request_body": urlencode({**body, **changes})}


def raw_echo(**changes: str) -> dict[str, str]:
    """The same as the documentation's samples show it: joined like a form, but not encoded."""
    body = {name: value for name, value in BODY.items() if name != "check_spu"} | changes
    return {"api_request_body": "&".join(f"{name}={value}" for name, value in body.items())}


def test_a_write_is_found_by_its_echo_in_one_call_of_the_application(office: Office) -> None:
    assert find(office, row("9")) == ["9"]
    assert office.asked == ["GET /writebacks"]
    assert office.spent == [(Scope.APPLICATION,)]


@pytest.mark.parametrize("echoed", [echo, raw_echo])
@pytest.mark.parametrize(
    "more",
    [
        {"request_key": "0123456789***********abcdef", "apiname": "POST appointments"},
        {"check_spu": "true"},
        {"check_spu": "false"},
        {"status": "", "note": ""},
    ],
)
def test_what_the_echo_holds_besides_our_fields_does_not_matter(
    office: Office, echoed: Any, more: dict[str, str]
) -> None:
    assert find(office, row("9", **echoed(**more))) == ["9"]


def test_an_echo_may_come_unencoded_as_in_the_documentation(office: Office) -> None:
    body = f"request_key=0123***{raw_echo()['api_request_body']}&apiname=POST appointments"
    body = body.replace("***patient_id", "***&patient_id")
    assert find(office, row("9", api_request_body=body)) == ["9"]


def test_an_echo_may_encode_spaces_as_percent_20(office: Office) -> None:
    encoded = echo()["api_request_body"].replace("+", "%20")
    assert find(office, row("9", api_request_body=encoded)) == ["9"]


@pytest.mark.parametrize("echoed", [echo, raw_echo])
@pytest.mark.parametrize(
    "change",
    [
        {"time": "09:15"},
        {"time": "09:00:00"},
        {"date": "2030-03-07"},
        {"patient_id": "5384"},
        {"patient_id": "53834"},
        {"patient_id": "15383"},
        {"provider_id": "DMD2"},
        {"practice_id": "2"},
        {"operatory": "OP 2"},
        {"length": "30"},
        {"description": ""},
        {"description": "Crown"},
        {"description": "Crown & bridge, 50 % = half; see #7+8? Zoe"},
    ],
)
def test_a_write_that_differs_in_one_field_is_not_ours(
    office: Office, echoed: Any, change: dict[str, str]
) -> None:
    assert find(office, row("9", **echoed(**change))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"office_id": "D2"},
        {"office_id": "D10"},
        {"office_id": ""},
        {"office_id": None},
        {"method": "PUT"},
        {"method": "PATCH"},
        {"method": None},
        {"api_name": "patient"},
        {"api_name": ""},
        {"api_name": "appointment_status"},
        {"api_request_body": ""},
        {"api_request_body": None},
        {"api_request_body": "patient_id=5383"},
    ],
)
def test_a_write_of_another_office_method_or_resource_is_not_ours(
    office: Office, change: dict[str, Any]
) -> None:
    assert find(office, row("9", **change)) == []


@pytest.mark.parametrize(
    "change",
    [{"api_name": "appointments"}, {"api_name": "/appointment"}, {"method": "post"}],
)
def test_the_same_resource_in_other_letters_is_ours(office: Office, change: dict[str, str]) -> None:
    assert find(office, row("9", **change)) == ["9"]


def test_an_empty_field_may_be_missing_from_the_echo(office: Office) -> None:
    prepared = PreparedWrite(
        method="POST", endpoint="/appointment", body={"patient_id": "7", "description": ""}
    )
    office.lists("/writebacks", row("9", api_request_body="patient_id=7"))
    assert list(office.sikka.find([SentWrite(prepared=prepared, sent_at=SENT)], NOW)[0].same) == [
        "9"
    ]


@pytest.mark.parametrize(
    ("command_time", "found"),
    [
        ("2030-03-05T15:00:00", ["9"]),
        # No zone is told: it may be any clock of the world, and five minutes wrong besides.
        ("2030-03-05T02:55:00", ["9"]),
        ("2030-03-05T01:00:00", ["9"]),
        ("2030-03-05T00:54:59", []),
        ("2030-03-01T15:00:00", []),
        ("2030-03-05 00:54:59", []),
        ("2030-03-05T14:55:00Z", ["9"]),
        ("2030-03-05T14:54:59Z", []),
        ("2030-03-05T09:54:59-05:00", []),
        ("2030-03-06T15:00:00", ["9"]),
        ("", ["9"]),
        ("yesterday", ["9"]),
        (None, ["9"]),
    ],
)
def test_a_write_certainly_sent_before_ours_is_another_one(
    office: Office, command_time: object, found: list[str]
) -> None:
    assert find(office, row("9", command_time=command_time)) == found


def test_all_that_could_be_it_are_named_oldest_first(office: Office) -> None:
    found = find(
        office,
        row("12", command_time="2030-03-05T15:00:03"),
        row("9", command_time="2030-03-05T15:00:01"),
        row("8", command_time="2030-03-05T15:00:02", office_id="D2"),
        row("11", command_time="2030-03-05T15:00:02"),
    )
    assert found == ["9", "11", "12"]


def test_a_row_that_is_not_ours_may_lack_anything(office: Office) -> None:
    assert find(office, {}, {"id": "3"}, {"office_id": "D1"}, row("9")) == ["9"]


def test_an_empty_list_holds_no_write(office: Office) -> None:
    office.answers("GET", "/writebacks", status=204)
    assert list(office.sikka.find([SentWrite(prepared=PREPARED, sent_at=SENT)], NOW)[0].same) == []


@pytest.mark.parametrize(
    "answer", [{"status": 200}, {"json": message("API2005", 200)}, {"status": 503}]
)
def test_a_list_that_did_not_come_is_not_an_empty_one(
    office: Office, answer: dict[str, Any]
) -> None:
    office.answers("GET", "/writebacks", **answer)
    with pytest.raises(NoAnswer):
        list(office.sikka.find([SentWrite(prepared=PREPARED, sent_at=SENT)], NOW)[0].same)


def test_one_write_that_sikka_refuses_to_tell_about_holds_up_no_other(office: Office) -> None:
    listed(office, row("1", result="failed"), row("2", result="failed"))
    office.answers("GET", "/writeback_status", message("API2009"), 404)
    office.answers("GET", "/writeback_status", envelope(status("2")))
    found = outcomes(office, sent("1"), sent("2"))
    assert found == {"1": Outcome(state=State.FAILED), "2": done("2")}


@pytest.mark.parametrize(
    ("days", "covered"), [(0, True), (4, True), (5, True), (6, False), (8, False), (30, False)]
)
def test_silence_counts_only_for_days_that_the_list_reaches_back_to(
    office: Office, days: int, covered: bool
) -> None:
    office.answers("GET", "/writebacks", status=204)
    (lookup,) = office.sikka.find(
        [SentWrite(prepared=PREPARED, sent_at=SENT)], SENT + timedelta(days=days)
    )
    assert (lookup.same, lookup.similar, lookup.covered) == ((), (), covered)
