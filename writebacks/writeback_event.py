"""One line of a writeback's timeline."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from clinics.models import Organization
from encryption.fields import EncryptedCharField
from writebacks.states import Event, Status


class WritebackEvent(models.Model):
    """One thing that happened to a writeback. Never changed, never deleted."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    writeback = models.ForeignKey(
        "writebacks.Writeback", on_delete=models.PROTECT, related_name="events"
    )
    at = models.DateTimeField()
    event = models.CharField(max_length=20, choices=Event)
    from_status = models.CharField(max_length=12, choices=Status, blank=True)
    to_status = models.CharField(max_length=12, choices=Status)
    note = EncryptedCharField(max_length=500, blank=True)
    calls = models.PositiveIntegerField(default=0, help_text="API calls that this took.")
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        db_table = "pms_writeback_events"
        # Not by time: the clocks of two machines differ.
        ordering = ["pk"]
        indexes = [models.Index(fields=["writeback", "id"], name="event_of_writeback")]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.get_event_display()}"
