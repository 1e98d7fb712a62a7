"""An index for what overlaps a time: without it, every visit of the past is looked at for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clinics", "0008_guarantor")]

    operations = [
        migrations.AddIndex(
            model_name="appointment",
            index=models.Index(
                fields=["clinic", "ends_at", "starts_at"], name="appointment_overlap"
            ),
        ),
    ]
