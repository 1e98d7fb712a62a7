"""REST addresses of what a clinic's PMS is asked at once (of patients: writebacks/urls.py)."""

from __future__ import annotations

from django.urls import path

from integrations.live_api import AvailabilityViewSet

urlpatterns = [
    path(
        "clinics/<uuid:clinic_pk>/availability",
        AvailabilityViewSet.as_view({"get": "list"}),
        name="availability",
    ),
]
