"""Free times: their frame, what takes them, and what is not open to online booking at all."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from .caller import Caller

FRAME = "Invalid time frame definition. Please check from/to param limitations."
TUESDAY = {"from": "2026-03-10", "to": "2026-03-10"}


class Clinic:
    """Asks for the free times of one practitioner."""

    def __init__(self, caller: Caller, office: str, practitioner: int, business: int = 0) -> None:
        self.caller, self.office = caller, office
        self.practitioner = caller.ids("practitioners", office=office)[practitioner]
        self.business = caller.ids("businesses", office=office)[business]
        self.types = caller.ids("appointment_types", office=office)
        self.zone = ZoneInfo(
            caller.get(f"/businesses/{self.business}", office=office)["time_zone_identifier"]
        )

    def path(self, kind: int = 1, what: str = "available_times") -> str:
        return (
            f"/businesses/{self.business}/practitioners/{self.practitioner}"
            f"/appointment_types/{self.types[kind]}/{what}"
        )

    def times(self, kind: int = 1, **query: str) -> list[str]:
        """Return the free times of a day or more on the site's wall clock."""
        found: list[str] = []
        answer = self.caller.get(self.path(kind), office=self.office, per_page=100, **query)
        page = 1
        while True:
            found += [item["appointment_start"] for item in answer["available_times"]]
            if "next" not in answer["links"]:
                break
            page += 1
            answer = self.caller.get(
                self.path(kind), office=self.office, per_page=100, page=page, **query
            )
        assert len(found) == answer["total_entries"]
        assert found == sorted(found)
        local = (datetime.fromisoformat(start).astimezone(self.zone) for start in found)
        return [f"{start:%a %H:%M}" for start in local]

    def free_all_day(self) -> None:
        """Cancel all that the practitioner has."""
        q = f"practitioner_id:={self.practitioner}"
        for id in self.caller.ids("individual_appointments", q=q, office=self.office):
            self.caller.change("appointment", "cancel", id, office=self.office)


@pytest.fixture
def clinic(caller: Caller) -> Clinic:
    found = Clinic(caller, "cliniko-1", 0)
    found.free_all_day()
    return found


def test_a_day_has_times_in_steps_within_the_working_hours(clinic: Clinic) -> None:
    times = clinic.times(**TUESDAY)
    assert times[:2] == ["Tue 09:00", "Tue 09:15"]
    # A half-hour visit ends before the break and before the evening.
    assert times[times.index("Tue 12:00") + 1] == "Tue 13:15"
    assert times[-1] == "Tue 17:00"
    assert clinic.times(kind=0, **TUESDAY)[-1] == "Tue 16:30"


def test_what_is_booked_is_not_free_and_what_is_cancelled_is_again(
    caller: Caller, clinic: Clinic
) -> None:
    before = clinic.times(**TUESDAY)
    made = caller.book(
        starts_at="2026-03-09T23:00:00Z",  # 10:00 in Sydney
        practitioner_id=clinic.practitioner,
        appointment_type_id=clinic.types[1],
    )
    gone = {"Tue 09:45", "Tue 10:00", "Tue 10:15"}
    assert set(before) - set(clinic.times(**TUESDAY)) == gone
    caller.done(
        "PATCH", f"/individual_appointments/{made['id']}/cancel", json={"cancellation_reason": 50}
    )
    assert clinic.times(**TUESDAY) == before


def test_a_second_site_has_its_own_days_and_clock(caller: Caller) -> None:
    first, second = Clinic(caller, "cliniko-1", 1), Clinic(caller, "cliniko-1", 1, business=1)
    week = {"from": "2026-03-09", "to": "2026-03-15"}
    days = [{time[:3] for time in site.times(**week)} for site in (first, second)]
    assert days == [{"Mon", "Wed", "Fri"}, {"Tue", "Thu"}]
    assert second.times(**week)[0].endswith(":00")


def test_dates_are_the_accounts(clinic: Clinic) -> None:
    """In Sydney it is Tuesday, the 3rd, though in UTC still Monday."""
    assert clinic.caller.complaint(clinic.path(), **{"from": "2026-03-02", "to": "2026-03-03"})
    assert {time[:3] for time in clinic.times(**{"from": "2026-03-03", "to": "2026-03-03"})} == {
        "Tue"
    }


def test_hours_stay_on_the_wall_clock_when_the_clock_changes(caller: Caller) -> None:
    london = Clinic(caller, "cliniko-2", 0)
    london.free_all_day()
    frame = {"from": "2026-03-27", "to": "2026-03-30"}  # summer time begins on the 29th
    answer = caller.get(london.path(), office="cliniko-2", per_page=100, **frame)
    starts = [item["appointment_start"] for item in answer["available_times"]]
    assert starts[0] == "2026-03-27T09:00:00Z"
    assert min(start for start in starts if start > "2026-03-30") == "2026-03-30T08:00:00Z"
    assert london.times(**frame)[0] == "Fri 09:00"
    assert "Mon 09:00" in london.times(**frame)


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"from": "2026-03-10"},
        {"to": "2026-03-10"},
        {"from": "2026-03-10", "to": "2026-03-17"},
        {"from": "2026-03-10", "to": "2026-03-09"},
        {"from": "2026-02-01", "to": "2026-02-03"},
        {"from": "10/03/2026", "to": "10/03/2026"},
        {"from": "2026-03-10T00:00:00Z", "to": "2026-03-10T00:00:00Z"},
    ],
)
def test_a_wrong_time_frame_has_one_text(
    caller: Caller, clinic: Clinic, frame: dict[str, str]
) -> None:
    assert caller.complaint(clinic.path(), **frame) == FRAME
    assert caller.complaint(clinic.path(what="next_available_time"), **frame) == FRAME


def test_six_days_between_the_dates_are_the_most(caller: Caller, clinic: Clinic) -> None:
    days = {time[:3] for time in clinic.times(**{"from": "2026-03-10", "to": "2026-03-16"})}
    assert days == {"Tue", "Wed", "Thu", "Fri", "Sat", "Mon"}


def test_times_begin_after_the_lead_of_the_account_and_of_the_type(
    caller: Caller, clinic: Clinic
) -> None:
    day = {"from": "2026-03-03", "to": "2026-03-04"}
    caller.clock.advance(7.5 * 3600)  # to 09:30 in Sydney
    assert clinic.times(kind=1, **day)[0] == "Tue 11:30"
    assert clinic.times(kind=2, **day)[0] == "Wed 09:30"


def test_times_end_with_the_days_in_advance(clinic: Clinic) -> None:
    last = date(2026, 3, 3) + timedelta(days=90)
    frame = {"from": str(last - timedelta(days=3)), "to": str(last + timedelta(days=3))}
    assert {time[:3] for time in clinic.times(**frame)} == {"Fri", "Sat", "Mon"}
    after = {"from": str(last + timedelta(days=1)), "to": str(last + timedelta(days=2))}
    assert clinic.times(**after) == []


def test_what_is_not_open_to_online_booking_is_a_404_without_a_body(
    caller: Caller, clinic: Clinic
) -> None:
    offline = Clinic(caller, "cliniko-1", 3)
    home = Clinic(caller, "cliniko-2", 0, business=1)
    elsewhere = Clinic(caller, "cliniko-1", 0, business=1)
    assert offline.practitioner in caller.ids("practitioners", q="show_in_online_bookings:=false")
    for place, kind in ((clinic, 3), (offline, 1), (home, 1), (elsewhere, 1)):
        answer = caller.call("GET", place.path(kind), office=place.office, **TUESDAY)
        assert (answer.status_code, answer.text) == (404, "")


def test_the_next_time_is_the_first_of_the_frame(caller: Caller, clinic: Clinic) -> None:
    path = clinic.path(what="next_available_time")
    found = caller.get(path, **TUESDAY)
    assert found["appointment_start"] == "2026-03-09T22:00:00Z"
    sunday = caller.get(path, **{"from": "2026-03-08", "to": "2026-03-08"})
    assert (sunday["appointment_start"], sunday["total_entries"]) == (None, 0)
