"""The Celery app: worker and beat, configured by the CELERY_* settings."""

from __future__ import annotations

import os
import signal
from typing import Any

from celery import Celery, Task
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class ScopedTask(Task):
    """A task begins for no tenant, and enters the scope of what it was given (tenancy/scope.py)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from tenancy import scope

        with scope.acting(self.name):
            return super().__call__(*args, **kwargs)


app = Celery("frontdesk", task_cls=ScopedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def end_with_the_worker(**_: Any) -> None:
    """Let a pool process end when its worker was killed, instead of waiting for work forever."""
    from config.processes import die_with_parent

    die_with_parent(signal.SIGTERM)
