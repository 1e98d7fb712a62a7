"""Django's app entry."""

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "metrics"
    verbose_name = "Metrics"

    def ready(self) -> None:
        """Hear of every change at a clinic."""
        from clinics import changes
        from metrics import tasks

        changes.subscribe(tasks.ask)
