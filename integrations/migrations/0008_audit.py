"""Each change of an integration leaves an entry of the audit; secrets are named, never shown."""

from django.db import migrations

from audit.triggers import AuditTable


class Migration(migrations.Migration):
    dependencies = [("integrations", "0007_policies"), ("audit", "0002_rules")]

    operations = [
        # Who renews the keys at this moment is no change of the integration.
        AuditTable("pms_integrations", record="integration", ignore=["key_lease_until"]),
    ]
