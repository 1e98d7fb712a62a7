"""What the PMS does not track: each number with one definition (definitions.py), worked out at
least once an hour and soon after changes, and kept in a row to read from.

No number here decides anything about a patient. They are for people to look at.
"""

from metrics.insights.work import claim, hasten, of, of_all, work_out

__all__ = ["claim", "hasten", "of", "of_all", "work_out"]
