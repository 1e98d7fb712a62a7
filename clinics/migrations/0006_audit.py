"""Each change of these tables leaves an entry of the audit."""

from django.db import migrations

from audit.triggers import AuditTable

#: Columns that each import writes, whether or not the record is another than before.
SYNC = ["payload_hash", "sync_status", "last_synced_at", "updated_at"]
#: Columns that follow from others.
DERIVED = ["name_index", "email_index", "phone_index"]


class Migration(migrations.Migration):
    dependencies = [("clinics", "0005_policies"), ("audit", "0002_rules")]

    operations = [
        AuditTable("clinics_organization", organization="id"),
        AuditTable("clinics_user", organization="", ignore=["last_login"]),
        AuditTable("clinics_membership"),
        AuditTable("clinics_clinic"),
        AuditTable("clinics_location", ignore=SYNC),
        AuditTable("clinics_practitioner", ignore=SYNC),
        AuditTable("clinics_operatory", ignore=SYNC),
        AuditTable("clinics_patient", patient="id", ignore=SYNC + DERIVED),
        AuditTable("clinics_appointment", patient="patient_id", ignore=SYNC),
    ]
