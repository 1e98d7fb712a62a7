"""Why a change cannot be asked for, over REST: a status and a code for each error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers, status
from rest_framework.exceptions import APIException

from writebacks import requests, services
from writebacks.alternatives import Alternatives


class IdempotencyKeyRequired(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "idempotency_key_required"
    default_detail = (
        "Send an Idempotency-Key header: a value of your own, 1 to 255 characters, new for "
        "each change that you ask for and the same when you repeat a request."
    )


class IdempotencyKeyReused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Send a new one."


class InTheWay(APIException):
    """It cannot be done as things stand; the code says what is in the way."""

    status_code = status.HTTP_409_CONFLICT


class ClinicNotConnected(InTheWay):
    default_code = "clinic_not_connected"
    default_detail = "This clinic is not connected to a PMS yet; nothing can be changed in it."


class OperationNotSupported(InTheWay):
    default_code = "operation_not_supported"
    default_detail = "This clinic's PMS cannot do that."


class ProfileIncomplete(InTheWay):
    default_code = "profile_incomplete"
    default_detail = "The integration's profile lacks what the PMS needs for this."


class RecordIncomplete(InTheWay):
    default_code = "record_incomplete"
    default_detail = "A record lacks what the PMS needs of it; the message says what."


class OfferingOthers(InTheWay):
    """Another time has to be found; `details` offers some."""

    def __init__(self, message: str, reason: str, others: Alternatives) -> None:
        super().__init__(message)
        self.details = OthersSerializer(
            {"reason": reason, "alternatives": others.slots, "inferred": others.inferred}
        ).data


class SlotTaken(OfferingOthers):
    default_code = "slot_taken"
    default_detail = (
        "The practitioner or the operatory is taken at that time; `details` has `alternatives`, "
        "and `inferred`: whether these are guessed from past visits, the hours being unknown."
    )


class OutsideHours(OfferingOthers):
    default_code = "outside_hours"
    default_detail = (
        "The clinic is not open, or the practitioner not there, at that time; `details` has "
        "`alternatives`. To ask for it nevertheless, send `outside_hours: true`."
    )


class FreeSlotSerializer(serializers.Serializer):
    """A time that is free as far as we know."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    practitioner = serializers.UUIDField(source="practitioner_id")
    operatory = serializers.UUIDField(source="operatory_id", allow_null=True)


class OthersSerializer(serializers.Serializer):
    """What the `details` of a refusal offer instead."""

    reason = serializers.CharField()
    alternatives = FreeSlotSerializer(many=True)
    inferred = serializers.BooleanField()


@dataclass(frozen=True, slots=True)
class Named:
    """A code of services.Conflict, for the schema."""

    default_code: str
    default_detail: str
    status_code: int = status.HTTP_409_CONFLICT


#: Of whatever is asked for.
ALWAYS: tuple[Any, ...] = (
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    ClinicNotConnected,
    OperationNotSupported,
    ProfileIncomplete,
    RecordIncomplete,
)
TIME: tuple[Any, ...] = (SlotTaken, OutsideHours)
EARLIER_FAILED = Named(
    "earlier_failed", "What it depends on failed or was withdrawn; ask for that again first."
)
APPOINTMENT_VOID = Named(
    "appointment_cancelled",
    "The appointment is cancelled; `appointment_entered-in-error` likewise.",
)
APPOINTMENT_OVER = Named(
    "appointment_noshow", "The patient did not come; `appointment_fulfilled`: it took place."
)
APPOINTMENT_PAST = Named("appointment_past", "The appointment has passed.")
BEING_CHANGED = Named("being_changed", "Another change of the same is on its way.")
CANNOT_WITHDRAW = Named("cannot_withdraw", "It is too late, or this PMS takes nothing back.")
MOVED_ON = Named("moved_on", "It has just moved on; look at it again.")
NOT_FAILED = Named("not_failed", "It has not failed: there is nothing to repeat.")
RETRIED_ALREADY = Named("retried_already", "It was asked for again already; see `retried_as`.")
TIME_PASSED = Named("time_passed", "Its time has passed; ask for another one.")
NOT_OPEN = Named("not_open", "It is at its end, or not sent yet: the PMS need not be asked.")
NOT_UNCONFIRMED = Named("not_unconfirmed", "It is not unconfirmed: nothing is to be decided.")


@contextmanager
def over_rest() -> Iterator[None]:
    """Raise what the services raise as an answer of the API."""
    try:
        yield
    except services.KeyReused:
        raise IdempotencyKeyReused from None
    except services.NotConnected:
        raise ClinicNotConnected from None
    except services.NotSupported as error:
        raise OperationNotSupported(str(error)) from None
    except requests.NotConfigured as error:
        raise ProfileIncomplete(str(error)) from None
    except requests.Incomplete as error:
        raise RecordIncomplete(str(error)) from None
    except services.Conflict as error:
        raise InTheWay(str(error), error.code) from None
