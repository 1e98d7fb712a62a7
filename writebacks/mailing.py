"""Mail the person who asked how it ended, where they wanted that.

A courtesy: one that is lost with a broker or a mail server is not sent again after some hours.
Webhooks are the way of telling that loses nothing.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import transaction
from drf_spectacular.utils import OpenApiParameter
from kombu.exceptions import OperationalError
from rest_framework import serializers
from rest_framework.request import Request

from writebacks.models import Writeback
from writebacks.states import TERMINAL, Status

logger = logging.getLogger(__name__)

#: What became of it, in words; nothing of a patient goes into a mail.
ENDS: Final = {
    Status.COMPLETED: "confirmed by the clinic's system",
    Status.FAILED: "failed",
    Status.CANCELLED: "withdrawn",
}
TEXT: Final = """\
{operation} at {clinic}, asked for on {asked:%d %B %Y at %H:%M} ({zone}): {end}.

Look at writeback {pk} in Frontdesk for the whole story.
"""


PARAMETER = OpenApiParameter(
    "email",
    type=bool,
    description="Whether you are mailed how it ends, at your login's address; not for API keys.",
)


class WantedSerializer(serializers.Serializer):
    """Whether the asker wants to be mailed."""

    email = serializers.BooleanField(required=False, default=False)


def wanted(request: Request) -> bool:
    """Return whether the asker wants to be mailed. Raises ValidationError where nobody could be."""
    form = WantedSerializer(data=request.query_params.dict())
    form.is_valid(raise_exception=True)
    wants: bool = form.validated_data["email"]
    if wants and not getattr(request.user, "email", ""):
        raise serializers.ValidationError({"email": ["There is no address of yours to mail to."]})
    return wants


def mail_soon(writeback: Writeback) -> None:
    """Have the person who asked told once the transaction is committed, if they want that."""
    if writeback.tells_by_email and writeback.status in TERMINAL and writeback.requested_by_id:
        transaction.on_commit(partial(_enqueue, str(writeback.pk)))


def mail(writeback_id: UUID | str) -> bool:
    """Send the mail; False where there is nobody to tell. Raises what a mail server raises."""
    writeback = Writeback.objects.select_related("clinic", "requested_by").get(pk=writeback_id)
    person = writeback.requested_by
    if person is None or not person.is_active or not person.email:
        return False
    end = ENDS[Status(writeback.status)]
    clinic = writeback.clinic
    text = TEXT.format(
        operation=writeback.get_operation_display(),
        clinic=clinic.name,
        asked=writeback.created_at.astimezone(clinic.zone),
        zone=clinic.timezone,
        end=end,
        pk=writeback.pk,
    )
    subject = f"{writeback.get_operation_display()}: {end}"
    return bool(EmailMessage(subject, text, to=[person.email]).send())


def _enqueue(writeback_id: str) -> None:
    from writebacks.tasks import mail as task

    try:
        task.delay(writeback_id)
    except OperationalError:
        logger.warning("writeback %s: no broker now; nobody is mailed", writeback_id)
