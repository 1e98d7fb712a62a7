"""Row-level security on every table of a tenant."""

from django.db import migrations

from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [("clinics", "0004_signed_out_at")]

    operations = [
        ProtectTable("clinics_organization", column="id", everywhere=True),
        ProtectTable("clinics_membership", everywhere=True, person=True),
        ProtectTable("clinics_membership_clinics", via=("membership_id", "clinics_membership")),
        ProtectTable("clinics_clinic", everywhere=True),
        ProtectTable("clinics_location", everywhere=True),
        ProtectTable("clinics_practitioner", everywhere=True),
        ProtectTable("clinics_operatory", everywhere=True),
        ProtectTable("clinics_patient"),
        ProtectTable("clinics_appointment"),
    ]
