"""Every address of the web."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.api.errors import plain_error
from config.health import healthz, readyz
from sync import incoming

api_v1 = [
    path("", include("accounts.urls")),
    path("", include("clinics.urls")),
    path("", include("integrations.urls")),
    path("", include("outreach.urls")),
    path("", include("metrics.urls")),
    path("", include("metrics.insights.urls")),
    path("", include("sync.urls")),
    path("", include("webhooks.urls")),
    path("", include("writebacks.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(api_v1)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("hooks/sikka", incoming.from_sikka, name="hook-sikka"),
    path("hooks/rest/<uuid:integration_id>", incoming.from_rest, name="hook-rest"),
    path("healthz", healthz),
    path("readyz", readyz),
]


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        message = f"This request cannot be used: it is malformed, or longer than {limit:,} bytes."
        return plain_error(400, "bad_request", message)
    return defaults.bad_request(request, exception)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/"):
        return plain_error(404, "not_found", "There is no such address; see /api/docs/.")
    return defaults.page_not_found(request, exception)


def handler500(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        message = "Something went wrong on our side. The same request may be sent again."
        return plain_error(500, "internal_error", message)
    return defaults.server_error(request)
