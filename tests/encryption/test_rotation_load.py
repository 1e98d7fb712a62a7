"""A rotation under load: no read fails, no write is lost, and the old key can go."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from django.db import connection

from clinics.models import Clinic, Patient
from encryption import keychecks
from encryption.keys import keyring
from encryption.models import KeyCheck
from tests import make
from tests.config.conftest import PROJECT
from tests.encryption.database import environment
from tests.encryption.rotating import new_id, run, under

#: Another process: it writes and reads its own rows until it is told to end, then tells what it
#: wrote last. It began with the old key alone.
OTHER = """
import django, json, sys, threading
django.setup()
from clinics.models import Patient
ids, stop = sys.argv[1].split(","), threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
count = 0
print("begun", flush=True)
while not stop.is_set():
    count += 1
    for pk in ids:
        assert Patient.objects.filter(pk=pk).update(phone=f"other {count}") == 1
    phones = {patient.phone for patient in Patient.objects.all()}
print(json.dumps([count, f"other {count}" in phones]), flush=True)
"""


@pytest.mark.django_db(transaction=True)
def test_under_load_no_read_fails_and_no_write_is_lost(
    key_file: Path, clinic: Clinic, tmp_path: Path
) -> None:
    KeyCheck.objects.all().delete()
    keychecks.confirm()
    people = [
        make.record(Patient, clinic, first_name="Ada", phone=f"start {n}") for n in range(120)
    ]
    stop, last = Event(), {each.pk: each.phone for each in people}
    counts = {"written": 0, "read": 0}

    def write(number: int) -> None:
        try:
            while not stop.is_set():
                for mine in people[number:100:2]:
                    counts["written"] += 1
                    mine.phone = f"{number} {counts['written']}"
                    mine.save(update_fields=["phone", "phone_index"])
                    last[mine.pk] = mine.phone
        finally:
            connection.close()

    def read() -> None:
        try:
            while not stop.is_set():
                names = [*Patient.objects.values_list("first_name", flat=True)]
                assert names == ["Ada"] * 120
                counts["read"] += 1
        finally:
            connection.close()

    theirs = people[100:110]  # nobody writes the last ten
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER, ",".join(str(each.pk) for each in theirs)],
        cwd=PROJECT,
        env=environment(ENCRYPTION_KEYS_FILE=str(key_file), FRONTDESK_VAR=str(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, ThreadPoolExecutor(3) as pool:
        try:
            assert process.stdout.readline() == "begun\n"
            work = [pool.submit(write, 0), pool.submit(write, 1), pool.submit(read)]
            time.sleep(0.5)
            before = dict(counts)
            run("--new")
            first = new_id()
            run("--retire", "old")
            assert min(counts[each] - before[each] for each in counts) > 0
        finally:
            stop.set()
            out, _ = process.communicate("end\n", timeout=30)
        for each in work:
            each.result()

    assert process.returncode == 0
    count, own_was_read = json.loads(out)
    assert own_was_read
    last |= {each.pk: f"other {count}" for each in theirs}
    assert {each.pk: each.phone for each in Patient.objects.all()} == last
    assert (under(first), under("old")) == ({"clinics.Patient": 120}, {})
    assert [*keyring().keys.by_id] == [first]
