"""REST: who has which role in an organization."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import memberships, serializers
from accounts.key_api import MoreThanOwn, WholeOrganization, managed
from clinics import access
from clinics.models import Clinic, Membership, User
from clinics.permissions import Action


class OwnAccess(PermissionDenied):
    default_code = "own_access"
    default_detail = "Nobody gives access to themselves. Ask another clinic admin."


class TemporaryAccess(PermissionDenied):
    default_code = "temporary_access"
    default_detail = "Who has temporary access gives none to others: it would last longer."


class PeopleOnly(PermissionDenied):
    default_code = "not_for_keys"
    default_detail = "Roles are given by people."


class LastClinicAdmin(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "last_clinic_admin"
    default_detail = "An organization keeps a clinic admin. Give that role to somebody else first."


class MembersViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Membership]):
    """Roles in one organization, the newest first; ended ones too."""

    needs = Action.MANAGE_ACCESS
    lookup_value_converter = "int"
    error_answers = {
        "list": (WholeOrganization,),
        "create": (WholeOrganization, PeopleOnly, OwnAccess, TemporaryAccess, MoreThanOwn),
        "destroy": (WholeOrganization, PeopleOnly, LastClinicAdmin),
    }
    queryset = Membership.objects.none()
    serializer_class = serializers.MemberSerializer

    def get_queryset(self) -> QuerySet[Membership]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        organization = managed(self.request, self.kwargs["organization_pk"])
        rows = Membership.objects.filter(organization=organization)
        return rows.select_related("user", "granted_by")

    @extend_schema(
        operation_id="give_access",
        request=serializers.NewMemberSerializer,
        responses={201: serializers.MemberSerializer},
    )
    def create(self, request: Request, organization_pk: str) -> Response:
        """Give somebody a role, or temporary access."""
        organization = managed(request, organization_pk)
        try:
            memberships.people_only(access.of(request))
        except memberships.Refused as refused:
            raise _answer(refused) from None
        form = serializers.NewMemberSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        clinics = list(Clinic.objects.filter(organization=organization, pk__in=asked["clinics"]))
        if len(clinics) != len(set(asked["clinics"])):
            raise ValidationError({"clinics": ["Choose clinics of the same organization."]})
        given = Membership(
            user=_person(asked["username"]),
            organization=organization,
            role=asked["role"],
            clinics=sorted(clinic.pk for clinic in clinics),
            ends_at=asked["ends_at"],
            reason=asked["reason"],
            granted_by_id=access.of(request).actor.user_id,
        )
        with transaction.atomic():
            try:
                memberships.check(access.of(request), given, clinics, timezone.now())
            except memberships.Refused as refused:
                raise _answer(refused) from None
            given.save(force_insert=True)
        told = serializers.MemberSerializer(given).data
        return Response(told, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="end_access")
    def destroy(self, request: Request, organization_pk: str, pk: int) -> Response:
        """End a role or temporary access at once; it stays on record."""
        membership = get_object_or_404(self.get_queryset(), pk=pk)
        try:
            memberships.end(access.of(request), membership, timezone.now())
        except memberships.Refused as refused:
            raise _answer(refused) from None
        return Response(status=status.HTTP_204_NO_CONTENT)


def _person(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise ValidationError({"username": ["There is nobody of this username. Ask an operator."]})
    return user


def _answer(refused: memberships.Refused) -> APIException:
    if refused.code == LastClinicAdmin.default_code:
        return LastClinicAdmin(str(refused))
    if refused.field and refused.code != MoreThanOwn.default_code:
        return ValidationError({refused.field: [str(refused)]})
    return PermissionDenied(str(refused), refused.code)
