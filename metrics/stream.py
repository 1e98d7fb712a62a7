"""REST: a clinic's numbers as server-sent events, for who has no WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Final

from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from clinics.api import OfClinic
from clinics.middleware import address_of
from clinics.models import Clinic
from clinics.permissions import Action
from metrics import logins
from metrics.admission import Question
from metrics.calendar import Name
from metrics.endings import BAD_QUESTION, OVER, Ended
from metrics.hub import hub
from metrics.limits import connects, seats
from metrics.watching import Watcher

#: A stream ends after this time, and its reader comes back: by then with a newer token.
LASTS: Final = timedelta(minutes=10)
#: Milliseconds after which a reader comes back.
RETRY: Final = 1000
#: Seconds in which an event has to be taken.
TAKEN_WITHIN: Final = 10.0


class TooMany(APIException):
    """For connects and for open streams alike; the code says which."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_…"
    default_detail = (
        "`too_many_connects` in the last minute, or `too_many_open` of this login; see Retry-After."
    )
    wait = 60


class NotNow(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "full"
    default_detail = "Too many are watching here just now. Try again soon."
    wait = 5


#: Why a stream does not begin, by the code with which a socket would close.
_REFUSALS: Final[dict[int, type[APIException]]] = {4429: TooMany, 1013: NotNow}


class StreamQuestion(serializers.Serializer):
    """What a stream may be asked."""

    period = serializers.ChoiceField([each.value for each in Name], required=False, default="week")
    last_id = serializers.IntegerField(
        required=False,
        min_value=0,
        help_text="The `id` of the last event that was seen; the header Last-Event-ID wins.",
    )


class StreamViewSet(OfClinic):
    """What a clinic's WebSocket tells, as server-sent events."""

    needs = Action.VIEW_METRICS
    error_answers = {"stream": (TooMany, NotNow)}
    queryset = Clinic.objects.none()

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[BaseRenderer, str]:
        """Answer errors as JSON: a browser's EventSource accepts only what a stream is."""
        return JSONRenderer(), JSONRenderer.media_type

    @extend_schema(
        operation_id="clinic_metrics_stream",
        parameters=[
            StreamQuestion,
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR, "Events `snapshot`, `update`, `heartbeat` and `error`, without "
                "end; the data are JSON. docs/live.md tells of each."
            )
        },
    )  # fmt: skip
    def stream(self, request: Request, clinic_pk: str) -> StreamingHttpResponse:
        """Tell a clinic's numbers, and each change of them."""
        clinic = self.get_clinic()
        try:
            watcher = _watcher(request, clinic)
        except Ended as ended:
            raise _refusal(ended) from None
        return StreamingHttpResponse(
            Events(watcher),
            content_type="text/event-stream",
            headers={
                "Cache-Control": "private, no-cache, no-transform",
                "X-Accel-Buffering": "no",  # nginx would collect events before passing them on
            },
        )


def _watcher(request: Request, clinic: Clinic) -> Watcher:
    connects.take(f"address {address_of(request._request)}")
    last_id = str(request.META.get("HTTP_LAST_EVENT_ID", ""))
    question = Question.of(request.query_params.dict(), last_id)
    login = logins.of(request.user, request.auth, request._request)
    connects.take(login.who)
    seats.check(login.who)
    return Watcher(
        clinic.pk, clinic.organization_id, login, question.period, question.last_id, LASTS
    )


def _refusal(ended: Ended) -> APIException:
    ending = ended.ending
    if ending is BAD_QUESTION:
        return serializers.ValidationError({"period": [ending.message]})
    if kind := _REFUSALS.get(ending.code):
        return kind(ending.message, ending.name)
    return serializers.ValidationError(ending.message)


class Events:
    """The events of a stream, which Django closes with the answer however that ended."""

    def __init__(self, watcher: Watcher) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._events = self._begin(watcher)

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._events

    async def _begin(self, watcher: Watcher) -> AsyncGenerator[bytes, None]:
        self._loop = asyncio.get_running_loop()
        async with aclosing(_events(watcher)) as events:
            async for each in events:
                yield each

    def close(self) -> None:
        """End, from the thread in which Django closes answers."""
        if self._loop and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._events.aclose(), self._loop)


async def _events(watcher: Watcher) -> AsyncGenerator[bytes, None]:
    """Yield the events of a stream until it has lasted."""
    await _let_go()
    yield f"retry: {RETRY}\n\n".encode()
    try:
        with seats.seat(watcher.login.who):
            hub().join(watcher)
            try:
                async with aclosing(watcher.messages()) as messages:
                    async for message in messages:
                        with _soon_taken():
                            yield _event(message)
            finally:
                hub().leave(watcher)
    except Ended as ended:
        if ended.ending is not OVER:
            yield _event(ended.ending.as_json())


def _event(message: dict[str, Any]) -> bytes:
    number = f"id: {message['id']}\n" if message.get("id") else ""
    data = json.dumps(message, separators=(",", ":"))
    return f"event: {message['type']}\n{number}data: {data}\n\n".encode()


class _soon_taken:
    """Cancel the request whose event is not taken in time: it would hold its seat for ever."""

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101
        self._timer = asyncio.get_running_loop().call_later(TAKEN_WITHIN, task.cancel)

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()


async def _let_go() -> None:
    """Give back what Django keeps for a request until its end: a connection, and a thread.

    Should the thread be asked for once more, asgiref makes a new one.
    """
    await sync_to_async(lambda: connection.close())()  # that of the request's thread
    request = SyncToAsync.thread_sensitive_context.get(None)
    thread = SyncToAsync.context_to_thread_executor.pop(request, None) if request else None
    if thread is not None:
        thread.shutdown(wait=False)
