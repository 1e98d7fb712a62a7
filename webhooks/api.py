"""REST: the webhooks of an organization."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError as WrongAddress
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.key_api import WholeOrganization, managed
from clinics import access
from clinics.models import Organization
from clinics.permissions import Action
from webhooks import endpoints, publishing, replay, serializers
from webhooks.models import Endpoint


class MoreThanOwn(PermissionDenied):
    default_code = "more_than_own"
    default_detail = "Who says where events go must be allowed to see them, and for good."


class TooManyWebhooks(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "too_many_webhooks"
    default_detail = f"An organization has {endpoints.MOST} webhooks at most. Delete one first."


class WebhookDisabled(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "webhook_disabled"
    default_detail = "This webhook is disabled. Enable it first."


class WebhookViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Endpoint]
):
    """The webhooks of the organizations whose access this login manages."""

    needs = Action.MANAGE_ACCESS
    lookup_value_converter = "uuid"
    error_answers = {
        "create": (MoreThanOwn, WholeOrganization, TooManyWebhooks),
        "partial_update": (MoreThanOwn,),
        "rotate_secret": (MoreThanOwn,),
        "test": (WebhookDisabled,),
        "replay": (WebhookDisabled,),
    }
    queryset = Endpoint.objects.none()
    serializer_class = serializers.WebhookSerializer

    def get_queryset(self) -> QuerySet[Endpoint]:
        rows = Endpoint.objects.filter(deleted_at=None).select_related("set_by", "organization")
        return access.of(self.request).visible(rows, self.needs)

    @extend_schema(
        operation_id="create_webhook",
        request=serializers.NewWebhookSerializer,
        responses={201: serializers.IssuedWebhookSerializer},
    )
    def create(self, request: Request) -> Response:
        """Set up a webhook. Its secret is in this answer and in no other.

        One that is set up with an API key, which needs the scopes admin and read, ends with it.
        """
        form = serializers.NewWebhookSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        values = dict(form.validated_data)
        organization = _organization(request, values.pop("organization", None))
        try:
            issued = endpoints.create(access.of(request), organization, values, timezone.now())
        except endpoints.TooMany as error:
            raise TooManyWebhooks(str(error)) from None
        except REFUSALS as error:
            raise _answer(error) from None
        return _shown_once(issued, status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="update_webhook",
        request=serializers.WebhookChangesSerializer,
        responses={200: serializers.WebhookSerializer},
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a webhook. `is_active` also enables one again that was disabled by itself."""
        endpoint = self.get_object()
        form = serializers.WebhookChangesSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        values: Mapping[str, Any] = form.validated_data
        try:
            endpoints.change(access.of(request), endpoint, values, timezone.now())
        except REFUSALS as error:
            raise _answer(error) from None
        return Response(serializers.WebhookSerializer(endpoint).data)

    @extend_schema(operation_id="delete_webhook")
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the webhook: it is told nothing more from now on."""
        endpoints.delete(self.get_object(), timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="rotate_webhook_secret",
        request=serializers.SecretRotationSerializer,
        responses={200: serializers.IssuedWebhookSerializer},
    )
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Give the webhook a new secret at once; the old one signs on beside it for the overlap."""
        endpoint = self.get_object()
        form = serializers.SecretRotationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        overlap = timedelta(hours=form.validated_data["overlap_hours"])
        try:
            issued = endpoints.rotate(access.of(request), endpoint, overlap, timezone.now())
        except endpoints.MoreThanOwn as error:
            raise MoreThanOwn(str(error)) from None
        return _shown_once(issued, status.HTTP_200_OK)

    @extend_schema(
        operation_id="test_webhook",
        request=None,
        responses={202: serializers.DeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a `webhook.test`; follow what becomes of it among the webhook's deliveries."""
        endpoint = self.get_object()
        if not endpoint.is_active:
            raise WebhookDisabled
        delivery = publishing.send_test(endpoint, timezone.now())
        told = serializers.DeliverySerializer(delivery).data
        return Response(told, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="replay_failed_deliveries",
        request=serializers.SinceSerializer,
        responses={202: serializers.ReplayedSerializer},
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Send again, as the same events, everything since then that has not arrived."""
        endpoint = self.get_object()
        form = serializers.SinceSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        since = form.validated_data["since"]
        try:
            count = replay.replay_failed(endpoint, since, timezone.now())
        except replay.Disabled:
            raise WebhookDisabled from None
        return Response({"replayed": count}, status=status.HTTP_202_ACCEPTED)


#: What refuses an endpoint as it was asked for.
REFUSALS = (endpoints.MoreThanOwn, endpoints.ForeignClinic, WrongAddress)


def _answer(error: Exception) -> APIException:
    if isinstance(error, WrongAddress):
        return ValidationError({"url": error.messages})
    if isinstance(error, endpoints.ForeignClinic):
        return ValidationError({"clinics": [str(error)]})
    return MoreThanOwn(str(error))


def _organization(request: Request, asked: Any) -> Organization:
    """Return the organization that is meant; the only one of a login need not be named."""
    if asked is None:
        own = access.of(request).scope.organizations
        if len(own) != 1:
            raise ValidationError({"organization": ["Say which organization it is for."]})
        (asked,) = own
    return managed(request, str(asked))


def _shown_once(issued: endpoints.Issued, code: int) -> Response:
    """Return the secret, which nothing on its way may keep."""
    return Response(
        serializers.IssuedWebhookSerializer(issued).data,
        status=code,
        headers={"Cache-Control": "no-store"},
    )
