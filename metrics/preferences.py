"""How a clinic wants its numbers counted."""

from __future__ import annotations

from clinics.models import Clinic
from metrics.models import Preferences


def of(clinic: Clinic) -> Preferences:
    """Return what the clinic has said; the usual where it has said nothing."""
    found = Preferences.objects.filter(clinic=clinic).first()
    return found or Preferences(organization_id=clinic.organization_id, clinic=clinic)
