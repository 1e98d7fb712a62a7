"""Keep a clinic's list of whom to call in step with what is known of its patients.

Everything that changes which calls are open works under the lock of the clinic's `CallList`. So the
list can be made twice, at once, or anew after a crash, and comes out the same.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from clinics import hours
from clinics.models import Clinic
from metrics.rollups import ATTENDED, VISITS
from outreach import facts
from outreach.models import CallList, Thresholds, thresholds_of
from outreach.scoring import Facts, Score, score
from outreach.wording import as_json

#: Where nobody has looked for so long, no night's refresh is made.
IDLE: Final = timedelta(days=30)
#: Looks are noted no more often.
LOOK_NOTED: Final = timedelta(hours=1)
#: How long a call stays on record that nobody made; those with an outcome stay for good.
KEPT: Final = timedelta(days=90)
_EPOCH: Final = date(1970, 1, 1)
#: One priority's places: more days than anybody has been away.
_PLACES: Final = 100_000

_MAKE_LIST: Final = """
    INSERT INTO outreach_lists (clinic_id, organization_id, looked_at) VALUES (%s, %s, %s)
    ON CONFLICT DO NOTHING
"""
_LEFT_ALONE: Final = """
    SELECT task.patient_id
    FROM outreach_tasks AS task JOIN clinics_patient AS patient ON patient.id = task.patient_id
    WHERE task.clinic_id = %s AND task.status = 'done' AND (
        task.outcome = 'do_not_call' OR task.again_on > %s
        OR task.outcome = 'wrong_number'
            AND task.wrong_numbers = patient.phone_index || ' ' || patient.other_phone_index
    )
"""
_WRITE: Final = """
    INSERT INTO outreach_tasks AS task (id, organization_id, clinic_id, patient_id, status,
        priority, engagement, risk, reasons, place, made_at, changed_at, outcome, note,
        wrong_numbers)
    SELECT gen_random_uuid(), %(organization)s, %(clinic)s, wanted.patient_id, 'open',
        wanted.priority, wanted.engagement, wanted.risk, wanted.reasons::jsonb, wanted.place,
        %(now)s, %(now)s, '', '', ''
    FROM unnest(%(patients)s::uuid[], %(priorities)s::smallint[], %(engagements)s::text[],
        %(risks)s::text[], %(reasons)s::text[], %(places)s::int[])
        AS wanted (patient_id, priority, engagement, risk, reasons, place)
    ORDER BY wanted.patient_id
    ON CONFLICT (patient_id) WHERE status = 'open' DO UPDATE SET
        priority = excluded.priority, engagement = excluded.engagement, risk = excluded.risk,
        reasons = excluded.reasons, place = excluded.place, changed_at = excluded.changed_at
    WHERE (task.priority, task.engagement, task.risk, task.reasons, task.place)
        IS DISTINCT FROM (excluded.priority, excluded.engagement, excluded.risk,
            excluded.reasons, excluded.place)
"""
_DROP: Final = """
    UPDATE outreach_tasks SET status = 'dropped', closed_at = %(now)s, changed_at = %(now)s
    WHERE clinic_id = %(clinic)s AND status = 'open' AND patient_id <> ALL (%(patients)s)
"""
_FORGET: Final = """
    DELETE FROM outreach_tasks
    WHERE clinic_id = %s AND status IN ('booked', 'dropped') AND closed_at < %s
"""
_CLOSE_BOOKED: Final = """
    UPDATE outreach_tasks SET status = 'booked', closed_at = %(now)s, changed_at = %(now)s
    WHERE clinic_id = %(clinic)s AND status = 'open' AND patient_id IN (
        SELECT patient_id FROM clinics_appointment
        WHERE clinic_id = %(clinic)s AND removed_at IS NULL AND starts_at >= %(midnight)s
            AND status = ANY (%(visits)s)
            AND NOT (status = ANY (%(attended)s) AND starts_at <= %(now)s)
    )
"""


def look(clinic: Clinic, now: datetime) -> None:
    """See to it that the list that somebody is about to look at is today's."""
    known = CallList.objects.filter(clinic=clinic).first()
    if known is None or known.looked_at <= now - LOOK_NOTED or known.due_at is None:
        _note_look(clinic, now)
    if known is None or _is_due(known, clinic, now):
        refresh(clinic, now)
    else:
        close_booked(clinic, now)


def refresh(clinic: Clinic, now: datetime, *, anew: bool = False) -> bool:
    """Make the list that is due (`anew`: in any case); returns whether it had to be made.

    New calls come, those that nobody needs any more close, and of the others what has changed is
    written. Calls with an outcome stay as they are.
    """
    with transaction.atomic():
        held = hold(clinic)
        if held is None or not (anew or _is_due(held, clinic, now)):
            return False
        _close_booked(clinic, now)
        _write(clinic, wanted(clinic, thresholds_of(clinic), now), now)
        held.refreshed_at, held.refreshed_on = now, _today(clinic, now)
        is_idle = held.looked_at < now - IDLE
        held.due_at = None if is_idle else hours.next_catch_up(now, clinic.zone)
        held.save(update_fields=["refreshed_at", "refreshed_on", "due_at"])
    return True


def close_booked(clinic: Clinic, now: datetime) -> None:
    """Close the calls of those who have a visit coming by now."""
    with transaction.atomic():
        if hold(clinic) is not None:
            _close_booked(clinic, now)


def hold(clinic: Clinic) -> CallList | None:
    """Return the clinic's list, locked until the transaction ends; None where there is none."""
    return CallList.objects.select_for_update().filter(clinic=clinic).first()


def wanted(clinic: Clinic, thresholds: Thresholds, now: datetime) -> list[tuple[Facts, Score]]:
    """Return who is to be on the list by what is known now, and why."""
    limits = thresholds.limits
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_ALONE, [clinic.pk, _today(clinic, now)])
        left_alone: set[UUID] = {patient for (patient,) in cursor.fetchall()}
    found = []
    for known in facts.of(clinic, now, limits.missed_days):
        if known.next_visit_at is None and known.patient_id not in left_alone:
            standing = score(known, limits)
            if standing.priority <= thresholds.lists_up_to:
                found.append((known, standing))
    return found


def place(priority: int, days_since_contact: int | None, today: date) -> int:
    """Return where a call stands in the list: by priority, then whoever had contact last, and at
    the end of each priority those with none. It does not change while the facts do not."""
    if days_since_contact is None:
        return priority * _PLACES + _PLACES - 1
    day = (today - _EPOCH).days - days_since_contact
    return priority * _PLACES + min(max(_PLACES - 2 - day, 0), _PLACES - 2)


def _is_due(known: CallList, clinic: Clinic, now: datetime) -> bool:
    is_night = known.due_at is not None and known.due_at <= now
    return is_night or known.refreshed_on != _today(clinic, now)


def _today(clinic: Clinic, now: datetime) -> date:
    return now.astimezone(clinic.zone).date()


def _note_look(clinic: Clinic, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_LIST, [clinic.pk, clinic.organization_id, now])
    CallList.objects.filter(clinic=clinic).update(
        looked_at=now, due_at=hours.next_catch_up(now, clinic.zone)
    )


def _write(clinic: Clinic, found: list[tuple[Facts, Score]], now: datetime) -> None:
    today = _today(clinic, now)
    # Of many calls there are few different reasons.
    texts = {each: json.dumps(as_json(each)) for each in {one.reasons for _, one in found}}
    values: dict[str, Any] = {
        "organization": clinic.organization_id,
        "clinic": clinic.pk,
        "now": now,
        "patients": [known.patient_id for known, _ in found],
        "priorities": [each.priority for _, each in found],
        "engagements": [each.engagement.value for _, each in found],
        "risks": [each.risk.value for _, each in found],
        "reasons": [texts[each.reasons] for _, each in found],
        "places": [place(each.priority, known.days_since_contact, today) for known, each in found],
    }
    with connection.cursor() as cursor:
        cursor.execute(_DROP, values)
        cursor.execute(_WRITE, values)
        cursor.execute(_FORGET, [clinic.pk, now - KEPT])


def _close_booked(clinic: Clinic, now: datetime) -> None:
    local = now.astimezone(clinic.zone)
    values: dict[str, Any] = {
        "clinic": clinic.pk,
        "now": now,
        "midnight": local.replace(hour=0, minute=0, second=0, microsecond=0),
        "visits": list(VISITS),
        "attended": list(ATTENDED),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE_BOOKED, values)
