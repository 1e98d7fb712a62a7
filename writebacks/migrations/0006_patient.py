"""The patient that a writeback is about, in a column of its own, so that the audit can tell."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


def fill(apps, schema_editor):
    writebacks = apps.get_model("writebacks", "Writeback").objects.filter(patient=None)
    for writeback in writebacks.order_by("pk").only("pk", "command"):
        patient = (writeback.command or {}).get("patient")
        if patient:
            writebacks.filter(pk=writeback.pk).update(patient_id=uuid.UUID(patient))


class Migration(migrations.Migration):
    dependencies = [("clinics", "0005_policies"), ("writebacks", "0005_policies")]

    operations = [
        migrations.AddField(
            model_name="writeback",
            name="patient",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="clinics.patient",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
