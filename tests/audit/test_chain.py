"""The chain of seals: each entry in one seal, and whatever is altered afterwards is named."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import chain, entries, verify
from audit.chain import Note
from audit.models import Action, Entry, Pending, Seal, Subject
from audit.tasks import seal
from clinics.models import Clinic, Patient
from config.embedded.layout import WEB_ROLE
from tenancy.scope import NOTHING, Scope, everywhere, within
from tests import make
from tests.audit.conftest import by_hand, findings, write

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Six entries in three seals; their ids."""
    seal()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_seals")
        assert cursor.fetchone() == (0,)
    monkeypatch.setattr(chain, "BATCH", 2)
    ids = write(6)
    assert chain.seal(timezone.now()) == 6
    assert [each.entry_ids for each in Seal.objects.all()] == [ids[:2], ids[2:4], ids[4:]]
    return ids


def test_each_seal_holds_the_hash_of_the_one_before(sealed: list[int]) -> None:
    seals = list(Seal.objects.all())
    assert [each.number for each in seals] == [1, 2, 3]
    assert bytes(seals[0].previous) == bytes(32)
    for before, after in pairwise(seals):
        assert bytes(after.previous) == bytes(before.hash)
    assert not Pending.objects.exists()
    assert findings() == []


def test_nothing_that_waits_is_no_seal(sealed: list[int]) -> None:
    assert chain.seal(timezone.now()) == 0
    assert Seal.objects.count() == 3


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "organization_id = gen_random_uuid()",
        "action = 'list'",
        "record_type = 'writeback'",
        "record_ids = '{1}'",
        "patient_ids = ARRAY[gen_random_uuid()]",
        "fields = '{phone}'",
        "user_id = 1",
        "key_id = 'k'",
        "membership_id = 1",
        "role = 'staff'",
        "address = '192.0.2.1'",
        "details = '{}'",
    ],
)
def test_an_entry_of_which_anything_is_altered_is_named(sealed: list[int], change: str) -> None:
    by_hand(f"UPDATE audit_entries SET {change} WHERE id = %s", sealed[2])  # noqa: S608
    assert findings() == [f"Entry {sealed[2]} was altered since seal 2."]


def test_every_column_of_an_entry_is_in_its_digest() -> None:
    for field in Entry._meta.get_fields():
        assert f"{field.name}" in chain.DIGEST


def test_a_deleted_entry_is_named(sealed: list[int]) -> None:
    by_hand("DELETE FROM audit_entries WHERE id = ANY(%s)", sealed[3:5])
    assert findings() == [
        f"Entry {sealed[3]} is missing; seal 2 holds it.",
        f"Entry {sealed[4]} is missing; seal 3 holds it.",
    ]


def test_an_entry_that_was_gone_before_its_seal_is_named_then_and_when_it_is_back() -> None:
    (entry_id,) = write()
    by_hand("CREATE TEMP TABLE aside ON COMMIT DROP AS TABLE audit_entries")
    by_hand("DELETE FROM audit_entries WHERE id = %s", entry_id)
    assert chain.seal(timezone.now()) == 1
    assert findings() == [f"Entry {entry_id} is missing; seal 1 holds it."]
    by_hand("INSERT INTO audit_entries SELECT * FROM aside")
    assert findings() == [f"Entry {entry_id} was gone when seal 1 was made, and is there now."]


def test_entries_that_were_put_in_by_hand_are_named(sealed: list[int]) -> None:
    by_hand(
        "INSERT INTO audit_entries SELECT id + 1000, at, organization_id, user_id, membership_id, "
        "action, record_type, record_ids, patient_ids, fields, key_id, role, address, details "
        "FROM audit_entries WHERE id IN (%s, %s)",
        sealed[0],
        sealed[1],
    )
    first, last = sealed[0] + 1000, sealed[1] + 1000
    assert findings() == [
        f"Entries {first} to {last} are in no seal and not waiting for one: "
        "put in or taken out by hand."
    ]


def test_an_entry_that_is_taken_out_of_the_queue_is_named() -> None:
    (entry_id,) = write()
    assert findings() == []
    Pending.objects.all().delete()
    assert findings() == [
        f"Entry {entry_id} is in no seal and not waiting for one: put in or taken out by hand."
    ]


def test_an_entry_that_nobody_seals_for_an_hour_is_named() -> None:
    (entry_id,) = write()
    assert findings(timezone.now() + HOUR - timedelta(minutes=1)) == []
    assert findings(timezone.now() + HOUR + timedelta(minutes=1)) == [
        f"Entry {entry_id} is waiting for a seal for more than an hour: does beat run?"
    ]


def test_nobody_writes_an_entry_of_another_time(sealed: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_entries (at, action, record_type, record_ids, patient_ids, fields, "
            "key_id, role, address, details) VALUES "
            "('2001-01-01', 'view', 'patient', '{}', '{}', '{}', '', '', '', '{}')"
        )
    newest = Entry.objects.order_by("-pk")[0]
    assert timezone.now() - newest.at < timedelta(minutes=1)


def test_a_removed_seal_is_named(sealed: list[int]) -> None:
    by_hand("DELETE FROM audit_seals WHERE number = 2")
    first, last = sealed[2:4]
    assert findings() == [
        "Seal 2 is missing.",
        f"Entries {first} to {last} are in no seal and not waiting for one: "
        "put in or taken out by hand.",
    ]


@pytest.mark.parametrize(
    "change",
    ["made_at = made_at - interval '1 day'", "entry_ids = entry_ids[2:] || entry_ids[1:1]"],
)
def test_an_altered_seal_is_named(sealed: list[int], change: str) -> None:
    by_hand(f"UPDATE audit_seals SET {change} WHERE number = 2")  # noqa: S608
    assert findings()[0] == "Seal 2 was altered: its hash is not that of its content."


def test_an_entry_and_its_seal_that_were_altered_together_break_the_chain(
    sealed: list[int],
) -> None:
    by_hand("UPDATE audit_entries SET user_id = 1 WHERE id = %s", sealed[2])
    altered = Seal.objects.get(number=2)
    there = chain.digests(altered.entry_ids)
    joined = b"".join(there[entry_id] for entry_id in altered.entry_ids)
    text = altered.made_at.strftime(chain.MADE_AT)
    forged = chain.seal_hash(2, text, altered.entry_ids, joined, bytes(altered.previous))
    by_hand("UPDATE audit_seals SET digests = %s, hash = %s WHERE number = 2", joined, forged)
    assert findings() == ["Seal 3 does not follow from the one before it."]


def test_a_seal_without_a_digest_for_each_entry_is_named(sealed: list[int]) -> None:
    by_hand("UPDATE audit_seals SET digests = '' WHERE number = 1")
    by_hand("UPDATE audit_seals SET entry_ids = ARRAY[NULL, 1] WHERE number = 3")
    named = findings()
    for number in (1, 3):
        assert f"Seal {number} was altered: it has not one digest for each entry." in named


def test_an_end_that_was_cut_off_is_found_by_the_note_of_it(sealed: list[int]) -> None:
    with everywhere():
        kept = verify.last_seal()
    assert kept is not None
    assert kept.number == 3
    by_hand("DELETE FROM audit_entries WHERE id = ANY(%s)", sealed[4:])
    by_hand("DELETE FROM audit_seals WHERE number = 3")
    assert findings() == [], "nothing that is there tells of what was there"
    assert findings(expect=kept) == ["Seal 3, which was noted, is missing: the last one is 2."]
    write()
    chain.seal(timezone.now())
    again = bytes(Seal.objects.get(number=3).hash).hex()
    assert findings(expect=kept) == [f"Seal 3 has another hash than was noted: {again}."]
    assert findings(expect=Note(3, again)) == []


@pytest.mark.parametrize("table", ["audit_entries", "audit_subjects", "audit_seals"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_audit_is_only_ever_added_to(sealed: list[int], table: str, statement: str) -> None:
    columns = {"audit_entries": "id", "audit_subjects": "entry_id", "audit_seals": "number"}
    column = columns[table]
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER never_emptied")
        with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
            cursor.execute(statement.format(table, column, column))
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER never_emptied")


def test_anybody_may_add_an_entry_and_nobody_sees_it_out_of_scope() -> None:
    with within(NOTHING):
        entries.write(Action.LOGIN, "user", record_ids=[1], user_id=1)
        assert not Entry.objects.exists()
    assert Entry.objects.get().user_id == 1


def test_the_webs_role_can_write_and_seal_and_no_more(clinic: Clinic) -> None:
    with (
        connection.cursor() as cursor,
        within(Scope(organizations=frozenset([clinic.organization_id]))),
    ):
        cursor.execute(f"SET LOCAL ROLE {WEB_ROLE}")
        (entry_id,) = write_in(clinic)
        assert chain.seal(timezone.now()) >= 1
        assert findings() == []
        for statement in ("DISABLE TRIGGER ALL", "NO FORCE ROW LEVEL SECURITY"):
            with pytest.raises(DatabaseError, match="must be owner"), transaction.atomic():
                cursor.execute(f"ALTER TABLE audit_entries {statement}")
        cursor.execute("RESET ROLE")
    assert entry_id in Seal.objects.get().entry_ids


def write_in(clinic: Clinic) -> list[int]:
    """Change the clinic's organization's records as whoever is at work; return the entry's id."""
    patient = make.record(Patient, clinic)
    return list(Subject.objects.filter(patient_ids=[patient.pk]).values_list("entry_id", flat=True))
