"""Steps that a run turns out to need while it reads."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction

from clinics.models import Appointment
from integrations.queries import Resource
from sync import checkpoints, cursors, plan
from sync.models import Checkpoint, SyncRun
from sync.plan import Kind, Step
from sync.states import Mode

#: The list that brings what an appointment names and we do not know.
LISTS: Final = {
    "practitioner": Resource.PRACTITIONERS,
    "location": Resource.LOCATIONS,
    "operatory": Resource.OPERATORIES,
    "appointment_type": Resource.APPOINTMENT_TYPES,
}


def put_instead(run: SyncRun, checkpoint: Checkpoint, now: datetime, calls: int) -> None:
    """Put what can be read in the place of the step under way, whose changes the PMS does not tell.

    `calls` were made since they were last noted down. Raises Lost.
    """
    number, refused = checkpoint.step, Step.from_json(checkpoint.steps[checkpoint.step])
    today = now.astimezone(run.clinic.zone).date()
    step = plan.instead_of(refused, Mode(run.mode), today)
    with transaction.atomic():
        checkpoints.hold(run)
        cursors.note_refusal(run, refused.resource, now)
        checkpoints.write(
            run,
            checkpoint,
            steps=[*checkpoint.steps[:number], step.as_json(), *checkpoint.steps[number + 1 :]],
            position="",
            step_pages=0,
            step_records=0,
            step_total=None,
            calls=checkpoint.calls + calls,
        )
        run.sightings.filter(step=number).delete()


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
