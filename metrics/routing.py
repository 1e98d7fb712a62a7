"""The addresses of WebSockets."""

from __future__ import annotations

from channels.routing import URLRouter
from django.urls import path, re_path

from metrics import consumers

websockets = URLRouter(
    [
        path("ws/clinics/<uuid:clinic_id>/metrics", consumers.metrics),  # type: ignore[arg-type]
        re_path("", consumers.unknown),  # type: ignore[arg-type]
    ]
)
