"""The clinics that a role is narrowed to, as an array in its own row.

In a table beside it they were deleted with their clinic, which widened the role to all clinics;
changed without an entry of the audit; and could be deleted by the person whose role it is.
"""

import django.contrib.postgres.fields
from django.db import migrations, models

from tenancy.policies import ProtectTable

COPY = """
    UPDATE clinics_membership SET clinics = held.ids
    FROM (
        SELECT membership_id, array_agg(clinic_id ORDER BY clinic_id) AS ids
        FROM clinics_membership_narrowed_to GROUP BY membership_id
    ) AS held
    WHERE clinics_membership.id = held.membership_id
"""
COPY_BACK = """
    INSERT INTO clinics_membership_narrowed_to (membership_id, clinic_id)
    SELECT m.id, c.id FROM clinics_membership AS m JOIN clinics_clinic AS c ON c.id = ANY (m.clinics)
"""
# The table of before cannot say that none of a role's clinics is left: none there means all.
END = """
    UPDATE clinics_membership AS m SET ends_at = now(), reason = 'None of its clinics is left'
    WHERE clinics <> '{}' AND (ends_at IS NULL OR ends_at > now())
    AND NOT EXISTS (SELECT FROM clinics_clinic AS c WHERE c.id = ANY (m.clinics))
"""


def protect(apps, schema_editor):
    """Hold the table of before to the scope again; to drop it takes no such step."""
    table = ProtectTable(
        "clinics_membership_narrowed_to", via=("membership_id", "clinics_membership")
    )
    table.database_forwards("clinics", schema_editor, None, None)


class Migration(migrations.Migration):
    dependencies = [("clinics", "0006_audit")]

    operations = [
        migrations.RenameField("membership", "clinics", "narrowed_to"),
        migrations.AddField(
            model_name="membership",
            name="clinics",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(),
                blank=True,
                default=list,
                help_text="None chosen: all of the organization's.",
                size=None,
            ),
        ),
        migrations.RunSQL(COPY, [COPY_BACK, END]),
        migrations.RunPython(migrations.RunPython.noop, protect),
        migrations.RemoveField("membership", "narrowed_to"),
    ]
