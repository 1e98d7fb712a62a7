"""What somebody sees of a clinic's live page in a browser, and what the browser complains of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from clinics.models import Clinic

if TYPE_CHECKING:
    from playwright.sync_api import Page

#: Milliseconds in which the page has to have changed.
SOON = 20_000


class Window:
    """A window; `complaints` are errors of scripts, and what the page's security policy forbids."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        #: Complaints with one of these words were to be expected.
        self.expected: tuple[str, ...] = ()
        page.set_default_timeout(SOON)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        text = f"{message.text} {message.location.get('url', '')}"
        if message.type in ("error", "warning") and not any(w in text for w in self.expected):
            self.complaints.append(text)

    def open(self, clinic: Clinic, query: str = "") -> None:
        self.page.goto(f"/admin/clinics/clinic/{clinic.pk}/metrics/{query}")

    def follows_by(self, way: str) -> None:
        """Wait until the page hears of changes this way."""
        self.page.wait_for_selector(f'[data-live-metrics][data-way="{way}"]')

    def part(self, name: str) -> str:
        found = self.page.locator(f'[data-part="{name}"], [data-show="{name}"]').first
        return " ".join(found.inner_text().split())

    def shows(self, name: str, words: str, seconds: float = SOON / 1000) -> None:
        """Wait until a part of the page has these words in it."""
        self.until(lambda: words in self.part(name), f"{name}: {words}", seconds)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = SOON / 1000) -> None:
        for _ in range(int(seconds * 10)):
            if condition():
                return
            self.page.wait_for_timeout(100)
        seen = {name: self.part(name) for name in ("word", "news", "totalBookings")}
        raise AssertionError(f"not within {seconds} s: {what}; seen: {seen}")

    def is_too_wide(self) -> bool:
        """Return whether one has to scroll sideways."""
        return self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
