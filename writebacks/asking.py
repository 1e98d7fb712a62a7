"""What all changes that are asked for over REST have in common, whatever it is that changes.

The Idempotency-Key is looked up before anything else is checked: what was a good request once stays
one, and is answered with the writeback that it made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response
from rest_framework.reverse import reverse

from clinics.models import Clinic
from integrations.models import Integration
from integrations.profile_model import Profile
from integrations.profiles import profile_of
from integrations.system import System
from writebacks import mailing, refusals, requests, services, slots, waiting
from writebacks.alternatives import Alternatives, alternatives
from writebacks.fields import ClinicForm
from writebacks.models import Writeback
from writebacks.opening import hours_of, is_open
from writebacks.operations import Operation
from writebacks.serializers import WritebackDetailSerializer, in_detail

LONGEST_KEY = 255

#: A request for a time.
Timed = requests.Booking | requests.Rescheduling
F = TypeVar("F", bound=ClinicForm)

KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    description="The same key and body give the same writeback, however often sent.",
)


def documented(operation_id: str, form: Any = None) -> Any:
    """Return the decorator that puts one way to ask into the schema."""
    return extend_schema(
        operation_id=operation_id,
        request=form,
        responses={202: WritebackDetailSerializer},
        parameters=[KEY_PARAMETER, waiting.PARAMETER, mailing.PARAMETER],
    )


def idempotency_key(request: HttpRequest) -> str:
    """Return the request's Idempotency-Key, or refuse the request."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise refusals.IdempotencyKeyRequired
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A change that is being asked for, at a clinic whose PMS can do it."""

    clinic: Clinic
    profile: Profile
    system: System
    asker: services.Asker
    now: datetime
    awaited_until: datetime | None

    def read(self, form: type[F], body: Any) -> F:
        """Return the form with what was sent in it. Raises ValidationError."""
        context = {name: getattr(self, name) for name in ("clinic", "profile", "system", "now")}
        filled = form(data=body, context=context)
        filled.is_valid(raise_exception=True)
        return filled

    def request(
        self, asked: requests.Request, *, after: Writeback | None = None, by_us: bool = False
    ) -> tuple[Writeback, bool]:
        """Write it down; return it, and whether it is new. `by_us`: only part of what was asked."""
        asker = services.Asker(user=self.asker.user) if by_us else self.asker
        with self.offering_others(asked):
            return services.request(
                self.clinic, asked, asker, self.now, after=after, awaited_until=self.awaited_until
            )

    def keep_to_hours(self, asked: Timed) -> None:
        """Refuse a time at which the clinic is known to be closed."""
        zone = asked.location.zone
        if not is_open(self.profile, asked.practitioner, asked.starts_at, asked.ends_at, zone):
            message = "The clinic is closed then, or the practitioner is not there."
            raise refusals.OutsideHours(message, "closed", self._others(asked))

    @contextmanager
    def offering_others(self, asked: requests.Request) -> Iterator[None]:
        """Answer a time that is taken with others that are free."""
        try:
            yield
        except slots.SlotTaken as error:
            if not isinstance(asked, Timed):
                raise
            raise refusals.SlotTaken(str(error), error.reason, self._others(asked)) from None

    def _others(self, asked: Timed) -> Alternatives:
        location = asked.location
        return alternatives(
            self.clinic,
            asked.practitioner,
            asked.operatory,
            asked.starts_at,
            asked.ends_at,
            self.now,
            location=location,
            hours=hours_of(self.profile, asked.practitioner, location.zone),
            ignore_appointment=getattr(asked, "appointment", None),
        )


def ask(
    request: HttpRequest,
    clinic: Clinic,
    operation: Operation,
    carry_out: Callable[[Ask], tuple[Writeback, bool]],
    **target: Any,
) -> Response:
    """Answer a request for a change: 202 with its writeback, new or the same as before.

    `carry_out` checks what was sent and writes it down; `target` is what of the request stands in
    its address.
    """
    seconds = waiting.seconds_asked(request)
    now = timezone.now()
    body = {**{name: str(value) for name, value in target.items()}, "body": request.data}
    asker = services.Asker(
        user=request.user,
        by_email=mailing.wanted(request),
        idempotency_key=idempotency_key(request),
        request_hash=services.request_hash(operation, clinic, body if target else request.data),
    )
    awaited_until = waiting.until(now, seconds)
    with refusals.over_rest():
        if earlier := services.made_before(clinic, asker):
            writeback, is_new = earlier, False
            waiting.tell(writeback, awaited_until)
        else:
            integration, adapter = services.connected(clinic, operation)
            writeback, is_new = carry_out(
                Ask(
                    clinic=clinic,
                    profile=_profile(integration, clinic),
                    system=adapter,
                    asker=asker,
                    now=now,
                    awaited_until=awaited_until,
                )
            )
    waiting.wait_for(writeback, seconds)
    return accepted(request, writeback, is_new=is_new)


def accepted(request: HttpRequest, writeback: Writeback, *, is_new: bool = True) -> Response:
    """Return the 202 of a writeback as it stands now, with its address."""
    location = reverse("writeback-detail", [writeback.pk], request=request)
    return Response(
        WritebackDetailSerializer(in_detail(Writeback.objects).get(pk=writeback.pk)).data,
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": location} | ({} if is_new else {"Idempotent-Replayed": "true"}),
    )


def _profile(integration: Integration, clinic: Clinic) -> Profile:
    integration.clinic = clinic  # the same row, read already
    return profile_of(integration)
