"""Row-level security, and the audit of who asked for a run and how it ended."""

from django.db import migrations

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable

#: How a run goes on; the run itself tells that.
PROGRESS = ["due_at", "told_at", "beat_at", "claims", "failures", "waiting_for", "error_message"]


class Migration(migrations.Migration):
    dependencies = [("sync", "0001_initial"), ("audit", "0003_refresh_reused")]

    operations = [
        ProtectTable("pms_sync_runs", everywhere=True),
        ProtectTable("pms_sync_checkpoints", everywhere=True),
        ProtectTable("pms_sync_sightings", everywhere=True),
        ProtectTable("pms_sync_cursors", everywhere=True),
        ProtectTable("pms_sync_set_aside", everywhere=True),
        AuditTable("pms_sync_runs", record="sync", ignore=PROGRESS),
    ]
