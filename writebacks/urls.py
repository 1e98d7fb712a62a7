"""REST addresses of writebacks, and of the records that a writeback makes and changes."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from writebacks import api, api_appointments, api_patients

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("writebacks", api.WritebackViewSet, basename="writeback")

records = SimpleRouter(trailing_slash=False, use_regex_path=False)
records.register("appointments", api_appointments.AppointmentViewSet, basename="appointment")
records.register("patients", api_patients.PatientViewSet, basename="patient")

urlpatterns = [
    path("", include(router.urls)),
    path("clinics/<uuid:clinic_pk>/", include(records.urls)),
]
