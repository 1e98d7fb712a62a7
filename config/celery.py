"""The Celery app: worker and beat, configured by the CELERY_* settings."""

from __future__ import annotations

import os
import signal
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("frontdesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_the_worker(**_: Any) -> None:
    """Let a pool process end when its worker was killed, instead of waiting for work forever."""
    from config.processes import die_with_parent

    die_with_parent(signal.SIGTERM)
