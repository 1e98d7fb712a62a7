"""Row-level security on every table of a tenant."""

from django.db import migrations

from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [("writebacks", "0004_requested_by_key")]

    operations = [
        ProtectTable("pms_writebacks", everywhere=True),
        ProtectTable("pms_writeback_events", everywhere=True),
    ]
