"""Steps that a run turns out to need while it reads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from clinics.models import Appointment
from integrations.queries import Resource
from sync.models import Checkpoint, SyncRun
from sync.plan import Kind, Step

#: The list that brings what an appointment names and we do not know.
LISTS: Final = {
    "practitioner": Resource.PRACTITIONERS,
    "location": Resource.LOCATIONS,
    "operatory": Resource.OPERATORIES,
    "appointment_type": Resource.APPOINTMENT_TYPES,
}


def unread_lists(
    run: SyncRun, checkpoint: Checkpoint, step: Step, lists: Collection[Resource]
) -> list[Step]:
    """Return the steps that read what new appointments name and we lack, of the PMS's `lists`."""
    if step.resource is not Resource.APPOINTMENTS or step.kind is Kind.FULL:
        return []
    named = Appointment.objects.filter(
        clinic=run.clinic_id, last_synced_at__gte=run.started_at
    ).exclude(unresolved={})
    unknown = {name for each in named.values_list("unresolved", flat=True) for name in each}
    read = {each["resource"] for each in checkpoint.steps}
    return [
        Step(resource=resource, kind=Kind.FULL)
        for name, resource in LISTS.items()
        if name in unknown and resource in lists and resource not in read
    ]
