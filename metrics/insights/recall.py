"""Who was here a while ago, and has nothing booked."""

from __future__ import annotations

from typing import Final

from metrics.insights.bookings import MERGED
from metrics.insights.context import Context
from metrics.insights.definitions import DUE_NOT_REBOOKED
from metrics.insights.figure import Figure, known, lacking

#: The months since the last visit by which they are told apart.
BANDS: Final = ((6, 12), (12, 18), (18, 24))

#: The last visit that was kept and the next that is booked are two things: who was not marked as
#: missed on a date that is over has come (docs/metrics.md), and whatever stands from today on is
#: yet to come.
_COUNT: Final = f"""
    WITH RECURSIVE {MERGED},
    visits AS (
        SELECT coalesce(merged.into_id, own.patient_id) AS patient_id,
            (own.starts_at AT TIME ZONE %(zone)s)::date AS date
        FROM clinics_appointment AS own LEFT JOIN merged ON merged.id = own.patient_id
        WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
            AND own.patient_id IS NOT NULL AND own.status = ANY (%(visits)s)
            AND own.starts_at
                >= (%(today)s::date - interval '24 months') AT TIME ZONE %(zone)s
    ),
    patients AS (
        SELECT patient_id, max(date) FILTER (WHERE date < %(today)s) AS last,
            coalesce(bool_or(date >= %(today)s), false) AS is_booked
        FROM visits GROUP BY 1
    ),
    seen AS (
        SELECT patients.last, patients.is_booked
        FROM patients JOIN clinics_patient AS own ON own.id = patients.patient_id
        WHERE patients.last IS NOT NULL AND own.is_active AND own.removed_at IS NULL
            AND own.merged_into_id = ''
    ),
    begins AS (
        SELECT min(starts_at) AS at FROM clinics_appointment
        WHERE clinic_id = %(clinic)s AND removed_at IS NULL
    )
    SELECT (SELECT count(*) FROM seen), (begins.at AT TIME ZONE %(zone)s)::date,
        (begins.at AT TIME ZONE %(zone)s)::date <= %(today)s::date - interval '6 months',
        (begins.at AT TIME ZONE %(zone)s)::date <= %(today)s::date - interval '24 months',
        (SELECT array_agg((
            SELECT count(*) FROM seen
            WHERE NOT is_booked AND last <= %(today)s::date - make_interval(months => band.low)
                AND (last > %(today)s::date - make_interval(months => band.high)
                    OR band.high = 24)
        ) ORDER BY band.low)
        FROM unnest(%(lows)s::int[], %(highs)s::int[]) AS band (low, high))
    FROM begins
"""  # noqa: S608 (names of our own, no values)


def figures(context: Context) -> dict[str, Figure]:
    """Return how many there are, by how long ago they came, and since when we know of visits."""
    lows, highs = ([band[side] for band in BANDS] for side in (0, 1))
    ((n, begins, reaches, is_whole, counts),) = context.query(_COUNT, lows=lows, highs=highs)
    since = begins.isoformat() if begins else None
    if begins is None:
        why = "no appointments of this clinic are known."
        return {DUE_NOT_REBOOKED.name: lacking(DUE_NOT_REBOOKED, 0, why, historyFrom=None)}
    if not reaches:
        why = f"no appointments from before {since} are known, which is not 6 months ago."
        return {DUE_NOT_REBOOKED.name: lacking(DUE_NOT_REBOOKED, n, why, historyFrom=since)}
    bands = [
        {"monthsFrom": low, "monthsTo": high, "patients": count}
        for (low, high), count in zip(BANDS, counts, strict=True)
    ]
    found = known(
        DUE_NOT_REBOOKED,
        sum(counts),
        n,
        historyFrom=since,
        isWhole=is_whole,
        bands=bands if n >= DUE_NOT_REBOOKED.least else None,
    )
    if found["enough"] and not is_whole:
        found["note"] += f" Who came last before {since} is not among them: nothing is known of it."
    return {DUE_NOT_REBOOKED.name: found}
