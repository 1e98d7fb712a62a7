from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .caller import Caller


@pytest.fixture
def open_caller() -> Iterator[Callable[..., Caller]]:
    opened: list[Caller] = []

    def open_one(**options: Any) -> Caller:
        opened.append(Caller(**options))
        return opened[-1]

    yield open_one
    for caller in opened:
        caller.sandbox.close()


@pytest.fixture
def caller(open_caller: Callable[..., Caller]) -> Caller:
    return open_caller()
