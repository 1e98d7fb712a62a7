"""Whatever a practice's own people do is told by what changed, as far as the manifest promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinics.records import AppointmentRecord, PatientRecord, Removed
from integrations.quality import Rule
from integrations.queries import Resource
from integrations.sandbox import ControlRefused
from tests.integrations.contract.practices import Practice, in_words_of_truth, of_truth

PATIENTS, APPOINTMENTS = Resource.PATIENTS, Resource.APPOINTMENTS


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest) -> None:
    practice = request.getfixturevalue("practice")
    practice.skip_unless(Rule.TELLS_CHANGES)


def told_of(practice: Practice, resource: Resource, id: str, since: Any) -> Any:
    """Return the last that is told of a record since a moment; None for nothing."""
    found = [each for each in practice.changed(resource, since) if each.external_id == id]
    return found[-1] if found else None


def coming(practice: Practice, number: int = 0) -> str:
    """Return an appointment of the next days that stands."""
    truth = of_truth(practice.truth["appointments"])
    ahead = sorted(
        (each["starts_at"], id)
        for id, each in truth.items()
        if each["starts_at"] > practice.now and each["status"] == "booked"
    )
    return ahead[number][1]


def active(practice: Practice, number: int = 0) -> str:
    return sorted(id for id, each in practice.truth["patients"].items() if each["is_active"])[
        number
    ]


def test_where_nothing_happened_little_is_told(practice: Practice) -> None:
    practice.later(days=3)
    for resource in (PATIENTS, APPOINTMENTS):
        changes = practice.adapter().lists[resource]
        since = practice.now - timedelta(hours=1) - changes.overlap
        assert practice.read(resource, changed_since=since) == []


def test_a_new_patient_and_their_first_appointment_are_told(practice: Practice) -> None:
    since = practice.now
    patient = practice.change("patient", "create", first_name="Ada", last_name="Invented")
    visit = practice.change("appointment", "create", patient_id=patient)

    new = told_of(practice, PATIENTS, patient, since)
    booked = told_of(practice, APPOINTMENTS, visit, since)
    assert isinstance(new, PatientRecord)
    assert (new.first_name, new.last_name) == ("Ada", "Invented")
    assert isinstance(booked, AppointmentRecord)
    assert (booked.patient_id, booked.status) == (patient, "booked")


def test_a_patients_new_name_is_told(practice: Practice) -> None:
    patient, since = active(practice), practice.now
    practice.change("patient", "update", patient, last_name="Renamed")
    told = told_of(practice, PATIENTS, patient, since)
    assert isinstance(told, PatientRecord)
    assert told.last_name == "Renamed"


def test_an_appointment_that_was_moved_far_ahead_is_told(practice: Practice) -> None:
    visit, since = coming(practice), practice.now
    starts_at = (practice.now + timedelta(days=28)).replace(minute=30)
    practice.change("appointment", "update", visit, starts_at=starts_at.isoformat())
    told = told_of(practice, APPOINTMENTS, visit, since)
    assert isinstance(told, AppointmentRecord)
    assert told.starts_at == starts_at


@pytest.mark.parametrize(
    ("action", "statuses"),
    [
        ("cancel", {"cancelled"}),
        ("no_show", {"noshow"}),
        # Some PMSs only know that the patient was there.
        ("complete", {"fulfilled", "arrived"}),
    ],
)
def test_what_became_of_an_appointment_is_told_with_what_it_is(
    practice: Practice, action: str, statuses: set[str]
) -> None:
    practice.skip_unless(Rule.TELLS_CANCELLATIONS)
    visit, since = coming(practice), practice.now
    practice.change("appointment", action, visit)
    told = told_of(practice, APPOINTMENTS, visit, since)
    assert isinstance(told, AppointmentRecord)
    assert told.status == practice.truth["appointments"][visit]["status"]
    assert told.status in statuses


def test_an_archived_patient_is_told_as_inactive_and_one_who_is_back_as_active(
    practice: Practice,
) -> None:
    patient, since = active(practice), practice.now
    practice.change("patient", "archive", patient)
    archived = told_of(practice, PATIENTS, patient, since)
    assert isinstance(archived, PatientRecord)
    assert not archived.is_active
    practice.change("patient", "unarchive", patient)
    back = told_of(practice, PATIENTS, patient, since)
    assert isinstance(back, PatientRecord)
    assert back.is_active


def removals(practice: Practice) -> dict[str, Callable[[], tuple[Resource, str]]]:
    """What takes a record away, by what is done."""

    def delete_patient() -> tuple[Resource, str]:
        return PATIENTS, practice.change("patient", "delete", active(practice))

    def merge() -> tuple[Resource, str]:
        id = active(practice)
        return PATIENTS, practice.change("patient", "merge", id, into=active(practice, 1))

    def delete() -> tuple[Resource, str]:
        return APPOINTMENTS, practice.change("appointment", "delete", coming(practice))

    def archive() -> tuple[Resource, str]:
        return APPOINTMENTS, practice.change("appointment", "archive", coming(practice))

    return {"delete patient": delete_patient, "merge": merge, "delete": delete, "archive": archive}


def test_what_was_removed_is_told_as_removed(practice: Practice) -> None:
    lists = practice.adapter().lists
    promised = {each for each in (PATIENTS, APPOINTMENTS) if lists[each].removals}
    if not promised:
        practice.skip_unless(Rule.TELLS_REMOVALS)
    checked = set()
    for what, carry_out in removals(practice).items():
        since = practice.now
        try:
            resource, id = carry_out()
        except ControlRefused:
            continue  # this PMS knows no such thing
        if resource in promised:
            assert isinstance(told_of(practice, resource, id, since), Removed), what
            checked.add(resource)
    assert checked == promised


def test_what_was_removed_is_in_no_full_pass(practice: Practice) -> None:
    gone = []
    for carry_out in removals(practice).values():
        try:
            gone.append(carry_out())
        except ControlRefused:
            continue
    assert gone
    for resource in (PATIENTS, APPOINTMENTS):
        found = in_words_of_truth(practice.read(resource))
        assert found == of_truth(practice.truth[resource])
        assert not {id for each, id in gone if each is resource} & set(found)


def test_a_copy_that_is_kept_by_changes_alone_is_the_truth(practice: Practice) -> None:
    changes = practice.adapter().lists
    told_all = all(
        changes[each].told and changes[each].removals and not changes[each].needs_window
        for each in (PATIENTS, APPOINTMENTS)
    )
    copies = {each: in_words_of_truth(practice.read(each)) for each in (PATIENTS, APPOINTMENTS)}
    for day in range(3):
        since = practice.now
        new = practice.change("patient", "create", last_name=f"Newcomer{day}")
        practice.change("patient", "update", active(practice, day + 5), email="new@example.org")
        practice.change("patient", "archive", active(practice, day + 10))
        practice.change("appointment", "create", patient_id=new)
        practice.change("appointment", "cancel", coming(practice, day))
        practice.change("appointment", "no_show", coming(practice, day + 1))
        if told_all:
            practice.change("appointment", "delete", coming(practice, day + 2))
            practice.change("patient", "delete", active(practice, day + 20))
        practice.later(hours=20)
        for resource, copy in copies.items():
            for record in practice.changed(resource, since):
                copy.pop(record.external_id, None)
                if not isinstance(record, Removed):
                    copy |= in_words_of_truth([record])
    for resource, copy in copies.items():
        assert copy == of_truth(practice.truth[resource])


def test_changes_are_told_from_as_far_back_as_is_promised(practice: Practice) -> None:
    patient, since = active(practice), practice.now
    practice.change("patient", "update", patient, last_name="Renamed")
    changes = practice.adapter().lists[PATIENTS]
    furthest = changes.furthest or timedelta(days=60)
    practice.later(seconds=(furthest - changes.overlap).total_seconds() - 300)
    practice.keys.value = ""
    told = told_of(practice, PATIENTS, patient, since)
    assert isinstance(told, PatientRecord)
    assert told.last_name == "Renamed"
