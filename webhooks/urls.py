"""REST addresses of webhooks."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from webhooks import api, delivery_api

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("webhooks", api.WebhookViewSet, basename="webhook")

of_webhook = SimpleRouter(trailing_slash=False, use_regex_path=False)
of_webhook.register("deliveries", delivery_api.DeliveryViewSet, basename="delivery")

urlpatterns = [
    path("", include(router.urls)),
    path("webhooks/<uuid:webhook_pk>/", include(of_webhook.urls)),
]
