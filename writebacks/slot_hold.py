"""The time that is kept for a write which is on its way; writebacks/slots.py keeps and frees it."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.utils import timezone

from clinics.models import Clinic, Operatory, Organization, Practitioner


class SlotHold(models.Model):
    """A practitioner's and a chair's time, kept for a writeback that is not at its end yet.

    It is there from before the write is sent until the transaction that ends the writeback, and of
    a confirmed one until our copy has the visit, or the PMS tells its id no more. The database
    itself refuses two that overlap (writebacks/slots.py).
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="slot_holds")
    writeback = models.OneToOneField(
        "writebacks.Writeback", on_delete=models.PROTECT, related_name="slot_hold"
    )
    # The exclusion constraints are indexes that lead with these two.
    practitioner = models.ForeignKey(
        Practitioner, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    operatory = models.ForeignKey(
        Operatory, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    during = DateTimeRangeField(help_text="From its start until before its end: [start, end).")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "pms_slot_holds"
        constraints = [
            ExclusionConstraint(
                name="practitioner_held_once",
                expressions=[
                    ("practitioner", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
            ),
            ExclusionConstraint(
                name="operatory_held_once",
                expressions=[
                    ("operatory", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
            ),
            # An empty range overlaps nothing, an open one everything.
            models.CheckConstraint(
                condition=Q(
                    during__isempty=False,
                    during__lower_inf=False,
                    during__upper_inf=False,
                    during__lower_inc=True,
                    during__upper_inc=False,
                ),
                name="hold_has_a_start_and_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"Hold of {str(self.writeback_id)[:8]}"
