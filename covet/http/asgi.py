"""Running an ASGI application as a step that yields a response, so that layers above may still change its headers.

Mounted applications and pure ASGI middleware in the middle of the list go through `respond`. The application runs in
the caller's own task: when it starts to stream, its coroutine is suspended, and goes on when the response is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from covet.http.response import Response

PAUSE: Final = object()
SUPPORTED: Final = frozenset({"http.response.start", "http.response.body", "http.response.pathsend"})


@coroutine
def _pause() -> Generator[Any, Any, None]:
    yield PAUSE


class _Steps:
    """A coroutine that is driven until it finishes or pauses."""

    def __init__(self, coro: Coroutine[Any, Any, None]) -> None:
        self.coro = coro

    @coroutine
    def advance(self) -> Generator[Any, Any, bool]:
        """Drive on; whether it has finished."""
        value: Any = None
        thrown: BaseException | None = None
        while True:
            try:
                signal = self.coro.send(value) if thrown is None else self.coro.throw(thrown)
            except StopIteration:
                return True
            if signal is PAUSE:
                return False
            value = thrown = None
            try:
                value = yield signal
            except BaseException as error:  # noqa: BLE001 - cancellation belongs to the coroutine
                thrown = error


class _Capture:
    """The `send` an application gets: keeps the messages until the response is sent, then passes them on."""

    def __init__(self) -> None:
        self.started: Message | None = None
        self.messages: list[Message] = []
        self.complete = False
        self.send: Send | None = None
        self.task = asyncio.current_task()

    async def __call__(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self.started = message
            return
        if self.send is not None:
            await self.send(message)
            return
        self.messages.append(message)
        if kind == "http.response.pathsend" or not message.get("more_body", False):
            self.complete = True
        elif asyncio.current_task() is self.task:
            await _pause()


class CapturedResponse(Response):
    """What an application answered: status, headers, and a body that may still be in the making."""

    def __init__(self, capture: _Capture, steps: _Steps, *, finished: bool) -> None:
        assert capture.started is not None
        self.status_code = capture.started["status"]
        self.raw_headers = [(bytes(name).lower(), bytes(value)) for name, value in capture.started.get("headers", ())]
        self.background = None
        self._capture = capture
        self._steps = steps
        self._finished = finished
        self.streaming = not capture.complete or any(m["type"] != "http.response.body" for m in capture.messages)
        self.body = b"" if self.streaming else b"".join(message.get("body", b"") for message in capture.messages)

    def start(self) -> Message:
        if self.streaming:
            return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        return super().start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self.start())
        if self.streaming:
            self._capture.send = send
            for message in self._capture.messages:
                await send(message)
        else:
            await send({"type": "http.response.body", "body": b"" if scope.get("method") == "HEAD" else self.body})
        if not self._finished:
            self._finished = True
            await self._steps.advance()

    def close(self) -> None:
        """End an application whose response will not be sent."""
        if not self._finished:
            self._finished = True
            self._steps.coro.close()


async def respond(application: ASGIApp, scope: Scope, receive: Receive) -> CapturedResponse:
    """Run `application` up to where its response is known.

    Raises:
        RuntimeError: it ended without a response.
    """
    # Starlette then streams from this task, where it can be suspended, instead of a child.
    scope["asgi"] = {**scope.get("asgi", {}), "spec_version": "2.4"}
    capture = _Capture()
    steps = _Steps(application(scope, receive, capture))  # type: ignore[arg-type]
    finished = await steps.advance()
    if capture.started is None:
        steps.coro.close()
        raise RuntimeError(f"{application!r} returned without sending a response.")
    return CapturedResponse(capture, steps, finished=finished)
