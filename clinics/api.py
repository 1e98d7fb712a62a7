"""REST: logging in, and reading clinics and our copy of their records."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, mixins, viewsets
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken

from clinics import access, serializers
from clinics.models import Appointment, Clinic, Location, Operatory, Patient, Practitioner, Record


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


class RecordViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Record]
):
    """One kind of record of one clinic; another organization's clinic is unknown here."""

    lookup_value_converter = "uuid"

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


class PatientViewSet(RecordViewSet):
    """The clinic's patients."""

    queryset = Patient.objects.all()
    serializer_class = serializers.PatientSerializer


class AppointmentViewSet(RecordViewSet):
    """The clinic's appointments."""

    queryset = Appointment.objects.all()
    serializer_class = serializers.AppointmentSerializer
