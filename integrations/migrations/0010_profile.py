"""What a PMS needs beside the caller's words: a profile of each integration."""

import django.core.validators
import django.db.models.deletion
import django.db.models.lookups
import django.utils.timezone
import uuid
from django.db import migrations, models

from audit.triggers import AuditTable
from tenancy.policies import ProtectTable


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_rules"),
        ("clinics", "0007_membership_clinics"),
        ("integrations", "0009_call_count"),
    ]

    operations = [
        migrations.CreateModel(
            name="Profile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "cancel_word",
                    models.CharField(
                        blank=True,
                        help_text="What an appointment's status becomes when it is called off.",
                        max_length=100,
                    ),
                ),
                (
                    "no_show_word",
                    models.CharField(
                        blank=True,
                        help_text="What it becomes when the patient stayed away.",
                        max_length=100,
                    ),
                ),
                (
                    "confirmed_word",
                    models.CharField(
                        blank=True,
                        help_text="What it becomes when the patient says that they will come.",
                        max_length=100,
                    ),
                ),
                (
                    "arrived_word",
                    models.CharField(
                        blank=True,
                        help_text="What it becomes when the patient is there.",
                        max_length=100,
                    ),
                ),
                (
                    "appointment_types",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Our word for a type of appointment → the PMS's value.",
                    ),
                ),
                (
                    "note_type",
                    models.CharField(
                        blank=True,
                        help_text="What kind a note is when the asker names none.",
                        max_length=100,
                    ),
                ),
                (
                    "payment_type",
                    models.CharField(
                        blank=True,
                        help_text="What kind a payment is when the asker names none.",
                        max_length=100,
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        blank=True,
                        help_text="Of every payment here, by ISO 4217: USD.",
                        max_length=3,
                    ),
                ),
                (
                    "longest_note",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Characters that the PMS keeps of a note. Empty: unknown.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="longest note",
                    ),
                ),
                (
                    "hours",
                    models.JSONField(
                        verbose_name="working time",
                        blank=True,
                        default=dict,
                        help_text="The clinic's by weekday. Nothing: unknown.",
                    ),
                ),
                (
                    "practitioner_hours",
                    models.JSONField(
                        verbose_name="working time of practitioners",
                        blank=True,
                        default=dict,
                        help_text="By practitioner, instead of the clinic's.",
                    ),
                ),
                ("closures", models.JSONField(blank=True, default=list)),
                (
                    "checks_slots",
                    models.BooleanField(
                        default=False,
                        help_text="Whether this PMS has a list of available slots worth asking.",
                        verbose_name="PMS tells free slots",
                    ),
                ),
                ("vocabulary", models.JSONField(default=dict, editable=False)),
                (
                    "vocabulary_read_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="lists read"),
                ),
                (
                    "checked_at",
                    models.DateTimeField(
                        editable=False,
                        help_text="When a person last said that this is so.",
                        null=True,
                        verbose_name="checked",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "default_operatory",
                    models.ForeignKey(
                        blank=True,
                        help_text="Where a booking is when the asker names no chair. Empty: they have to.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.operatory",
                    ),
                ),
                (
                    "default_practitioner",
                    models.ForeignKey(
                        blank=True,
                        help_text="Whose a booking is when the asker names nobody. Empty: they have to.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.practitioner",
                    ),
                ),
                (
                    "integration",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="profile",
                        to="integrations.integration",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="clinics.organization",
                    ),
                ),
            ],
            options={
                "db_table": "pms_profiles",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("appointment_types", {}),
                                ("arrived_word", ""),
                                ("cancel_word", ""),
                                ("confirmed_word", ""),
                                ("no_show_word", ""),
                                ("note_type", ""),
                                ("payment_type", ""),
                            ),
                            ("vocabulary_read_at__isnull", False),
                            _connector="OR",
                        ),
                        name="profile_words_after_lists",
                        violation_error_message="Read the PMS's lists before you choose from them.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("payment_type", ""),
                            models.Q(("currency", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="profile_payment_has_currency",
                        violation_error_message="Say in which currency payments are.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("currency", ""), ("currency__regex", "^[A-Z]{3}$"), _connector="OR"
                        ),
                        name="profile_currency_is_a_code",
                        violation_error_message="A currency is three letters, such as USD.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("longest_note", None), ("longest_note__gte", 1), _connector="OR"
                        ),
                        name="profile_notes_have_length",
                        violation_error_message="A note needs at least one character.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.Exact(
                                models.Func(
                                    models.F("appointment_types"),
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("object"),
                            ),
                            django.db.models.lookups.Exact(
                                models.Func(
                                    models.F("hours"),
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("object"),
                            ),
                            django.db.models.lookups.Exact(
                                models.Func(
                                    models.F("practitioner_hours"),
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("object"),
                            ),
                            django.db.models.lookups.Exact(
                                models.Func(
                                    models.F("closures"),
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("array"),
                            ),
                            django.db.models.lookups.Exact(
                                models.Func(
                                    models.F("vocabulary"),
                                    function="jsonb_typeof",
                                    output_field=models.TextField(),
                                ),
                                models.Value("object"),
                            ),
                        ),
                        name="profile_json_has_form",
                    ),
                ],
            },
        ),
        ProtectTable("pms_profiles", everywhere=True),
        AuditTable("pms_profiles", record="integration profile"),
    ]
