"""REST: reading clinics and our copy of their records."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.serializers import Serializer

from audit.reads import AuditedReads
from clinics import access, serializers
from clinics.authorization import needed, require
from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Operatory,
    Patient,
    Practitioner,
)
from clinics.permissions import Action


class ClinicViewSet(viewsets.ReadOnlyModelViewSet[Clinic]):
    """The clinics that this login may see."""

    needs = Action.VIEW_CLINICS
    lookup_value_converter = "uuid"
    queryset = Clinic.objects.none()
    serializer_class = serializers.ClinicSerializer

    def get_queryset(self) -> QuerySet[Clinic]:
        clinics = Clinic.objects.select_related("organization")
        return access.of(self.request).visible(clinics, self.needs)


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


class OfClinic(viewsets.GenericViewSet[Any]):
    """What is asked about one clinic; another organization's is unknown here."""

    needs: Any = Action.VIEW_CLINICS
    #: A view that needs more of the clinic reads it in the same query.
    clinics: QuerySet[Clinic] = Clinic.objects.all()

    def get_clinic(self) -> Clinic:
        """Return the clinic of the address, with which this may be done, or refuse the request."""
        found = access.of(self.request)
        clinics = found.visible(self.clinics.all(), Action.VIEW_CLINICS)
        clinic = get_object_or_404(clinics, pk=self.kwargs["clinic_pk"])
        require(self.request, needed(self), clinic)
        return clinic


@extend_schema_view(list=extend_schema(parameters=[serializers.RecordFilters]))
class RecordViewSet(OfClinic, NarrowedList, mixins.RetrieveModelMixin):
    """One kind of record of one clinic.

    What is no more in the PMS is in no list but those with `updated_since`: who follows the
    changes has to see that one, too.
    """

    lookup_value_converter = "uuid"
    filters = serializers.RecordFilters

    @property
    def page_order(self) -> tuple[str, ...]:
        """By the key: an import makes thousands of rows in one moment. By their last change for
        who follows those: what changes on the way comes once more, on a later page."""
        return ("updated_at", "pk") if self._follows() else ("pk",)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = super().filter_queryset(queryset)
        if self.action == "list" and not self._follows():
            return queryset.filter(removed_at=None)
        return queryset

    def _follows(self) -> bool:
        return "updated_since" in self.request.query_params

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


class AppointmentTypeViewSet(RecordViewSet):
    """The clinic's kinds of visits."""

    queryset = AppointmentType.objects.all()
    serializer_class = serializers.AppointmentTypeSerializer


@extend_schema_view(list=extend_schema(parameters=[serializers.PatientFilters]))
class PatientViewSet(AuditedReads, RecordViewSet):
    """The clinic's patients."""

    needs: Any = Action.VIEW_PATIENTS
    patient_attribute = "pk"
    filters = serializers.PatientFilters
    queryset = Patient.objects.all()
    serializer_class = serializers.PatientSerializer


@extend_schema_view(list=extend_schema(parameters=[serializers.AppointmentFilters]))
class AppointmentViewSet(AuditedReads, RecordViewSet):
    """The clinic's appointments."""

    needs: Any = Action.VIEW_PATIENTS
    filters = serializers.AppointmentFilters
    queryset = Appointment.objects.all()
    serializer_class = serializers.AppointmentSerializer
