"""REST addresses of what is told of single appointments (figures: GET clinics/{id}/metrics)."""

from __future__ import annotations

from django.urls import path

from metrics.insights.api import NoShowRiskViewSet

urlpatterns = [
    path(
        "clinics/<uuid:clinic_pk>/metrics/no-show-risk",
        NoShowRiskViewSet.as_view({"get": "list"}),
        name="no-show-risk",
    ),
]
