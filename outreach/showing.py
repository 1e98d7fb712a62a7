"""What is shown beside a call: the patient's visits, and what came of the call before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db.models import Q, QuerySet

from clinics.models import Clinic
from outreach import facts
from outreach.models import CallTask, Status, thresholds_of
from outreach.scoring import Facts


def of_clinic(clinic: Clinic) -> QuerySet[CallTask]:
    """Return a clinic's calls with everything that is shown of them."""
    tasks = CallTask.objects.filter(clinic=clinic)
    return tasks.select_related("clinic", "patient", "called_by", "called_by_key")


def shown(clinic: Clinic, tasks: Sequence[CallTask], now: datetime) -> list[CallTask]:
    """Return these calls with what is known of their patients beside them, as `facts`, and the last
    call with an outcome, as `last`: three queries, however many there are."""
    patients = [task.patient_id for task in tasks]
    missed_days = thresholds_of(clinic).missed_days
    known = {each.patient_id: each for each in facts.of(clinic, now, missed_days, patients)}
    before = (
        CallTask.objects.filter(clinic=clinic, patient__in=patients, status=Status.DONE)
        .exclude(pk__in=[task.pk for task in tasks])
        .order_by("patient", "-closed_at")
        .distinct("patient")
    )
    last = {each.patient_id: each for each in before}
    for task in tasks:
        task.facts = known.get(task.patient_id) or Facts(patient_id=task.patient_id)
        task.last = last.get(task.patient_id)
    return list(tasks)


def on_list(today: date) -> Q:
    """Return what is true of a call that stands on the list today."""
    return Q(status=Status.OPEN) & (Q(not_before=None) | Q(not_before__lte=today))
