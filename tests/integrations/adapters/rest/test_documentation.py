"""The examples of docs/rest.md are descriptions, and do what the page says."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from clinics.records import AppointmentRecord, PatientRecord, Removed
from integrations.adapters.rest.field_options import RECORD_FIELDS
from integrations.adapters.rest.fields import FORMATS
from integrations.adapters.rest.parsing import CODES, STYLES
from integrations.adapters.rest.write_options import BODY_FIELDS
from integrations.commands import BookAppointment
from integrations.contract import Receipt, State
from integrations.queries import Account, Feed, Resource
from tests.integrations.adapters.rest.conftest import Service, read

PAGE = Path("docs/rest.md").read_text()
SMALL, WORKED = (json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
BERLIN = ZoneInfo("Europe/Berlin")
CUSTOMER = {
    "no": 5,
    "name": {"given": "Ada", "family": "Invented"},
    "born": "17.05.1990",
    "contacts": [{"value": "+49 30 901820"}],
    "state": "active",
    "modified": "2030-03-05T15:00:00Z",
}
BOOKING = {
    "no": 7,
    "customer": {"href": "/v2/customers/5"},
    "with": 101,
    "branch": 11,
    "day": "2030-03-06",
    "from": "09:00",
    "length": 30,
    "state": "BOOKED",
}


def rows(*items: Any, cursor: str | None = None) -> dict[str, Any]:
    return {"result": {"rows": list(items), "cursor": cursor}}


def test_the_small_example_has_one_site_and_two_lists(service: Service) -> None:
    rest = service.rest(SMALL)
    assert set(rest.lists) == {Resource.LOCATIONS, Resource.PATIENTS, Resource.APPOINTMENTS}
    (site,) = read(rest, Feed(resource=Resource.LOCATIONS))
    assert (site.name, site.timezone) == ("Main Street", "Australia/Sydney")
    assert service.requests == []


def test_the_worked_example_reads_what_the_page_shows(service: Service) -> None:
    rest = service.rest(WORKED)
    service.answers("GET", "/v2/customers", rows(CUSTOMER, cursor="b2Zmc2V0"))
    service.answers(
        "GET",
        "/v2/customers",
        rows(CUSTOMER | {"no": 6, "replaced_by": {"href": "/v2/customers/5"}}),
    )
    ada, merged = read(rest, Feed(resource=Resource.PATIENTS))
    assert ada == PatientRecord(
        external_id="5",
        changed_at=datetime(2030, 3, 5, 15, 0, tzinfo=UTC),
        first_name="Ada",
        last_name="Invented",
        birth_date=date(1990, 5, 17),
        email="",
        phone="+49 30 901820",
        is_active=True,
    )
    assert merged == Removed(external_id="6", merged_into="5")
    assert service.params() == {"sort": "no", "max": "200", "cursor": "b2Zmc2V0"}
    assert service.requests[0].headers["X-Key"] == "the-token"
    service.answers("GET", "/v2/bookings", rows(BOOKING))
    (visit,) = read(rest, Feed(resource=Resource.APPOINTMENTS))
    assert isinstance(visit, AppointmentRecord)
    assert (visit.patient_id, visit.practitioner_id, visit.status) == ("5", "101", "booked")
    assert visit.starts_at == datetime(2030, 3, 6, 8, 0, tzinfo=UTC)
    service.answers("GET", "/v2/me", {"no": 3, "company": "Praxis"})
    assert rest.verify() == Account(id="3", name="Praxis")


def test_the_worked_example_books_as_the_page_says(service: Service) -> None:
    rest = service.rest(WORKED)
    prepared = rest.prepare(
        BookAppointment(
            patient_id="5",
            practitioner_id="101",
            operatory_id="",
            location_id="11",
            starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=BERLIN),
            ends_at=datetime(2030, 3, 6, 9, 30, tzinfo=BERLIN),
            description="",
        )
    )
    assert prepared.body == {
        "source": "frontdesk",
        "customer_no": 5,
        "with": 101,
        "branch": 11,
        "day": "2030-03-06",
        "from": "09:00:00",
        "length": 30,
    }
    service.answers("POST", "/v2/bookings", BOOKING, 201)
    assert rest.submit(prepared) == Receipt(
        reference="book 7", state=State.COMPLETED, created_id="7"
    )


def test_the_page_names_every_word_that_options_know() -> None:
    words = {
        *(name for fields in RECORD_FIELDS.values() for name in fields),
        *(each.value for each in Resource),
        *(form for kind, forms in FORMATS.items() for form in forms if len(forms) > 1),
        *BODY_FIELDS,
        *CODES,
        *STYLES,
    }
    assert {word for word in words if f"`{word}`" not in PAGE} == set()
