"""Django's app entry."""

from django.apps import AppConfig


class ClinicsConfig(AppConfig):
    name = "clinics"
    verbose_name = "Clinics"

    def ready(self) -> None:
        from clinics import audit_admin  # noqa: F401  (registers its page)
