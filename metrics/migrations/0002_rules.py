"""Row-level security, the audit of preferences, and the trigger that notes what has changed."""

from django.db import migrations

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable

#: An update that moves no number touches nothing.
TOUCH = """
CREATE FUNCTION metrics_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO metrics_touched (organization_id, clinic_id, patient_id, starts_at)
        SELECT DISTINCT each.organization_id, each.clinic_id, each.patient_id, each.starts_at
        FROM old_rows
        JOIN new_rows USING (id)
        CROSS JOIN LATERAL (VALUES
            (old_rows.organization_id, old_rows.clinic_id, old_rows.patient_id,
                old_rows.starts_at),
            (new_rows.organization_id, new_rows.clinic_id, new_rows.patient_id,
                new_rows.starts_at)
        ) AS each (organization_id, clinic_id, patient_id, starts_at)
        WHERE (old_rows.starts_at, old_rows.ends_at, old_rows.status,
                old_rows.removed_at IS NULL, old_rows.patient_id, old_rows.practitioner_id,
                old_rows.clinic_id)
            IS DISTINCT FROM (new_rows.starts_at, new_rows.ends_at, new_rows.status,
                new_rows.removed_at IS NULL, new_rows.patient_id, new_rows.practitioner_id,
                new_rows.clinic_id);
    ELSE
        INSERT INTO metrics_touched (organization_id, clinic_id, patient_id, starts_at)
        SELECT DISTINCT organization_id, clinic_id, patient_id, starts_at FROM some_rows;
    END IF;
    RETURN NULL;
END $$
"""
#: What changes all of a clinic's numbers at once, whoever writes it. A recount that is under way
#: holds the standing's row, or is just making it: this waits, and is worked off after that.
OUTDATE = """
CREATE FUNCTION metrics_outdate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO metrics_standings (clinic_id, organization_id, version, is_outdated, due_at)
    VALUES (NEW.id, NEW.organization_id, 0, true, now())
    ON CONFLICT (clinic_id) DO UPDATE SET is_outdated = true;
    UPDATE metrics_insights SET due_at = least(due_at, now()) WHERE clinic_id = NEW.id;
    RETURN NULL;
END $$
"""
PREFER = """
CREATE FUNCTION metrics_prefer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE metrics_standings SET is_outdated = true WHERE clinic_id = OLD.clinic_id;
    ELSE
        INSERT INTO metrics_standings AS own (clinic_id, organization_id, version, is_outdated,
            due_at)
        VALUES (NEW.clinic_id, NEW.organization_id, 0, true, now())
        ON CONFLICT (clinic_id) DO UPDATE SET due_at = least(own.due_at, excluded.due_at),
            is_outdated = own.is_outdated OR OLD.active_days IS DISTINCT FROM NEW.active_days;
    END IF;
    UPDATE metrics_insights SET due_at = least(due_at, now())
    WHERE clinic_id = coalesce(NEW.clinic_id, OLD.clinic_id);
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
        migrations.RunSQL(TOUCH, "DROP FUNCTION metrics_touch()"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER metrics_touch_{verb} AFTER {verb.upper()} ON clinics_appointment "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION metrics_touch()",
                f"DROP TRIGGER metrics_touch_{verb} ON clinics_appointment",
            )
            for verb, rows in ROWS.items()
        ),
        migrations.RunSQL(OUTDATE, "DROP FUNCTION metrics_outdate()"),
        migrations.RunSQL(
            "CREATE TRIGGER metrics_outdate AFTER UPDATE ON clinics_clinic FOR EACH ROW "
            "WHEN (OLD.timezone IS DISTINCT FROM NEW.timezone) EXECUTE FUNCTION metrics_outdate()",
            "DROP TRIGGER metrics_outdate ON clinics_clinic",
        ),
        migrations.RunSQL(PREFER, "DROP FUNCTION metrics_prefer()"),
        migrations.RunSQL(
            "CREATE TRIGGER metrics_prefer AFTER INSERT OR UPDATE OR DELETE ON metrics_preferences "
            "FOR EACH ROW EXECUTE FUNCTION metrics_prefer()",
            "DROP TRIGGER metrics_prefer ON metrics_preferences",
        ),
    ]
