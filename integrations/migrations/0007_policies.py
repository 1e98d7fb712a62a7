"""Row-level security on every table of a tenant; budgets are counted by key, over all of them."""

from django.db import migrations

from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [("integrations", "0006_encrypted")]

    operations = [
        ProtectTable("pms_integrations", everywhere=True),
        ProtectTable("pms_calls", everywhere=True),
        ProtectTable("pms_breakers", via=("integration_id", "pms_integrations")),
    ]
