"""The description of a service as it is most often found: what holds where options say nothing.

`/clients` and `/appointments` beside the lists that they name, a bearer token, numbered pages,
`updated_since`. Options take its place part by part: see `description.parse`, and docs/rest.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_STAMPS: Final = {
    "made_at": "created_at",
    "changed_at": "updated_at",
    "deleted": {"path": "deleted_at", "format": "set"},
}

DEFAULT: Final[Mapping[str, Any]] = {
    "auth": {"style": "bearer"},
    "paging": {"style": "page"},
    "changes": {"param": "updated_since"},
    # Their word → ours, which is FHIR's. A word that is not here counts as booked.
    "statuses": {
        "booked": "booked",
        "arrived": "arrived",
        "completed": "fulfilled",
        "cancelled": "cancelled",
        "no_show": "noshow",
    },
    "lists": {
        "locations": {
            "path": "/sites",
            "changes": False,
            "fields": {"id": "id", "name": "name", "timezone": "timezone"},
        },
        "practitioners": {
            "path": "/staff",
            "changes": False,
            "fields": {
                "id": "id",
                "first_name": "first_name",
                "last_name": "last_name",
                "is_active": "active",
            },
        },
        "appointment_types": {
            "path": "/services",
            "changes": False,
            "fields": {
                "id": "id",
                "name": "name",
                "minutes": "duration_minutes",
                "is_active": "active",
            },
        },
        "patients": {
            "path": "/clients",
            "one": "/clients/{id}",
            "fields": {
                "id": "id",
                "first_name": "first_name",
                "last_name": "last_name",
                "birth_date": "date_of_birth",
                "email": "email",
                "phone": "phone",
                "is_active": "active",
                **_STAMPS,
            },
        },
        "appointments": {
            "path": "/appointments",
            "one": "/appointments/{id}",
            "window": {"first": "from", "last": "to"},
            "fields": {
                "id": "id",
                "patient_id": "client_id",
                "practitioner_id": "staff_id",
                "location_id": "site_id",
                "appointment_type_id": "service_id",
                "starts_at": "starts_at",
                "ends_at": "ends_at",
                "minutes": "duration_minutes",
                "status": "status",
                "description": "notes",
                **_STAMPS,
            },
        },
    },
    "search": {
        "phone": "phone",
        "email": "email",
        "first_name": "first_name",
        "last_name": "last_name",
        "birth_date": "date_of_birth",
    },
    "slots": {
        "path": "/slots",
        "asks": {
            "practitioner_id": "staff_id",
            "location_id": "site_id",
            "first": "from",
            "last": "to",
        },
        "fields": {
            "starts_at": "starts_at",
            "ends_at": "ends_at",
            "practitioner_id": "staff_id",
            "location_id": "site_id",
        },
    },
    "writes": {
        "book": {
            "method": "POST",
            "path": "/appointments",
            "body": {
                "patient_id": "client_id",
                "practitioner_id": "staff_id",
                "location_id": "site_id",
                "appointment_type_id": "service_id",
                "starts_at": "starts_at",
                "minutes": "duration_minutes",
                "description": "notes",
            },
        },
        "reschedule": {
            "method": "PATCH",
            "path": "/appointments/{id}",
            "body": {
                "practitioner_id": "staff_id",
                "location_id": "site_id",
                "starts_at": "starts_at",
                "minutes": "duration_minutes",
            },
        },
        "set_status": {
            "method": "PATCH",
            "path": "/appointments/{id}",
            "body": {"status": "status"},
        },
        "create_patient": {
            "method": "POST",
            "path": "/clients",
            "body": {
                "first_name": "first_name",
                "last_name": "last_name",
                "birth_date": "date_of_birth",
                "email": "email",
                "phone": "phone",
            },
        },
        "update_patient": {
            "method": "PATCH",
            "path": "/clients/{id}",
            "body": {
                "first_name": "first_name",
                "last_name": "last_name",
                "birth_date": "date_of_birth",
                "email": "email",
                "phone": "phone",
            },
        },
    },
}
