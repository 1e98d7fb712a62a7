"""REST addresses of the sync."""

from __future__ import annotations

from django.urls import include, path, register_converter
from django.urls.converters import StringConverter
from rest_framework.routers import SimpleRouter

from sync.api import OWN, StatusViewSet, SyncViewSet
from sync.run_api import RunViewSet


class What(StringConverter):
    """What can be asked for of all of one's clinics; other words are other addresses."""

    regex = "|".join(OWN)


register_converter(What, "what")

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("sync/runs", RunViewSet, basename="sync-run")

urlpatterns = [
    path("", include(router.urls)),
    path("sync/status", StatusViewSet.as_view({"get": "of_own"}), name="sync-status"),
    path("sync/<what:what>", SyncViewSet.as_view({"post": "of_own"}), name="sync-own"),
    path(
        "<slug:pms>/sync/<uuid:organization_pk>",
        SyncViewSet.as_view({"post": "of_pms"}),
        name="sync-pms",
    ),
    path(
        "<slug:pms>/status/<uuid:organization_pk>",
        StatusViewSet.as_view({"get": "of_pms"}),
        name="sync-pms-status",
    ),
]
