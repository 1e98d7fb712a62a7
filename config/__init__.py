"""The project: settings, processes and everything that belongs to no single app."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
