"""Django's app entry."""

from django.apps import AppConfig


class WritebacksConfig(AppConfig):
    name = "writebacks"
    verbose_name = "Writebacks"
