"""Each key tells which key made it, so that revoking one ends what followed from it.

The table's policies and its triggers of the audit are about whole rows: they hold for the new column
as they are.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_audit")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="created_by_key",
            field=models.ForeignKey(
                editable=False,
                help_text=(
                    "The key that asked for it, by making or replacing; it is revoked with that one."
                ),
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="made",
                to="accounts.apikey",
            ),
        ),
    ]
