"""Where the key goes, what a call without one is told, and what is no function."""

import pytest

from .caller import BOOKING, PREFIX, Caller


@pytest.mark.parametrize(
    ("function", "code"), [("verify", "L000_1"), ("getLocations", "L003"), ("addPatient", "L000_1")]
)
def test_a_call_without_a_key_is_a_failure_by_http_200(
    caller: Caller, function: str, code: str
) -> None:
    response = caller.client.post(f"{PREFIX}/{function}")
    assert response.status_code == 200
    assert response.get_json() == {
        "status": "failure",
        "details": {"errorCode": code, "alerts": ["Missing variable: api_key"]},
    }


def test_the_key_goes_into_the_form_of_a_post_or_the_query_of_a_get(caller: Caller) -> None:
    key, address = caller.keys["nookal-1"], f"{PREFIX}/verify"
    posted = caller.client.post(address, data={"api_key": key})
    got = caller.client.get(address, query_string={"api_key": key})
    assert posted.get_json()["data"] == {"api_call": "verify", "results": {"verify": True}}
    assert got.get_json() == posted.get_json()


def test_a_key_elsewhere_is_not_seen(caller: Caller) -> None:
    key, address = caller.keys["nookal-1"], f"{PREFIX}/verify"
    for response in (
        caller.client.post(address, query_string={"api_key": key}),
        caller.client.post(address, json={"api_key": key}),
        caller.client.get(address, headers={"Authorization": f"Bearer {key}"}),
    ):
        assert response.get_json()["details"]["alerts"] == ["Missing variable: api_key"]


def test_a_wrong_key_is_a_failure_that_belongs_to_no_account(caller: Caller) -> None:
    response = caller.client.post(f"{PREFIX}/verify", data={"api_key": "0" * 32})
    assert response.status_code == 200
    assert response.get_json()["details"]["errorMessage"] == "Invalid API key"
    (call,) = caller.control("GET", "/calls")
    assert (call["office_id"], call["status"]) == (None, 200)


def test_a_key_opens_its_own_account_only(caller: Caller) -> None:
    number = caller.book()
    assert number not in caller.ids("getAppointments", "appointments", office="nookal-2")
    assert caller.made("nookal-2")["appointments"] == []


def test_even_a_write_can_be_a_get(caller: Caller) -> None:
    query = {"api_key": caller.keys["nookal-1"], **BOOKING}
    response = caller.client.get(f"{PREFIX}/addAppointmentBooking", query_string=query)
    number = response.get_json()["data"]["results"]["appointment_id"]
    assert caller.appointment(number)["patientID"] == "5"


@pytest.mark.parametrize(
    "function", ["getServices", "updatePatient", "getlocations", "", "getLocations/1"]
)
def test_an_unknown_function_is_a_page_of_html(caller: Caller, function: str) -> None:
    response = caller.call(function)
    assert response.status_code == 404
    assert response.content_type == "text/html; charset=UTF-8"
    assert response.text.startswith("<!DOCTYPE html>")


def test_other_methods_find_nothing(caller: Caller) -> None:
    assert caller.client.put(f"{PREFIX}/verify").status_code == 404


def test_a_function_that_only_the_real_one_has_says_so(caller: Caller) -> None:
    response = caller.call("addTreatmentNote")
    assert response.status_code == 501
    assert response.text == "The sandbox does not simulate addTreatmentNote.\n"


def test_keys_do_not_run_out(caller: Caller) -> None:
    caller.control("POST", "/expire_keys", {"office_id": "nookal-1"})
    assert caller.results("verify") == {"verify": True}
