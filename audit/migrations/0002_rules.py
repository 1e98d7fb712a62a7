"""What the database itself does for the audit: writes entries of changes, and guards them."""

from django.db import migrations

from tenancy.policies import ProtectTable

CHANGE = """
-- Called by the triggers of audit.triggers.AuditTable, once for each statement, with the words that
-- are named below. Each trigger has plans of its own, so the rows may be of any table.
CREATE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    record CONSTANT text := TG_ARGV[0];         -- what a row is called
    organization CONSTANT text := TG_ARGV[1];   -- column of the tenant; empty: there is none
    patient CONSTANT text := TG_ARGV[2];        -- column of the patient; empty: there is none
    ignored CONSTANT text[] := string_to_array(TG_ARGV[3], ',');
    actor CONSTANT jsonb := nullif(current_setting('frontdesk.actor', true), '');
    -- Outside of all scopes somebody works with the database by hand, or migrates it.
    actor_role CONSTANT text := CASE WHEN actor IS NULL THEN 'database role ' || session_user
        ELSE coalesce(actor->>'role', '') END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO public.audit_entries (organization_id, action, record_type, record_ids,
            patient_ids, fields, user_id, key_id, membership_id, role, address, details)
        SELECT (coalesce(after, before)->>organization)::uuid, 'update', record,
            array_agg(DISTINCT id), array_remove(array_agg(DISTINCT p::uuid), NULL),
            array_agg(DISTINCT key),
            (actor->>'user_id')::bigint, coalesce(actor->>'key_id', ''),
            (actor->>'membership_id')::bigint, actor_role, coalesce(actor->>'address', ''), '{}'
        FROM (
            SELECT coalesce(o.id, n.id)::text AS id, to_jsonb(o) - ignored AS before,
                to_jsonb(n) - ignored AS after
            -- FULL: where somebody changes an id, both of them are named.
            FROM old_rows o FULL JOIN new_rows n ON o.id = n.id
            OFFSET 0    -- keeps the planner from working the JSON out anew wherever it is used
        ) pair
        CROSS JOIN LATERAL jsonb_object_keys(coalesce(after, before)) key
        -- A visit that moves to another patient is about both.
        CROSS JOIN LATERAL (VALUES (before->>patient), (after->>patient)) patients (p)
        WHERE before IS DISTINCT FROM after AND before->key IS DISTINCT FROM after->key
        GROUP BY 1;
    ELSE
        INSERT INTO public.audit_entries (organization_id, action, record_type, record_ids,
            patient_ids, fields, user_id, key_id, membership_id, role, address, details)
        SELECT (r->>organization)::uuid, CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'delete' END,
            record, array_agg(id), array_remove(array_agg(DISTINCT (r->>patient)::uuid), NULL), '{}',
            (actor->>'user_id')::bigint, coalesce(actor->>'key_id', ''),
            (actor->>'membership_id')::bigint, actor_role, coalesce(actor->>'address', ''), '{}'
        FROM (SELECT t.id::text AS id, to_jsonb(t) AS r FROM some_rows t OFFSET 0) rows
        GROUP BY 1;
    END IF;
    RETURN NULL;
END
$$
"""

ENTRY = """
-- The time is ours; a new entry waits for its seal, and is found by its patients, from the moment in
-- which it is there.
CREATE FUNCTION audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    INSERT INTO public.audit_pending (entry_id) VALUES (NEW.id);
    IF NEW.patient_ids <> '{}' THEN
        INSERT INTO public.audit_subjects (entry_id, patient_ids) VALUES (NEW.id, NEW.patient_ids);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER entry BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_entry();
"""

REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit is only ever added to: % of % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""

GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {0}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(CHANGE, "DROP FUNCTION audit_change"),
        migrations.RunSQL(ENTRY, "DROP FUNCTION audit_entry CASCADE"),
        migrations.RunSQL(REFUSE, "DROP FUNCTION audit_refuse CASCADE"),
        *(
            migrations.RunSQL(GUARD.format(table), migrations.RunSQL.noop)
            for table in ("audit_entries", "audit_subjects", "audit_seals")
        ),
        ProtectTable("audit_entries", everywhere=True),
        # Whoever causes an entry may write it, for whichever tenant: whether the work itself is
        # allowed is for the table to say that it is done in.
        migrations.RunSQL(
            "CREATE POLICY anybody ON audit_entries FOR INSERT WITH CHECK (true)",
            "DROP POLICY anybody ON audit_entries",
        ),
    ]
