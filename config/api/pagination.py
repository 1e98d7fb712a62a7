"""How lists are cut into pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from django.utils.timezone import is_naive
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class NewestFirst(CursorPagination):
    """Pages by cursor, which stay right while rows are added; `page_size` goes up to 200.

    A view may name another order in `page_order`: fields that all go one way, the last one unique.
    A cursor holds all of their values. DRF's own holds the first one's and counts rows from there,
    up to 1,000: where more rows share a moment, its pages repeat without end.
    """

    ordering: tuple[str, ...] = ("-created_at", "-pk")
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return one page of rows, and remember what its links need."""
        self.base_url = request.build_absolute_uri()
        self.ordering = getattr(view, "page_order", self.ordering)
        self.names = [name.lstrip("-") for name in self.ordering]
        size = self.get_page_size(request) or 1
        _, reverse, position = self.decode_cursor(request) or Cursor(0, False, None)
        descending = self.ordering[0].startswith("-") is not reverse
        if position is not None:
            values = self._values(position, queryset.model)
            queryset = queryset.filter(_beyond(self.names, values, "lt" if descending else "gt"))
        order = [f"-{name}" if descending else name for name in self.names]
        rows = list(queryset.order_by(*order)[: size + 1])
        self.page = rows[:size]
        ahead, behind = len(rows) > size, position is not None
        if reverse:
            self.page.reverse()
        self.has_next, self.has_previous = (behind, ahead) if reverse else (ahead, behind)
        return self.page

    def get_next_link(self) -> str | None:
        """Return the address of what comes after this page."""
        return self._link(self.page[-1], reverse=False) if self.page and self.has_next else None

    def get_previous_link(self) -> str | None:
        """Return the address of what comes before this page."""
        return self._link(self.page[0], reverse=True) if self.page and self.has_previous else None

    def _link(self, row: Model, *, reverse: bool) -> str:
        position: Any = "|".join(str(getattr(row, name)) for name in self.names)
        return self.encode_cursor(Cursor(offset=0, reverse=reverse, position=position))

    def _values(self, position: Any, model: type[Model]) -> list[Any]:
        """Return what a cursor holds; one that somebody made up is not found."""
        try:
            return [
                _value(model, name, text)
                for name, text in zip(self.names, position.split("|"), strict=True)
            ]
        except (ValidationError, ValueError, OverflowError):
            raise NotFound(self.invalid_cursor_message) from None


def _value(model: type[Model], name: str, text: str) -> Any:
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    value = field.to_python(text)
    if isinstance(value, datetime):
        if is_naive(value):
            raise ValueError("a moment without its offset")
        return value.astimezone(UTC)  # PostgreSQL takes fewer offsets than Python
    return value


def _beyond(names: Sequence[str], values: Sequence[Any], way: str) -> Q:
    """Return the condition for the rows that come after these values."""
    *pairs, (name, value) = zip(names, values, strict=True)
    beyond = Q((f"{name}__{way}", value))
    for name, value in reversed(pairs):
        # The first half is implied by the second, and lets the database use its index.
        beyond = Q((f"{name}__{way}e", value)) & (Q((f"{name}__{way}", value)) | beyond)
    return beyond
