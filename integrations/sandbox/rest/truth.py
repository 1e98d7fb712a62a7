"""What is true at an account now, in words that suit every PMS."""

from typing import Any

from integrations.sandbox.pms import Stage

from . import records
from .accounts import ACCOUNTS, Account
from .records import Record

STATUSES = {"completed": "fulfilled", "no_show": "noshow"}


def truth(stage: Stage, account_id: str) -> dict[str, Any]:
    """Return it in the form that `pms.Pms.truth` describes."""
    account = ACCOUNTS[account_id]
    clients = standing(stage, account_id, records.CLIENT)
    appointments = standing(stage, account_id, records.APPOINTMENT)
    return {
        "patients": {str(item["id"]): _client(item) for item in clients},
        "appointments": {str(item["id"]): _appointment(item, account) for item in appointments},
    }


def standing(stage: Stage, account_id: str, kind: str) -> list[Record]:
    """Return all records of a kind that were not deleted."""
    found: list[Record] = list(stage.books.truths(account_id, kind))
    return [item for item in found if not item["deleted_at"]]


def _client(record: Record) -> dict[str, Any]:
    return {
        "first_name": record["first_name"],
        "last_name": record["last_name"],
        "birth_date": record["date_of_birth"] or "",
        "email": record["email"] or "",
        "phone": record["phone"] or "",
        "is_active": record["active"],
    }


def _appointment(record: Record, account: Account) -> dict[str, Any]:
    return {
        "patient_id": str(record["client_id"]),
        "practitioner_id": str(record["staff_id"]),
        "location_id": str(record["site_id"]),
        "starts_at": records.begins(record, account).isoformat(),
        "ends_at": records.ends(record, account).isoformat(),
        "status": STATUSES.get(record["status"], record["status"]),
        "description": record["notes"] or "",
    }
