"""What can be asked for, by name. Pure data."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from clinics.models import AppointmentStatus


class Operation(TextChoices):
    """What can be asked for."""

    BOOK = "book", "Book appointment"
    RESCHEDULE = "reschedule", "Reschedule appointment"
    CANCEL = "cancel", "Cancel appointment"
    SET_STATUS = "set_status", "Set appointment status"
    CREATE_PATIENT = "create_patient", "Create patient"
    UPDATE_PATIENT = "update_patient", "Update patient"
    ADD_NOTE = "add_note", "Add medical note"
    RECORD_PAYMENT = "record_payment", "Record payment"


#: What makes a new record in the PMS, whose id is worth knowing.
CREATES = frozenset({Operation.BOOK, Operation.CREATE_PATIENT})

#: What changes an appointment that there is.
CHANGES_APPOINTMENT: Final = frozenset(
    {Operation.RESCHEDULE, Operation.CANCEL, Operation.SET_STATUS}
)


class NewStatus(TextChoices):
    """What an appointment's status can be set to; each PMS has its own word for it."""

    CONFIRMED = "confirmed", "Confirmed by the patient"
    ARRIVED = "arrived", "Arrived"
    NO_SHOW = "noshow", "Did not come"
    CANCELLED = "cancelled", "Cancelled"


#: What our copy of the appointment then says: to FHIR, a confirmed one is booked.
RECORDED_AS: Final = {
    NewStatus.CONFIRMED: AppointmentStatus.BOOKED,
    NewStatus.ARRIVED: AppointmentStatus.ARRIVED,
    NewStatus.NO_SHOW: AppointmentStatus.NO_SHOW,
    NewStatus.CANCELLED: AppointmentStatus.CANCELLED,
}
