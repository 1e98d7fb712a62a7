"""Records as Sikka's lists show them: invented people, and every value a string."""

from __future__ import annotations

from typing import Any

NEW_YORK = {"1": "America/New_York"}


def patient(number: int, **changes: Any) -> dict[str, Any]:
    item = {
        "patient_id": str(number),
        "firstname": "Ada",
        "lastname": "Invented",
        "birthdate": "1984-12-10T00:00:00",
        "status": "Active",
        "cell": "207-555-0123",
        "email": "ada@example.org",
        "homephone": "",
        "workphone": "",
    }
    return item | changes


def appointment(**changes: Any) -> dict[str, Any]:
    item = {
        "appointment_sr_no": "70670",
        "patient_id": "5383",
        "provider_id": "DMD2",
        "practice_id": "1",
        "operatory": "OP1",
        "date": "2030-03-05T00:00:00",
        "time": "10:30",
        "length": "60",
        "status": "Unconfirmed",
        "cancelled": "False",
        "description": "Seat crown",
    }
    return item | changes


def practice(office_id: str, practice_id: str = "1", **changes: str) -> dict[str, str]:
    """A row of the practices that have authorized the application."""
    item = {
        "office_id": office_id,
        "practice_id": practice_id,
        "practice_name": "Maple Street",
        "practice_management_system_refresh_date_time_zone": "Eastern Standard Time",
        "secret_key": "the-secret-key",
    }
    return item | changes
