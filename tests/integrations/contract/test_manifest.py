"""What every manifest must say, and that it says what its adapter does."""

from __future__ import annotations

import re
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

from integrations import registry
from integrations.contract import Adapter, Manifest, Priority, Scope
from integrations.quality import DONE, Rule
from integrations.queries import Ability, Resource
from tests.integrations.contract.practices import WAYS, Practice

OPERATIONS = {
    "book",
    "reschedule",
    "cancel",
    "set_status",
    "create_patient",
    "update_patient",
    "add_note",
    "record_payment",
}
#: A rule that is done, and what the manifest then has to name.
SEARCHES = {Ability.SEARCH_BY_PHONE, Ability.SEARCH_BY_EMAIL, Ability.SEARCH_BY_NAME}
MOVING = (Resource.PATIENTS, Resource.APPOINTMENTS)


@pytest.fixture
def manifest(pms: str) -> Manifest:
    return registry.manifest(pms)


def test_it_goes_by_the_name_that_it_is_registered_under(pms: str, manifest: Manifest) -> None:
    assert manifest.name == pms
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,29}", pms)
    assert manifest.title.strip()


def test_every_rule_has_a_standing_and_what_is_not_done_says_why(manifest: Manifest) -> None:
    assert set(manifest.quality) == set(Rule)
    for rule, standing in manifest.quality.items():
        assert standing.kind in {"done", "todo", "exempt"}, rule
        assert bool(standing.reason) is (standing != DONE), rule


def test_its_limits_leave_something_to_background_work_and_to_people(manifest: Manifest) -> None:
    assert any(limit.scope is Scope.INTEGRATION for limit in manifest.limits)
    for limit in manifest.limits:
        assert 1 <= limit.seconds <= 86_400
        assert 0 < limit.ceiling(Priority.LOW) <= limit.ceiling(Priority.HIGH) == limit.calls
        assert limit.calls / limit.seconds < 100, "no PMS takes a hundred calls a second"


def test_its_numbers_are_possible(manifest: Manifest) -> None:
    assert timedelta(days=1) <= manifest.look_back <= timedelta(days=90)
    assert 1 <= manifest.page_size <= 10_000
    for resource, changes in manifest.lists.items():
        assert timedelta() <= changes.overlap <= timedelta(days=2), resource
        assert changes.told or not changes.removals, "what is removed is told with the changes"
        assert changes.told or changes.furthest is None
        assert changes.furthest is None or changes.furthest > changes.overlap
        assert changes.covers is None or (resource is Resource.APPOINTMENTS)
        assert changes.covers is None or min(changes.covers) > 30
        assert not changes.needs_window or resource is Resource.APPOINTMENTS
    for resource, minutes in manifest.usual_minutes.items():
        assert resource in manifest.lists
        assert minutes >= 5


def test_it_has_what_a_clinic_is_made_of(manifest: Manifest) -> None:
    assert {Resource.LOCATIONS, *MOVING} <= set(manifest.lists)
    assert manifest.operations <= OPERATIONS
    assert manifest.per_system <= manifest.operations


def test_what_is_done_is_also_offered(manifest: Manifest) -> None:
    def done(rule: Rule) -> bool:
        return manifest.quality[rule] == DONE

    told = [manifest.lists[resource] for resource in MOVING]
    assert done(Rule.TELLS_CHANGES) is all(each.told for each in told)
    assert done(Rule.TELLS_REMOVALS) is all(each.removals for each in told)
    assert done(Rule.FREE_TIMES) is (Ability.FREE_TIMES in manifest.abilities)
    assert done(Rule.SEARCH) is bool(SEARCHES & manifest.abilities)
    assert done(Rule.BOOKS) is ({"book", "reschedule", "cancel"} <= manifest.operations)
    assert done(Rule.PATIENTS) is ({"create_patient", "update_patient"} <= manifest.operations)


def test_each_field_of_the_credential_can_be_asked_for(manifest: Manifest) -> None:
    names = [field.name for field in manifest.credential]
    assert names
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert all(field.label.strip() for field in manifest.credential)
    assert any(field.is_secret for field in manifest.credential)


def test_the_credential_that_it_asks_for_is_enough(practice: Practice) -> None:
    asked_for = {field.name for field in practice.manifest.credential}
    assert set(practice.credential) <= asked_for
    assert practice.adapter().verify().id


def test_it_answers_to_all_that_may_be_asked(practice: Practice) -> None:
    asked = {name for name in dir(Adapter) if not name.startswith("_")}
    assert {"page", "verify", "find", "operations"} <= asked
    assert [name for name in sorted(asked) if not hasattr(practice.adapter(), name)] == []


def test_an_address_is_known_or_asked_for(practice: Practice) -> None:
    address = registry.base_url(practice.pms, practice.credential)
    assert address == "" or re.fullmatch(r"https://[a-z0-9.-]+(/[a-z0-9./-]*)?", address)


def test_what_is_peculiar_is_written_down(pms: str) -> None:
    folder = Path(str(import_module(registry.ADAPTERS[pms]).__file__)).parent
    assert (folder / "README.md").read_text().strip()


def test_each_way_into_the_sandbox_is_of_a_pms_that_there_is() -> None:
    assert set(WAYS) <= set(registry.ADAPTERS)
