"""When appointments were made, and who a merged patient is now: parts of the insights' SQL.

An appointment was made when it was asked for through Frontdesk, else when the PMS says. Never when
our row of it came to be: after an import that is one moment for all.
"""

from __future__ import annotations

from typing import Final

#: PMSs that tell when an appointment was made without a zone: the date is good, the hour is not
#: (integrations/adapters/nookal/mapping.py, told_at).
WITHOUT_ZONE: Final = frozenset({"nookal"})

#: Two common table expressions. Of `asked`: appointments that a confirmed writeback has made.
ASKED: Final = """
    asked AS (
        SELECT created_external_id AS external_id, min(created_at) AS asked_at
        FROM pms_writebacks
        WHERE clinic_id = %(clinic)s AND operation = 'book' AND status = 'completed'
            AND created_external_id <> ''
        GROUP BY 1
    )
"""
#: Needs `asked` joined by the external id, and the appointment as `own`.
MADE: Final = "coalesce(asked.asked_at, own.made_at)"
#: Whether only a date is known: midnight is what such a date is kept as.
ONLY_DATE: Final = """
    (asked.asked_at IS NULL AND (own.made_at AT TIME ZONE %(zone)s)::time = '00:00')
"""

#: Each merged patient with whom they are in the end. Five steps at most: a circle has no end.
MERGED: Final = """
    steps AS (
        SELECT gone.id, kept.id AS into_id, 1 AS step
        FROM clinics_patient AS gone
        JOIN clinics_patient AS kept ON kept.clinic_id = gone.clinic_id
            AND kept.external_id = gone.merged_into_id
        WHERE gone.clinic_id = %(clinic)s AND gone.merged_into_id <> ''
        UNION ALL
        SELECT steps.id, kept.id, steps.step + 1
        FROM steps
        JOIN clinics_patient AS gone ON gone.id = steps.into_id AND gone.merged_into_id <> ''
        JOIN clinics_patient AS kept ON kept.clinic_id = gone.clinic_id
            AND kept.external_id = gone.merged_into_id
        WHERE steps.step < 5
    ),
    merged AS (
        SELECT DISTINCT ON (id) id, into_id FROM steps ORDER BY id, step DESC
    )
"""
