"""Due rows by integration, and the turns of integrations in being handed out.

Turns are not audited: they tell when a worker was told to look, and change no record of anybody.
"""

import django.db.models.deletion
from django.db import migrations, models

from tenancy.policies import ProtectTable

STATUSES = [
    ('queued', 'Queued'),
    ('submitting', 'Submitting'),
    ('pending', 'Pending'),
    ('unconfirmed', 'Unconfirmed'),
    ('completed', 'Completed'),
    ('failed', 'Failed'),
    ('cancelled', 'Cancelled'),
]


class Migration(migrations.Migration):
    dependencies = [
        ('clinics', '0007_membership_clinics'),
        ('integrations', '0009_call_count'),
        ('writebacks', '0009_slot_holds'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='writeback', name='writeback_due'),
        migrations.AddIndex(
            model_name='writeback',
            index=models.Index(
                fields=['status', 'integration', 'due_at'],
                include=('organization',),
                condition=models.Q(('due_at__isnull', False)),
                name='writeback_due',
            ),
        ),
        migrations.CreateModel(
            name='Turn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=STATUSES, max_length=12)),
                ('handed_out_at', models.DateTimeField()),
                ('lease_until', models.DateTimeField(help_text='Until when a worker has time to take it up; none: it was taken up.', null=True)),
                ('integration', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='integrations.integration')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='clinics.organization')),
            ],
            options={
                'db_table': 'pms_turns',
                'constraints': [models.UniqueConstraint(fields=('integration', 'status'), name='turn_once')],
            },
        ),
        ProtectTable("pms_turns", everywhere=True),
    ]
