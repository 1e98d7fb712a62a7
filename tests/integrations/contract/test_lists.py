"""Every list of every PMS is read to its end, a page a call, and is what there is in truth."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from clinics.records import PmsRecord
from integrations.contract import Scope
from integrations.http.errors import BudgetExhausted
from integrations.queries import Feed, Page, Resource
from tests.integrations import lists
from tests.integrations.contract.practices import Practice, in_words_of_truth, of_truth


def read(practice: Practice, resource: Resource) -> list[Page]:
    return list(lists.pages(practice.adapter(), practice.feed(resource), practice.now))


def test_the_lists_are_those_of_the_manifest(practice: Practice) -> None:
    adapter = practice.adapter()
    assert adapter.lists == practice.manifest.lists
    assert adapter.abilities == practice.manifest.abilities
    assert adapter.operations == practice.manifest.operations
    assert adapter.manifest is practice.manifest


@pytest.mark.parametrize("resource", [Resource.PATIENTS, Resource.APPOINTMENTS])
def test_a_full_pass_brings_what_there_is_in_truth(practice: Practice, resource: Resource) -> None:
    found = practice.read(resource)
    truth = practice.truth[resource]
    assert len(truth) > 100
    assert in_words_of_truth(found) == of_truth(truth)


def test_every_record_of_every_list_can_be_kept(practice: Practice) -> None:
    for resource in practice.manifest.lists:
        found = practice.read(resource)
        assert found, resource
        assert all(isinstance(record, PmsRecord) for record in found), resource
        ids = [record.external_id for record in found]
        assert len(set(ids)) == len(ids), f"{resource}: an id names one record"


def test_appointments_name_what_the_other_lists_have(practice: Practice) -> None:
    ids = {
        resource: {record.external_id for record in practice.read(resource)}
        for resource in practice.manifest.lists
    }
    for record in practice.read(Resource.APPOINTMENTS):
        assert record.patient_id in ids[Resource.PATIENTS]
        assert record.practitioner_id in ids[Resource.PRACTITIONERS]
        assert record.location_id in ids[Resource.LOCATIONS]
        for resource, id in (
            (Resource.OPERATORIES, record.operatory_id),
            (Resource.APPOINTMENT_TYPES, record.appointment_type_id),
        ):
            assert not id or id in ids[resource], "what has no list is not named"


def test_times_are_aware_and_each_site_has_its_zone(practice: Practice) -> None:
    for zone in practice.zones().values():
        ZoneInfo(zone)
    for record in [*practice.read(Resource.APPOINTMENTS), *practice.read(Resource.PATIENTS)]:
        times = [record.made_at, record.changed_at]
        if record.external_id and hasattr(record, "starts_at"):
            times += [record.starts_at, record.ends_at, record.cancelled_at]
            assert record.starts_at < record.ends_at
            assert record.cancelled_at is None or record.status == "cancelled"
        assert all(each is None or each.tzinfo is not None for each in times)


def test_a_page_is_one_call_and_not_longer_than_it_may_be(practice: Practice) -> None:
    practice.keys.current()
    for resource in practice.manifest.lists:
        feed, adapter, before = practice.feed(resource), practice.adapter(), practice.calls
        for number, page in enumerate(lists.pages(adapter, feed, practice.now), start=1):
            assert practice.calls - before == number, resource
            assert len(page.records) <= practice.manifest.page_size


def test_pages_are_as_long_as_the_pms_allows(practice: Practice) -> None:
    size = practice.manifest.page_size
    for resource in (Resource.PATIENTS, Resource.APPOINTMENTS):
        found = read(practice, resource)
        count = sum(len(page.records) for page in found)
        # One more where a list has two parts, and one for an end that only an empty page tells.
        assert len(found) <= -(-count // size) + 2, resource


def test_a_position_is_good_in_another_process(practice: Practice) -> None:
    feed = practice.feed(Resource.APPOINTMENTS)
    position, found = "", []
    for _ in range(lists.MOST_PAGES):
        page = practice.adapter().page(feed, position, practice.now)
        found += page.records
        position = page.next
        assert isinstance(position, str)
        assert len(position) <= 1000
        practice.later(minutes=5)
        if not position:
            break
    assert in_words_of_truth(found) == of_truth(practice.truth["appointments"])


def test_no_position_holds_anything_of_a_patient(practice: Practice) -> None:
    truth = practice.truth["patients"].values()
    secrets = {each[name] for each in truth for name in ("last_name", "email", "phone")} - {""}
    for resource in practice.manifest.lists:
        for page in read(practice, resource):
            assert [secret for secret in secrets if secret in page.next] == []


def test_a_window_brings_the_days_asked_for_and_no_others(practice: Practice) -> None:
    first, last = practice.days(2), practice.days(8)
    found = practice.read(Resource.APPOINTMENTS, first=first, last=last)
    zones = practice.zones()
    assert found
    truth = of_truth(practice.truth["appointments"])
    expected = {
        id
        for id, each in truth.items()
        if first
        <= each["starts_at"].astimezone(ZoneInfo(zones[each["location_id"]])).date()
        <= last
    }
    assert {record.external_id for record in found} == expected


def test_where_nothing_is_left_to_spend_nothing_is_sent(practice: Practice) -> None:
    adapter, feed = practice.adapter(), practice.feed(Resource.PATIENTS)
    practice.keys.current()
    before = practice.calls

    def used_up(scopes: Sequence[Scope]) -> None:
        raise BudgetExhausted("All used.")

    practice.spend = used_up
    with pytest.raises(BudgetExhausted):
        adapter.page(feed, "", practice.now)
    assert practice.calls == before


def test_a_budget_that_ends_between_two_pages_loses_none(practice: Practice) -> None:
    feed = practice.feed(Resource.APPOINTMENTS)
    practice.keys.current()
    adapter, left = practice.adapter(), [1]

    def one_call(scopes: Sequence[Scope]) -> None:
        if not left:
            raise BudgetExhausted("All used.")
        left.pop()

    practice.spend = one_call
    first = adapter.page(feed, "", practice.now)
    found = list(first.records)
    if first.next:
        with pytest.raises(BudgetExhausted):
            adapter.page(feed, first.next, practice.now)
    practice.spend = lambda scopes: None
    if first.next:
        for page in lists.pages(practice.adapter(), feed, practice.now, first.next):
            found += page.records
    assert in_words_of_truth(found) == of_truth(practice.truth["appointments"])


def test_reading_spends_for_the_practice_only_what_its_manifest_limits(
    practice: Practice,
) -> None:
    scopes: set[Scope] = set()
    practice.spend = scopes.update
    for resource in practice.manifest.lists:
        practice.read(resource)
    assert scopes <= {limit.scope for limit in practice.manifest.limits}
    assert scopes


def test_no_identifier_of_a_patient_is_in_the_log_of_calls(practice: Practice) -> None:
    for resource in practice.manifest.lists:
        practice.read(resource)
    ids = set(practice.truth["patients"])
    for attempt in practice.guard.attempts:
        assert not ids & set(attempt.path.split("/"))
        assert "?" not in attempt.path


def test_a_site_of_which_no_zone_is_known_stops_no_list(practice: Practice) -> None:
    feed = Feed(resource=Resource.APPOINTMENTS)
    found = [
        record
        for page in lists.pages(practice.adapter(), feed, practice.now)
        for record in page.records
    ]
    truth = of_truth(practice.truth["appointments"])
    assert {record.external_id for record in found} == set(truth), "none vanishes for its zone"
    read = [record for record in found if isinstance(record, PmsRecord)]
    for id, words in in_words_of_truth(read).items():
        assert words["starts_at"] == truth[id]["starts_at"], "nor is a zone made up"
