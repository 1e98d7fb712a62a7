"""The sandbox's own record of what writes did: for every completed write exactly one trace."""

from collections import Counter
from collections.abc import Callable

from .gateway import Gateway
from .test_notes import NOTE
from .test_transactions import PAYMENT

PATIENT = {"firstname": "Ngozi", "lastname": "O'Hara", "provider_id": "DMD1", "practice_id": "1"}
MOVE = {"practice_id": "1", "provider_id": "DMD2", "time": "07:45"}


def status(number: str, value: str) -> dict[str, str]:
    return {
        "op": "replace",
        "path": "/appointment_status",
        "value": value,
        "practice_id": "1",
        "appointment_sr_no": number,
    }


def test_a_new_record_is_traced_whole(gateway: Gateway) -> None:
    write = gateway.write("POST", "/transaction", PAYMENT)
    assert gateway.books()["traces"] == []
    number = gateway.done(write)["created_id"]

    books = gateway.books()
    (trace,) = books["traces"]
    (entry,) = books["transactions"]

    assert {**trace, "after": None} == {
        "writeback_id": write,
        "kind": "transaction",
        "id": number,
        "version": 1,
        "before": None,
        "after": None,
    }
    assert entry == {**trace["after"], "writeback_id": write, "changed_by": []}


def test_a_change_is_traced_by_what_it_changed(gateway: Gateway) -> None:
    (before,) = gateway.items("/appointments", appointment_sr_no="70120", fields="get_all")
    move = gateway.write("PUT", "/appointments/70120", MOVE)
    gateway.done(move)
    away = gateway.write("PATCH", "/appointments/70120", status("70120", "no show"))
    gateway.done(away)

    moved, gone = gateway.books()["traces"]

    assert [(trace["writeback_id"], trace["version"]) for trace in (moved, gone)] == [
        (move, 2),
        (away, 3),
    ]
    assert (moved["before"]["time"], moved["after"]["time"]) == (before["time"], "07:45")
    assert "length" not in moved["after"]
    assert (gone["kind"], gone["id"]) == ("appointment", "70120")
    assert (gone["before"]["status"], gone["after"]["status"]) == (before["status"], "No Show")
    assert gateway.booked() == []


def test_a_record_that_a_write_made_names_those_that_changed_it(gateway: Gateway) -> None:
    made = gateway.book()
    number = gateway.done(made)["created_id"]
    moved = gateway.write("PUT", f"/appointments/{number}", MOVE)
    gateway.done(moved)

    (booked,) = gateway.booked()

    assert (booked["writeback_id"], booked["changed_by"]) == (made, [moved])
    assert booked["time"] == "07:45"


def test_a_change_to_what_is_there_already_leaves_its_trace_as_well(gateway: Gateway) -> None:
    gateway.turn(dolphin=True)
    (patient,) = gateway.items("/patients", patient_id="1001")
    same = {"practice_id": "1", "lastname": patient["lastname"]}
    write = gateway.write("PATCH", "/patient/1001", same)
    gateway.done(write)
    (trace,) = gateway.books()["traces"]
    assert (trace["writeback_id"], trace["before"], trace["after"]) == (write, {}, {})
    assert gateway.books()["patients"] == []


def test_completed_writes_have_one_trace_and_all_others_none(
    open_gateway: Callable[..., Gateway],
) -> None:
    gateway = open_gateway(failures=0.3, dolphin=["D10001"])
    for number in range(6):
        gateway.book(time=f"{8 + number:02}:15")
        gateway.write("POST", "/patient", PATIENT)
        gateway.write(
            "PATCH", f"/patient/{1001 + number}", {"practice_id": "1", "status": "Active"}
        )
        gateway.write("POST", "/medical_notes", NOTE)
        gateway.write("POST", "/transaction", PAYMENT)
        gateway.write("PUT", f"/appointments/{70100 + number}", MOVE)
        gateway.write(
            "PATCH", f"/appointments/{70110 + number}", status(str(70110 + number), "arrived")
        )
    withdrawn = gateway.book()
    gateway.call("DELETE", "/writebacks", office=None, id=withdrawn)
    gateway.clock.advance(20)
    gateway.book()

    books = gateway.books()
    states = Counter(write["state"] for write in books["writebacks"])
    completed = {write["id"] for write in books["writebacks"] if write["state"] == "completed"}

    assert states["completed"] > 20
    assert (states["failed"] > 5, states["withdrawn"], states["pending"]) == (True, 1, 1)
    assert Counter(trace["writeback_id"] for trace in books["traces"]) == Counter(completed)
    assert gateway.books("D10002")["traces"] == []


def test_the_books_know_a_note_before_the_upload_shows_it(
    open_gateway: Callable[..., Gateway],
) -> None:
    gateway = open_gateway(refresh_lag=900)
    write = gateway.write("POST", "/medical_notes", NOTE)
    gateway.done(write)
    today = {"patient_id": "1001", "startdate": "2026-03-02"}
    assert gateway.items("/medical_notes", **today) == []
    assert [trace["writeback_id"] for trace in gateway.books()["traces"]] == [write]
    gateway.clock.advance(900)
    (note,) = gateway.items("/medical_notes", **today, fields="note_id")
    assert [made["note_id"] for made in gateway.books()["medical_notes"]] == [note["note_id"]]
