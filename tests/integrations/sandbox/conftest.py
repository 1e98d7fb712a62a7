from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .gateway import Gateway


@pytest.fixture
def open_gateway() -> Iterator[Callable[..., Gateway]]:
    opened: list[Gateway] = []

    def open_one(**options: Any) -> Gateway:
        opened.append(Gateway(**options))
        return opened[-1]

    yield open_one
    for gateway in opened:
        gateway.sandbox.close()


@pytest.fixture
def gateway(open_gateway: Callable[..., Gateway]) -> Gateway:
    return open_gateway()
