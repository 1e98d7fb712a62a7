"""The WebSocket of a clinic's numbers: docs/live.md tells its messages and close codes.

A plain ASGI application. Channels' own consumers would subscribe each socket to Redis by itself,
and visit a thread for each message; here the process's hub (metrics/hub.py) hears for all.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

from metrics import admission
from metrics.endings import (
    AWAY,
    GARBAGE,
    TOO_MANY_CONNECTS,
    TOO_MANY_MESSAGES,
    TOO_SLOW,
    Ended,
    Ending,
)
from metrics.hub import hub
from metrics.limits import connects, seats
from metrics.threads import looked_up

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

#: Seconds in which a message has to be taken, and then the farewell.
TAKEN_WITHIN: Final = 10.0
FAREWELL: Final = 2.0
#: A client has nothing to say; so many messages of it are ignored, more are too many.
IGNORED: Final = 100


async def metrics(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Serve one socket from its handshake to its end."""
    if (await receive())["type"] != "websocket.connect":
        return
    address = f"address {(scope.get('client') or ('',))[0]}"
    if connects.is_refused(address):
        await _deny(scope, send)
        return
    offered = scope.get("subprotocols", ())
    chosen = admission.SUBPROTOCOL if admission.SUBPROTOCOL in offered else None
    # Before it is known who it is: browsers tell a page nothing of a handshake that failed.
    await send({"type": "websocket.accept", "subprotocol": chosen})
    reading = asyncio.create_task(_read(receive))
    writing = asyncio.create_task(_write(scope, send))
    try:
        await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending = await _ending_of(reading, writing)
    if ending:
        await _say_farewell(send, ending)


async def unknown(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """Refuse a socket of any other address: the handshake is answered by 403."""
    await receive()
    await send({"type": "websocket.close"})


async def _read(receive: Receive) -> None:
    """Return when the client has gone. Raises Ended for what it should not send."""
    for _ in range(IGNORED):
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            said = json.loads(message.get("text") or "")
        except (ValueError, RecursionError):
            raise Ended(GARBAGE) from None
        if not isinstance(said, dict):
            raise Ended(GARBAGE)
    raise Ended(TOO_MANY_MESSAGES)


async def _write(scope: Mapping[str, Any], send: Send) -> None:
    """Send what comes. Raises Ended."""
    clinic_id = scope["url_route"]["kwargs"]["clinic_id"]
    watcher = await looked_up(admission.of_socket, scope, clinic_id)
    with seats.seat(watcher.login.who):
        hub().join(watcher)
        try:
            async with aclosing(watcher.messages()) as messages:
                async for message in messages:
                    await _send(send, message)
        finally:
            hub().leave(watcher)


async def _send(send: Send, message: Mapping[str, Any]) -> None:
    text = json.dumps(message, separators=(",", ":"))
    try:
        async with asyncio.timeout(TAKEN_WITHIN):
            await send({"type": "websocket.send", "text": text})
    except TimeoutError:
        raise Ended(TOO_SLOW) from None


async def _ending_of(reading: asyncio.Task[None], writing: asyncio.Task[None]) -> Ending | None:
    """Stop what still runs, and return why this ends; None where the client has gone."""
    for each in (reading, writing):
        each.cancel()
    outcomes = await asyncio.gather(reading, writing, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Ended):
            return outcome.ending
    if outcomes[0] is None or isinstance(outcomes[1], OSError):
        return None
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            logger.error("a socket failed", exc_info=outcome)
            return AWAY
    return None


async def _say_farewell(send: Send, ending: Ending) -> None:
    try:
        async with asyncio.timeout(FAREWELL):
            await send({"type": "websocket.send", "text": json.dumps(ending.as_json())})
            await send({"type": "websocket.close", "code": ending.code, "reason": ending.name})
    except (TimeoutError, OSError):  # it takes nothing any more: the server cuts it
        return


async def _deny(scope: Mapping[str, Any], send: Send) -> None:
    """Refuse the handshake, with 429 where the server can say so."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", b"text/plain"), (b"retry-after", b"60")]
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    body = TOO_MANY_CONNECTS.message.encode()
    await send({"type": "websocket.http.response.body", "body": body})
