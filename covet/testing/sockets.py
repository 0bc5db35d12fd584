"""WebSockets of the test client: the application runs in a task, messages go through queues."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocketDisconnect

from covet.http.encoding import dumps, loads

TIMEOUT = 10.0
"""Seconds that a test waits for a message before it fails."""


class WebSocketRefused(WebSocketDisconnect):
    """The application closed the connection instead of accepting it."""


class WebSocketSession:
    """A client's end of a WebSocket: `async with client.websocket_connect("/chat/") as ws`.

    Attributes:
        accepted_subprotocol: what the application chose.
        extra_headers: those of its acceptance.
    """

    accepted_subprotocol: str | None = None
    extra_headers: list[tuple[bytes, bytes]]

    def __init__(self, app: ASGIApp, scope: dict[str, Any], *, raise_server_exceptions: bool = True) -> None:
        self.scope = scope
        self.extra_headers = []
        self._app = app
        self._raising = raise_server_exceptions
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._run())
        self._to_app.put_nowait({"type": "websocket.connect"})
        message = await self.receive()
        if message["type"] != "websocket.accept":
            await self._finish()
            raise WebSocketRefused(message.get("code", 1000), message.get("reason") or "")
        self.accepted_subprotocol = message.get("subprotocol")
        self.extra_headers = list(message.get("headers") or ())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        await self._finish(quiet=error is not None)

    async def _run(self) -> None:
        try:
            await self._app(self.scope, self._to_app.get, self._from_app.put)
        finally:
            self._from_app.put_nowait({"type": "websocket.close", "code": 1005})

    async def _finish(self, *, quiet: bool = False) -> None:
        assert self._task is not None
        done, _ = await asyncio.wait((self._task,), timeout=TIMEOUT)
        if not done:
            self._task.cancel()
        results = await asyncio.gather(self._task, return_exceptions=True)
        problems = [result for result in results if isinstance(result, Exception)] or self.scope["covet.errors"]
        if problems and self._raising and not quiet:
            raise problems[0]

    async def send(self, message: Message) -> None:
        """Send an ASGI message."""
        self._to_app.put_nowait(message)

    async def send_text(self, data: str) -> None:
        """Send text."""
        await self.send({"type": "websocket.receive", "text": data})

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes."""
        await self.send({"type": "websocket.receive", "bytes": data})

    async def send_json(self, data: Any) -> None:
        """Send a value as JSON text."""
        await self.send_text(dumps(data).decode())

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Leave."""
        await self.send({"type": "websocket.disconnect", "code": code, "reason": reason or ""})

    async def receive(self) -> Message:
        """The next ASGI message of the application.

        Raises:
            TimeoutError: none came within 10 seconds.
        """
        async with asyncio.timeout(TIMEOUT):
            return await self._from_app.get()

    async def _data(self) -> Message:
        message = await self.receive()
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(message.get("code", 1000), message.get("reason") or "")
        return message

    async def receive_text(self) -> str:
        """The next message as text.

        Raises:
            WebSocketDisconnect: the application closed the connection.
        """
        return str((await self._data())["text"])

    async def receive_bytes(self) -> bytes:
        """The next message as bytes.

        Raises:
            WebSocketDisconnect: the application closed the connection.
        """
        return bytes((await self._data())["bytes"])

    async def receive_json(self) -> Any:
        """The next message as JSON.

        Raises:
            WebSocketDisconnect: the application closed the connection.
        """
        message = await self._data()
        return loads(message.get("text") or message.get("bytes") or b"")
