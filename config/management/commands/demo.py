"""`manage.py demo`: fill the demo organization and book one appointment, before your eyes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import requests
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.demo.booking import Api, DemoFailed, book_once
from config.demo.seed import seed
from integrations.http.errors import PmsError


class Command(BaseCommand):
    help = (
        "Fill the demo organization from a running sandbox and book one appointment through the "
        "REST API of a running web. `make run` starts both and then calls this."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--web", default="http://127.0.0.1:8000", help="address of the web")
        parser.add_argument(
            "--sandbox", default="http://127.0.0.1:8100", help="address of the sandbox"
        )
        parser.add_argument(
            "--patience",
            type=int,
            default=180,
            metavar="SECONDS",
            help="give up when the booking has not ended after so long (default 180)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        web = options["web"].rstrip("/")
        try:
            logins = seed(options["sandbox"].rstrip("/"), self._say)
            self._say("")
            for login in logins:
                self._say(f"login  {login.username} / {login.password}  ({login.what_for})")
            self._say("")
            api = Api(web)
            api.login(logins[1])
            result = book_once(
                api,
                options["sandbox"].rstrip("/"),
                self._say,
                timedelta(seconds=options["patience"]),
            )
        except (DemoFailed, PmsError) as error:
            raise CommandError(f"The demo failed: {error}") from None
        except requests.RequestException as error:
            raise CommandError(
                f"No answer from {getattr(error.request, 'url', 'the web or the sandbox')}. "
                "Are both running? `make run` starts them."
            ) from None
        self._say(f"See it at {web}/admin/writebacks/writeback/{result.writeback_id}/change/")
        self._say(f"{result.seconds:.1f} seconds, {result.calls} calls, {result.status}")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
