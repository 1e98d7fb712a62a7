from django.core.validators import MinValueValidator
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_breaker_and_calls")]

    operations = [
        migrations.AddField(
            model_name="integration",
            name="budget_calls",
            field=models.PositiveIntegerField(
                "calls in a window",
                null=True,
                blank=True,
                validators=[MinValueValidator(1)],
                help_text="Of this practice's own limit. Empty: what is usual for this PMS.",
            ),
        ),
        migrations.AddField(
            model_name="integration",
            name="budget_reserve",
            field=models.PositiveIntegerField(
                "reserved for people",
                null=True,
                blank=True,
                help_text="Calls of each window that background work leaves alone. Empty: as usual.",
            ),
        ),
        migrations.AddConstraint(
            model_name="integration",
            constraint=models.CheckConstraint(
                condition=Q(budget_calls=None) | Q(budget_calls__gte=1),
                name="budget_has_calls",
                violation_error_message="A practice needs at least one call.",
            ),
        ),
        migrations.AddConstraint(
            model_name="integration",
            constraint=models.CheckConstraint(
                condition=Q(budget_calls=None)
                | Q(budget_reserve=None)
                | Q(budget_reserve__lte=F("budget_calls")),
                name="budget_reserve_fits",
                violation_error_message="More than all calls cannot be reserved.",
            ),
        ),
    ]
