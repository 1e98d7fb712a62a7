"""REST: the API keys of an organization."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, serializers
from accounts.models import ApiKey
from clinics import access
from clinics.authorization import require
from clinics.models import Organization
from clinics.permissions import Action


class MoreThanOwn(PermissionDenied):
    default_code = "more_than_own"
    default_detail = "A key may be given no more than who makes it may do there."


class WholeOrganization(PermissionDenied):
    default_code = "whole_organization_needed"
    default_detail = (
        "This login manages access at some clinics only. "
        "Ask a clinic admin of the whole organization."
    )


class KeyEnded(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "key_ended"
    default_detail = "This key was replaced, revoked or has expired. Make a new one."


def managed(request: Request, pk: str) -> Organization:
    """Return an organization whose access this login manages, or refuse the request."""
    found = access.of(request)
    organizations = Organization.objects.all()
    if not found.is_operator:
        organizations = organizations.filter(pk__in=found.scope.organizations)
    organization = get_object_or_404(organizations, pk=pk)
    if not found.may(Action.MANAGE_ACCESS, organization) and any(
        Action.MANAGE_ACCESS in each.actions and each.organization_id == organization.pk
        for each in found.holdings
    ):
        raise WholeOrganization
    require(request, Action.MANAGE_ACCESS, organization)
    return organization


class OrganizationKeysViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[ApiKey]):
    """The API keys of one organization, newest first; ended ones too."""

    needs = Action.MANAGE_ACCESS
    error_answers = {
        "create": (MoreThanOwn, WholeOrganization, KeyEnded),
        "list": (WholeOrganization,),
    }
    queryset = ApiKey.objects.none()
    serializer_class = serializers.ApiKeySerializer

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        organization = managed(self.request, self.kwargs["organization_pk"])
        rows = ApiKey.objects.filter(organization=organization)
        return rows.select_related("created_by")

    @extend_schema(
        operation_id="create_api_key",
        request=serializers.NewKeySerializer,
        responses={201: serializers.IssuedKeySerializer},
    )
    def create(self, request: Request, organization_pk: str) -> Response:
        """Make an API key. Its secret is in this answer and in no other.

        One that is made with an API key ends no later than that key, and is revoked with it.
        """
        organization = managed(request, organization_pk)
        form = serializers.NewKeySerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            issued = keys.issue(
                access.of(request), organization, now=timezone.now(), **form.validated_data
            )
        except keys.MoreThanOwn as error:
            raise MoreThanOwn(str(error)) from None
        except keys.ForeignClinic as error:
            raise ValidationError({"clinics": [str(error)]}) from None
        except keys.WrongEnd as error:
            raise ValidationError({"expires_at": [str(error)]}) from None
        except keys.KeyEnded as error:
            raise KeyEnded(str(error)) from None
        return _shown_once(issued)


class ApiKeyViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[ApiKey]):
    """One API key."""

    needs = Action.MANAGE_ACCESS
    error_answers = {"rotate": (MoreThanOwn, KeyEnded)}
    lookup_value_converter = "uuid"
    queryset = ApiKey.objects.none()
    serializer_class = serializers.ApiKeySerializer

    def get_queryset(self) -> QuerySet[ApiKey]:
        rows = ApiKey.objects.select_related("created_by")
        return access.of(self.request).visible(rows, self.needs)

    @extend_schema(
        operation_id="rotate_api_key",
        request=serializers.RotationSerializer,
        responses={201: serializers.IssuedKeySerializer},
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Replace the key by one of a new secret, at once; the old one works on for the overlap.

        Asked for with an API key, the new one ends no later than that key, and is revoked with it.
        """
        key = self.get_object()
        form = serializers.RotationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        overlap = timedelta(hours=form.validated_data["overlap_hours"])
        try:
            issued = keys.rotate(access.of(request), key, overlap, timezone.now())
        except keys.MoreThanOwn as error:
            raise MoreThanOwn(str(error)) from None
        except keys.KeyEnded as error:
            raise KeyEnded(str(error)) from None
        return _shown_once(issued)

    @extend_schema(operation_id="revoke_api_key")
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke the key and every key that was made with it: they give nothing from now on."""
        keys.revoke(self.get_object(), timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _shown_once(issued: keys.Issued) -> Response:
    """Return the secret, which nothing on its way may keep."""
    return Response(
        serializers.IssuedKeySerializer(issued).data,
        status=status.HTTP_201_CREATED,
        headers={"Cache-Control": "no-store"},
    )
