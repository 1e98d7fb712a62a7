"""Give a committed writeback to a worker; without a broker the dispatcher finds it in time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

from writebacks.models import Writeback

logger = logging.getLogger(__name__)

#: How long somebody who asked for a look is taken to wait for it.
ATTENTION = timedelta(minutes=1)


def hand_on(writeback: Writeback, due_at: datetime) -> None:
    """Have it sent once the transaction is committed; it is due at this time."""
    from writebacks.tasks import submit

    transaction.on_commit(partial(_enqueue, submit, str(writeback.pk), due_at.isoformat()))


def check_soon(integration_id: UUID) -> None:
    """Have the integration's due writes asked for once the transaction is committed."""
    from writebacks.tasks import check

    transaction.on_commit(partial(_enqueue, check, str(integration_id)))


def look_soon(integration_id: UUID) -> None:
    """Have the integration's unconfirmed writes looked for once the transaction is committed."""
    from writebacks.tasks import reconcile

    transaction.on_commit(partial(_enqueue, reconcile, str(integration_id)))


def _enqueue(task: Task, *arguments: str) -> None:
    try:
        task.delay(*arguments)
    except OperationalError:
        logger.warning("%s %s: no broker now; it is done when one is back", task.name, arguments[0])
