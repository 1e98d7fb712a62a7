"""Time that is kept for open writebacks; no two keep the same of a practitioner or operatory."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.utils.timezone
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [
        ('clinics', '0007_membership_clinics'),
        ('writebacks', '0008_operations'),
    ]

    operations = [
        # For = beside && in one index. Trusted: who may create in the database may add it.
        BtreeGistExtension(),
        migrations.CreateModel(
            name='SlotHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('during', django.contrib.postgres.fields.ranges.DateTimeRangeField(help_text='From its start until before its end: [start, end).')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slot_holds', to='clinics.clinic')),
                ('operatory', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinics.operatory')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinics.organization')),
                ('practitioner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='clinics.practitioner')),
                ('writeback', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='slot_hold', to='writebacks.writeback')),
            ],
            options={
                'db_table': 'pms_slot_holds',
                'constraints': [django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('practitioner', '='), ('during', '&&')], name='practitioner_held_once'), django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('operatory', '='), ('during', '&&')], name='operatory_held_once'), models.CheckConstraint(condition=models.Q(('during__isempty', False), ('during__lower_inc', True), ('during__lower_inf', False), ('during__upper_inc', False), ('during__upper_inf', False)), name='hold_has_a_start_and_an_end')],
            },
        ),
        ProtectTable("pms_slot_holds", everywhere=True),
        AuditTable("pms_slot_holds", record="slot hold"),
    ]
