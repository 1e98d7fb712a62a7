"""The guard around this suite: nothing beyond this machine is ever asked."""

from __future__ import annotations

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_a_test_that_leaves_this_machine_fails() -> None:
    # An address of the range that is kept for documentation (RFC 5737). Warnings are errors here,
    # so the guard's own warning, which comes first, already fails a test.
    with pytest.raises((SocketConnectBlockedError, UserWarning), match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
