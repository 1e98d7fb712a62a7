from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .service import Service


@pytest.fixture
def open_service() -> Iterator[Callable[..., Service]]:
    opened: list[Service] = []

    def open_one(**knobs: Any) -> Service:
        opened.append(Service(**knobs))
        return opened[-1]

    yield open_one
    for service in opened:
        service.sandbox.close()


@pytest.fixture
def service(open_service: Callable[..., Service]) -> Service:
    return open_service()
