"""What is told of a PMS that cannot be asked: in answers with the last numbers, and in errors."""

from __future__ import annotations

from typing import Any

from integrations import registry
from metrics.freshness import Freshness
from writebacks.wording import REASONS


def code(pms: str) -> str:
    """Return the code of the error: CLINIKO_API_UNAVAILABLE."""
    return f"{pms.upper().replace('-', '_')}_API_UNAVAILABLE"


def problem_of(found: Freshness) -> dict[str, Any] | None:
    """Return the error's words for what keeps the PMS from answering; None where nothing does."""
    if not found.problem:
        return None
    title = registry.manifest(found.pms).title if found.pms in registry.ADAPTERS else found.pms
    return {
        "code": code(found.pms),
        "message": f"Unable to fetch the latest data from {title}.",
        "details": f"{REASONS.get(found.problem, 'The last try failed')}.",
    }
