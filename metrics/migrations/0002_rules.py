"""Row-level security, the audit of preferences, and the trigger that notes what has changed."""

from django.db import migrations

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable

#: Dates are the clinic's own. An update that moves no number touches nothing.
FUNCTION = """
CREATE FUNCTION metrics_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO metrics_touched (organization_id, clinic_id, patient_id, date)
        SELECT DISTINCT each.organization_id, each.clinic_id, each.patient_id,
            (each.starts_at AT TIME ZONE clinic.timezone)::date
        FROM old_rows
        JOIN new_rows USING (id)
        CROSS JOIN LATERAL (VALUES
            (old_rows.organization_id, old_rows.clinic_id, old_rows.patient_id,
                old_rows.starts_at),
            (new_rows.organization_id, new_rows.clinic_id, new_rows.patient_id,
                new_rows.starts_at)
        ) AS each (organization_id, clinic_id, patient_id, starts_at)
        JOIN clinics_clinic AS clinic ON clinic.id = each.clinic_id
        WHERE (old_rows.starts_at, old_rows.ends_at, old_rows.status,
                old_rows.removed_at IS NULL, old_rows.patient_id, old_rows.practitioner_id,
                old_rows.clinic_id)
            IS DISTINCT FROM (new_rows.starts_at, new_rows.ends_at, new_rows.status,
                new_rows.removed_at IS NULL, new_rows.patient_id, new_rows.practitioner_id,
                new_rows.clinic_id);
    ELSE
        INSERT INTO metrics_touched (organization_id, clinic_id, patient_id, date)
        SELECT DISTINCT each.organization_id, each.clinic_id, each.patient_id,
            (each.starts_at AT TIME ZONE clinic.timezone)::date
        FROM some_rows AS each
        JOIN clinics_clinic AS clinic ON clinic.id = each.clinic_id;
    END IF;
    RETURN NULL;
END $$
"""
ROWS = {
    "insert": "NEW TABLE AS some_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS some_rows",
}


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0001_initial"),
        ("clinics", "0012_followed"),
        ("audit", "0003_refresh_reused"),
    ]

    operations = [
        ProtectTable("clinic_metrics", everywhere=True),
        ProtectTable("booking_trends", everywhere=True),
        ProtectTable("metrics_touched", everywhere=True),
        ProtectTable("metrics_standings", everywhere=True),
        ProtectTable("metrics_told", everywhere=True),
        ProtectTable("metrics_insights", everywhere=True),
        ProtectTable("metrics_preferences"),
        AuditTable("metrics_preferences", record="metrics preferences"),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION metrics_touch()"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER metrics_touch_{verb} AFTER {verb.upper()} ON clinics_appointment "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION metrics_touch()",
                f"DROP TRIGGER metrics_touch_{verb} ON clinics_appointment",
            )
            for verb, rows in ROWS.items()
        ),
    ]
