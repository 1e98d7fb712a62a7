"""Appointment types are protected and audited as other records; what only a sync writes is not."""

from django.db import migrations

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable

#: As in 0006.
BEFORE = ["payload_hash", "sync_status", "last_synced_at", "updated_at"]
INDEXES = ["name_index", "email_index", "phone_index"]
#: Columns that each sync writes, whether or not the record is another than before.
SYNC = [*BEFORE, "sync_errors", "changed_at"]


class Migration(migrations.Migration):
    dependencies = [("clinics", "0010_synced"), ("audit", "0003_refresh_reused")]

    operations = [
        ProtectTable("clinics_appointmenttype", everywhere=True),
        AuditTable("clinics_appointmenttype", record="appointment type", ignore=SYNC),
        AuditTable("clinics_location", ignore=SYNC, instead_of=BEFORE),
        AuditTable("clinics_practitioner", ignore=SYNC, instead_of=BEFORE),
        AuditTable("clinics_operatory", ignore=SYNC, instead_of=BEFORE),
        AuditTable(
            "clinics_patient",
            patient="id",
            ignore=[*SYNC, *INDEXES, "other_phone_index"],
            instead_of=[*BEFORE, *INDEXES],
        ),
        AuditTable(
            "clinics_appointment",
            patient="patient_id",
            ignore=[*SYNC, "unresolved"],
            instead_of=BEFORE,
        ),
    ]
