"""What the PMS does not track: each number with one definition (definitions.py), worked out at
least once an hour and soon after changes, and kept in a row to read from.

No number here decides anything about a patient. They are for people to look at.
"""

from metrics.insights.work import claim, of, work_out

__all__ = ["claim", "of", "work_out"]
