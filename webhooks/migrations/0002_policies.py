"""Row-level security, and the audit of who is told what, where and when."""

from django.db import migrations

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable

#: How an endpoint fares; its deliveries tell that.
HEALTH = [
    "last_success_at",
    "failing_since",
    "failures",
    "busy_until",
    "rests_until",
]


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial"), ("audit", "0002_rules")]

    operations = [
        ProtectTable("webhooks_endpoint", everywhere=True),
        # What happened to patients: nobody looks over that.
        ProtectTable("webhooks_message"),
        ProtectTable("webhooks_delivery", everywhere=True),
        ProtectTable("webhooks_attempt", everywhere=True),
        ProtectTable("webhooks_notice", everywhere=True),
        AuditTable("webhooks_endpoint", record="webhook", ignore=HEALTH),
        AuditTable("webhooks_delivery", record="delivery", ignore=["due_at", "attempts", "step"]),
    ]
