"""A simulated Cliniko API v1, written from copies of the vendor's documentation and reports.

Cliniko answers a write at once and keeps no list of writes. Its lists leave out what is cancelled
or archived unless a filter asks for it. Keys are the users of HTTP Basic; every account has one.
Where the sources are silent, the docstrings here say "unverified", and what is stricter is chosen.

Simulated are patients, individual appointments, practitioners, businesses, appointment types,
working hours, free times, the user and the public settings. Everything else (group appointments,
bookings, attendees, invoices, notes, the older /deleted and /cancelled lists, writing of anything
but patients and individual appointments) is answered like a wrong path, by a 404 in HTML. There are
no webhooks: Cliniko has none.
"""

from .api import ClinikoApi

__all__ = ["ClinikoApi"]
