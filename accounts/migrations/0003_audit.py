"""Each change of a key leaves an entry of the audit."""

from django.db import migrations

from audit.triggers import AuditTable


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_policies"), ("audit", "0002_rules")]

    operations = [AuditTable("accounts_apikey", record="API key", ignore=["last_used_at"])]
