"""REST addresses of clinics and their records (patients, appointments: writebacks/urls.py)."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from clinics import api

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("clinics", api.ClinicViewSet, basename="clinic")

records = SimpleRouter(trailing_slash=False, use_regex_path=False)
records.register("locations", api.LocationViewSet, basename="location")
records.register("practitioners", api.PractitionerViewSet, basename="practitioner")
records.register("operatories", api.OperatoryViewSet, basename="operatory")
records.register("appointment-types", api.AppointmentTypeViewSet, basename="appointment-type")

urlpatterns = [
    path("", include(router.urls)),
    path("clinics/<uuid:clinic_pk>/", include(records.urls)),
]
