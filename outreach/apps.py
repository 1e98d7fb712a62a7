"""Django's app entry."""

from django.apps import AppConfig


class OutreachConfig(AppConfig):
    name = "outreach"
    verbose_name = "Calls to patients"

    def ready(self) -> None:
        """Hear of every change at a clinic: who books needs no call any more."""
        from clinics import changes
        from outreach import tasks

        changes.subscribe(tasks.ask)
