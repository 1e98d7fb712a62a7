"""Each new writeback and each change of what became of it leaves an entry of the audit."""

from django.db import migrations

from audit.triggers import AuditTable

#: How sending, checking and looking go on; the timeline of the writeback itself tells that.
PROGRESS = [
    "due_at",
    "attempts",
    "check_count",
    "look_count",
    "ask_failures",
    "api_calls",
    "waiting_for",
    "last_checked_at",
]


class Migration(migrations.Migration):
    dependencies = [("writebacks", "0006_patient"), ("audit", "0002_rules")]

    operations = [
        AuditTable(
            "pms_writebacks", record="writeback", patient="patient_id", ignore=PROGRESS
        ),
    ]
