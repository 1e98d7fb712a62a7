"""Row-level security for keys, which are looked up before it is known whose they are."""

from django.db import migrations

from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [ProtectTable("accounts_apikey", everywhere=True)]
