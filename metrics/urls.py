"""REST addresses of the numbers."""

from __future__ import annotations

from django.urls import path

from metrics import api, stream

urlpatterns = [
    path(
        "clinics/<uuid:clinic_pk>/metrics",
        api.MetricsViewSet.as_view({"get": "retrieve"}),
        name="clinic-metrics",
    ),
    path(
        "clinics/<uuid:clinic_pk>/metrics/refresh",
        api.MetricsViewSet.as_view({"post": "refresh"}),
        name="clinic-metrics-refresh",
    ),
    path(
        "organizations/<uuid:organization_pk>/metrics",
        api.OverviewViewSet.as_view({"get": "retrieve"}),
        name="organization-metrics",
    ),
    path(
        "clinics/<uuid:clinic_pk>/metrics/stream",
        stream.StreamViewSet.as_view({"get": "stream"}),
        name="clinic-metrics-stream",
    ),
]
