"""2 AM at a practice: everything that is open is looked at once more, for a handful of calls."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.flows.practices import Practice
from writebacks.models import Writeback
from writebacks.tasks import catch_up

LIST, STATUS, READ = "GET /writebacks", "GET /writeback_status", "GET /appointments"
TWO = datetime.fromisoformat("2030-03-06T07:00:00+00:00")  # 2:00 in New York
TEN_PM = TWO - timedelta(hours=4)
#: When the practice's computer carries out what it was asked for: half a minute before two.
DONE = TWO - timedelta(seconds=30)


def book(practice: Practice, *numbers: int, failing: bool = False, never: bool = False) -> list:
    delay = 10**6 if never else int((DONE - practice.clock.now).total_seconds())
    practice.sandbox.control.knobs(delay=f"{delay}-{delay}", failures=1.0 if failing else 0.0)
    found = [practice.book(f"{each}", hour=9, days=60 + each, patient=each) for each in numbers]
    practice.sandbox.control.knobs(failures=0.0)
    return found


def take_back_in_the_pms(practice: Practice, reference: str) -> None:
    """Somebody withdraws a write past Frontdesk."""
    address, offer = urlsplit(practice.sandbox.url), practice.sandbox.credentials
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
    headers = {"App-Id": offer["app_id"], "App-Key": offer["app_key"]}
    connection.request("DELETE", f"{address.path}/writebacks?id={reference}", headers=headers)
    assert connection.getresponse().status == 200
    connection.close()


def statuses(writebacks: list[Writeback]) -> Counter[str]:
    mine = Writeback.objects.filter(pk__in=[each.pk for each in writebacks])
    return Counter(mine.values_list("status", flat=True))


def test_at_two_in_the_night_all_that_is_open_is_looked_at(practice: Practice) -> None:
    # Three of the morning that twenty checks could not confirm, and fifteen of the late evening.
    doubtful = book(practice, 0, 1, 2)
    practice.pass_until(TEN_PM)
    done = book(practice, *range(3, 12))
    still = book(practice, 12, 13, 14, never=True)
    failing = book(practice, 15, 16, failing=True)
    (gone,) = book(practice, 17, never=True)
    take_back_in_the_pms(practice, gone.external_id)

    practice.pass_until(TWO - timedelta(seconds=5))
    catch_up()
    assert statuses(doubtful) == {"unconfirmed": 3}
    assert statuses([*done, *still, *failing, gone]) == {"pending": 15}
    heard = len(practice.calls())
    assert heard < 18 + 150, "not one of them was asked for all the time"

    # 2:00:00. The plan asks 18 times; here one list answers for the fifteen and one for the three,
    # one read tells nine ids, and three are asked for alone: the two that failed, for the reason,
    # and the one that the list does not show.
    practice.clock.advance(5)
    catch_up()
    calls = practice.calls()[heard:]
    assert Counter(calls) == {LIST: 2, STATUS: 3, READ: 1}
    assert statuses([*doubtful, *done]) == {"completed": 12}
    assert statuses(failing) == {"failed": 2}
    assert {practice.see(each)["failure_code"] for each in failing} == {"pms_failed"}
    assert all(practice.see(each)["error_message"] for each in failing)
    # The plan ends the one that is not found; that the PMS does not show it decides nothing.
    assert statuses([*still, gone]) == {"pending": 4}

    # Once a night, whoever asks again.
    later = Writeback.objects.get(pk=still[0].pk).due_at
    for _ in range(6):
        practice.clock.advance(300)
        catch_up()
    assert len(practice.calls()) == heard + 6
    assert Writeback.objects.get(pk=still[0].pk).due_at == later

    # By the morning the other three ids are read, too, and the PMS has just what we say.
    practice.pass_until(TWO + timedelta(hours=3))
    completed = Writeback.objects.filter(status="completed")
    ids = sorted(completed.values_list("created_external_id", flat=True))
    assert ids == sorted(made["appointment_sr_no"] for made in practice.in_pms())
    assert len(ids) == 12
    assert practice.calls().count("POST /appointment") == 18
