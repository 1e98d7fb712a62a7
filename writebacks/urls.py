"""REST addresses of writebacks, and of appointments, which a writeback makes."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from writebacks import api

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("writebacks", api.WritebackViewSet, basename="writeback")

appointments = SimpleRouter(trailing_slash=False, use_regex_path=False)
appointments.register("appointments", api.AppointmentViewSet, basename="appointment")

urlpatterns = [
    path("", include(router.urls)),
    path("clinics/<uuid:clinic_pk>/", include(appointments.urls)),
]
