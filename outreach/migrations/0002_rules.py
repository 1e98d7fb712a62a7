"""Row-level security, and the audit of who called whom and of changed thresholds."""

from django.db import migrations

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [("outreach", "0001_initial"), ("audit", "0003_refresh_reused")]

    operations = [
        # Which patients are to be called: nobody looks over that.
        ProtectTable("outreach_tasks"),
        ProtectTable("outreach_lists", everywhere=True),
        ProtectTable("outreach_thresholds", everywhere=True),
        AuditTable("outreach_tasks", record="call", patient="patient_id", ignore=["changed_at"]),
        AuditTable("outreach_thresholds", record="thresholds of calls"),
    ]
