"""REST: logging in, and reading clinics and our copy of their records."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, mixins, viewsets
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken

from audit import logins
from audit.models import Action
from audit.reads import AuditedReads
from clinics import access, serializers
from clinics.models import Appointment, Clinic, Location, Operatory, Patient, Practitioner


class LoginView(generics.GenericAPIView):
    """Exchange a username and password for an access token of some minutes."""

    authentication_classes = ()
    permission_classes = ()
    serializer_class = serializers.LoginSerializer

    @extend_schema(
        operation_id="login",
        auth=[],
        responses=serializers.AccessTokenSerializer,
    )
    def post(self, request: Request) -> Response:
        login = self.get_serializer(data=request.data)
        login.is_valid(raise_exception=True)
        user = authenticate(request._request, **login.validated_data)
        if user is None:
            raise AuthenticationFailed("No such username with this password.", "bad_login")
        logins.note(Action.LOGIN, user.pk, to="api")
        token = AccessToken.for_user(user)
        lifetime = int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())
        return Response({"access": str(token), "expires_in": lifetime})

    def get_authenticate_header(self, request: Request) -> str:
        """Make a refused login a 401 although this view itself asks for no login."""
        return "Bearer"


class ClinicViewSet(viewsets.ReadOnlyModelViewSet[Clinic]):
    """The clinics that this login may see."""

    lookup_value_converter = "uuid"
    queryset = Clinic.objects.none()
    serializer_class = serializers.ClinicSerializer

    def get_queryset(self) -> QuerySet[Clinic]:
        return access.visible(Clinic.objects.select_related("organization"), self.request.user)


class NarrowedList(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """A list that query parameters narrow; one that it does not know, or an empty one, is a 400."""

    #: The parameters, each with a lookup as its `source`.
    filters: type[Serializer] | None = None

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = super().filter_queryset(queryset)
        if self.action != "list" or self.filters is None:
            return queryset
        # As a plain dict, in which an empty value is a value, and not no filter at all.
        asked = self.filters(data=self.request.query_params.dict())
        asked.is_valid(raise_exception=True)
        return queryset.filter(**asked.validated_data)


class RecordViewSet(NarrowedList, mixins.RetrieveModelMixin):
    """One kind of record of one clinic; another organization's clinic is unknown here."""

    lookup_value_converter = "uuid"
    #: An import makes thousands of rows in one moment; their keys are unique.
    page_order = ("pk",)

    def get_clinic(self) -> Clinic:
        clinics = access.visible(Clinic.objects.all(), self.request.user)
        return get_object_or_404(clinics, pk=self.kwargs["clinic_pk"])

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return super().get_queryset().filter(clinic=self.get_clinic())


class LocationViewSet(RecordViewSet):
    """The clinic's sites."""

    queryset = Location.objects.all()
    serializer_class = serializers.LocationSerializer


class PractitionerViewSet(RecordViewSet):
    """The clinic's clinicians."""

    queryset = Practitioner.objects.all()
    serializer_class = serializers.PractitionerSerializer


class OperatoryViewSet(RecordViewSet):
    """The clinic's chairs and rooms."""

    queryset = Operatory.objects.all()
    serializer_class = serializers.OperatorySerializer


@extend_schema_view(list=extend_schema(parameters=[serializers.PatientFilters]))
class PatientViewSet(AuditedReads, RecordViewSet):
    """The clinic's patients."""

    patient_attribute = "pk"
    filters = serializers.PatientFilters
    queryset = Patient.objects.all()
    serializer_class = serializers.PatientSerializer


@extend_schema_view(list=extend_schema(parameters=[serializers.AppointmentFilters]))
class AppointmentViewSet(AuditedReads, RecordViewSet):
    """The clinic's appointments."""

    filters = serializers.AppointmentFilters
    queryset = Appointment.objects.all()
    serializer_class = serializers.AppointmentSerializer
