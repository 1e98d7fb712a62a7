"""The patient that a writeback is about, in a column of its own, so that the audit can tell."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


def fill(apps, schema_editor):
    """Name the patient of each writeback that there is; one whom we do not have stays open."""
    writebacks = apps.get_model("writebacks", "Writeback").objects
    patients = apps.get_model("clinics", "Patient").objects
    for writeback in writebacks.filter(patient=None).order_by("pk").only("pk", "command"):
        try:
            patient = uuid.UUID((writeback.command or {}).get("patient", ""))
        except ValueError:
            continue
        if patients.filter(pk=patient).exists():
            writebacks.filter(pk=writeback.pk).update(patient_id=patient)


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
