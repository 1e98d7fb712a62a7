"""Django's app entries of the project itself: its commands and its admin site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class FrontdeskConfig(AppConfig):
    name = "config"
    label = "frontdesk"

    def ready(self) -> None:
        from config import checks  # noqa: F401  (registers the system checks)


class FrontdeskAdminConfig(AdminConfig):
    default_site = "config.admin.FrontdeskAdminSite"
