"""Whose turn it is: when an integration's work of one kind was last handed out to the workers.

A turn is a mark beside the due rows and never instead of them: without it they are handed out
once more, and a task that comes twice claims nothing.
"""

from __future__ import annotations

from django.db import models

from clinics.models import Organization
from integrations.models import Integration
from writebacks.states import Status


class Turn(models.Model):
    """The last time that an integration's due writebacks of one status were handed out."""

    integration = models.ForeignKey(
        Integration, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=12, choices=Status)
    handed_out_at = models.DateTimeField()
    lease_until = models.DateTimeField(
        null=True, help_text="Until when a worker has time to take it up; none: it was taken up."
    )

    class Meta:
        db_table = "pms_turns"
        constraints = [
            models.UniqueConstraint(fields=["integration", "status"], name="turn_once"),
        ]

    def __str__(self) -> str:
        return f"{self.status} at {self.handed_out_at:%H:%M:%S}"
