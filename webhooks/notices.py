"""Mail the clinic admins of an organization that one of its webhooks was disabled."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Final

from django.core.mail import EmailMessage, get_connection

from clinics.models import Membership, Role
from webhooks.models import Notice, Reason

logger = logging.getLogger(__name__)

#: How long a mail server that fails is left alone, and how long it is tried at all.
AGAIN: Final = timedelta(hours=1)
GIVEN_UP_AFTER: Final = timedelta(days=3)

WHY: Final = {
    Reason.GONE: "Its server answered 410: nobody wants to be told there any more.",
    Reason.FAILING: "Every attempt to reach its server has failed since {since} UTC.",
    Reason.KEY_ENDED: "The API key that set it up was revoked or has expired.",
}
TEXT: Final = """\
Frontdesk has stopped telling a webhook of {organization} what happens.

Webhook: {webhook}
{why}

What was still on its way has been cancelled, and new events are not kept for it. Once its server
answers again, a clinic admin can enable the webhook in Frontdesk, and send again what did not
arrive.
"""


def due(now: datetime) -> list[int]:
    """Return the notices that have a mail to be sent."""
    return list(Notice.objects.filter(mail_due_at__lte=now).values_list("pk", flat=True))


def mail(notice_id: int, now: datetime) -> bool:
    """Send the mails of a notice that is due; a mail server that fails is asked again later."""
    claimed = Notice.objects.filter(pk=notice_id, mail_due_at__lte=now)
    if not claimed.update(mail_due_at=now + AGAIN):
        return False
    notice = Notice.objects.select_related("endpoint", "organization").get(pk=notice_id)
    # A subject is one line, and a description may be several.
    subject = " ".join(f"Webhook disabled: {notice.endpoint}".split())
    text = _text(notice)
    mails = [EmailMessage(subject, text, to=[address]) for address in _addresses(notice)]
    try:
        if mails:
            get_connection().send_messages(mails)
    except (OSError, SMTPException) as error:
        # The type alone: a server's words repeat addresses.
        logger.error("notice %s was not mailed: %s", notice_id, type(error).__name__)
        if now - notice.at >= GIVEN_UP_AFTER:
            Notice.objects.filter(pk=notice_id).update(mail_due_at=None)
        return False
    Notice.objects.filter(pk=notice_id).update(mail_due_at=None, mailed_at=now if mails else None)
    return bool(mails)


def _addresses(notice: Notice) -> list[str]:
    """Return where the clinic admins of the whole organization read their mail."""
    admins = Membership.objects.current(notice.at).filter(
        organization_id=notice.organization_id,
        role=Role.CLINIC_ADMIN,
        clinics=[],
        user__is_active=True,
    )
    return sorted(set(admins.exclude(user__email="").values_list("user__email", flat=True)))


def _text(notice: Notice) -> str:
    since = notice.failing_since
    return TEXT.format(
        organization=notice.organization,
        webhook=notice.endpoint,
        why=WHY[Reason(notice.reason)].format(since=f"{since:%d %b %Y, %H:%M}" if since else "–"),
    )
