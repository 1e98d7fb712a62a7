"""REST: what a webhook was told, and sending it again."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinics import access
from clinics.api import NarrowedList
from clinics.permissions import Action
from webhooks import replay, serializers
from webhooks.api import WebhookDisabled
from webhooks.models import Delivery, Endpoint


@extend_schema_view(list=extend_schema(parameters=[serializers.DeliveryFilters]))
class DeliveryViewSet(NarrowedList, mixins.RetrieveModelMixin):
    """What a webhook was told, newest first. What was in it is not shown."""

    needs = Action.MANAGE_ACCESS
    filters = serializers.DeliveryFilters
    lookup_value_converter = "uuid"
    error_answers = {"replay": (WebhookDisabled,)}
    queryset = Delivery.objects.none()

    def get_queryset(self) -> QuerySet[Delivery]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        own = access.of(self.request).visible(Endpoint.objects.filter(deleted_at=None), self.needs)
        endpoint = get_object_or_404(own, pk=self.kwargs["webhook_pk"])
        rows = Delivery.objects.filter(endpoint=endpoint).select_related("endpoint")
        return rows.prefetch_related("log") if self.action == "retrieve" else rows

    def get_serializer_class(self) -> type[serializers.DeliverySerializer]:
        if self.action == "retrieve":
            return serializers.DeliveryDetailSerializer
        return serializers.DeliverySerializer

    @extend_schema(
        operation_id="replay_delivery",
        request=None,
        responses={202: serializers.DeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, webhook_pk: str, pk: str) -> Response:
        """Send it again, at once and then by the whole schedule, as the same event."""
        delivery = self.get_object()
        try:
            replay.replay(delivery, timezone.now())
        except replay.Disabled:
            raise WebhookDisabled from None
        told = serializers.DeliverySerializer(delivery).data
        return Response(told, status=status.HTTP_202_ACCEPTED)
