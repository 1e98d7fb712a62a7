"""REST addresses of whom to call."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from outreach.api import CallViewSet

calls = SimpleRouter(trailing_slash=False, use_regex_path=False)
calls.register("outreach", CallViewSet, basename="outreach")

urlpatterns = [path("clinics/<uuid:clinic_pk>/", include(calls.urls))]
