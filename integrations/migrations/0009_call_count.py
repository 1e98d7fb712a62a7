"""Keep counts of calls from falling below 0 by their type: its rule costs less than a table's."""

from django.db import migrations

import integrations.models


class Migration(migrations.Migration):
    dependencies = [("integrations", "0008_audit")]

    operations = [
        migrations.RunSQL(
            "CREATE DOMAIN pms_call_count AS integer CHECK (VALUE >= 0)",
            "DROP DOMAIN pms_call_count",
        ),
        migrations.RemoveConstraint(model_name="budgetwindow", name="window_is_used"),
        migrations.AlterField(
            model_name="budgetwindow",
            name="used_high",
            field=integrations.models.CallCountField(default=0),
        ),
        migrations.AlterField(
            model_name="budgetwindow",
            name="used_low",
            field=integrations.models.CallCountField(default=0),
        ),
    ]
