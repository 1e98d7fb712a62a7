"""Django's app entry."""

from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "metrics"
    verbose_name = "Metrics"

    def ready(self) -> None:
        """Hear of every change at a clinic, and of whose access has changed."""
        from accounts import changes as access_changes
        from clinics import changes
        from metrics import live, tasks

        changes.subscribe(tasks.ask)
        access_changes.subscribe(live.publish_access)
