"""How the test client reaches an ASGI application: in this process, in a task of its own, streaming as it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message

from covet.http.request import allowed_hosts

TEST_HOST = "testserver"


class Conversation:
    """One request: the application runs in a task, its messages wait in a queue."""

    def __init__(self, app: ASGIApp, scope: dict[str, Any], body: AsyncIterator[bytes]) -> None:
        self.scope = scope
        self._app = app
        self._body = body
        self._body_done = False
        self._gone = asyncio.Event()
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> Message:
        """Run the application up to the start of its response.

        Raises:
            Exception: what the application raised before it.
        """
        self._task = asyncio.ensure_future(self._run())
        message = await self._messages.get()
        if message is None:
            await self._task
            raise RuntimeError("The application ended without sending a response.")
        return message

    async def _run(self) -> None:
        try:
            await self._app(self.scope, self._receive, self._send)
        finally:
            self._messages.put_nowait(None)

    async def _receive(self) -> Message:
        if self._body_done:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        try:
            return {"type": "http.request", "body": await anext(self._body), "more_body": True}
        except StopAsyncIteration:
            self._body_done = True
            return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Message) -> None:
        # A real server copies what it gets to the socket: later changes of the lists must not show.
        if message["type"] == "http.response.start":
            message = {**message, "headers": list(message.get("headers", ()))}
        await self._messages.put(message)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body; after its end the application's task is awaited, background work included."""
        while (message := await self._messages.get()) is not None:
            if message["type"] == "http.response.body":
                yield message.get("body", b"")
        assert self._task is not None
        await self._task

    async def leave(self) -> None:
        """Disconnect, and wait until the application has noticed."""
        self._gone.set()
        if self._task is None:
            return
        if not self._task.done():
            await asyncio.wait((self._task,), timeout=5)
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class _Stream(httpx2.AsyncByteStream):
    def __init__(self, conversation: Conversation, errors: list[Exception], *, raising: bool) -> None:
        self._conversation = conversation
        self._errors = errors
        self._raising = raising

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._conversation.chunks():
            if chunk:
                yield chunk
        if self._raising and self._errors:
            raise self._errors[0]

    async def aclose(self) -> None:
        await self._conversation.leave()


class ASGITransport(httpx2.AsyncBaseTransport):
    """Sends httpx2's requests to an application.

    Args:
        app: the application.
        raise_server_exceptions: raise what the application answered with 500.
        root_path: the prefix it is mounted under.
        client: the address that it sees.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        raise_server_exceptions: bool = True,
        root_path: str = "",
        client: tuple[str, int] = ("127.0.0.1", 50000),
    ) -> None:
        self.app = app
        self.raise_server_exceptions = raise_server_exceptions
        self.root_path = root_path
        self.client = client

    def scope(self, request: httpx2.Request, kind: str = "http") -> dict[str, Any]:
        """The ASGI scope of a request."""
        path = request.url.path
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": request.url.scheme,
            "path": self.root_path + path,
            "raw_path": request.url.raw_path.split(b"?")[0],
            "query_string": request.url.query,
            "server": (request.url.host, request.url.port or (443 if request.url.scheme in {"https", "wss"} else 80)),
            "client": self.client,
            "root_path": self.root_path,
            "state": {},
            "covet.allowed_hosts": (*allowed_hosts(), TEST_HOST),
            "covet.errors": [],
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        scope = self.scope(request)
        conversation = Conversation(self.app, scope, request.stream.__aiter__())
        try:
            start = await conversation.start()
        except BaseException:
            await conversation.leave()
            raise
        errors: list[Exception] = scope["covet.errors"]
        if errors and self.raise_server_exceptions:
            await conversation.leave()
            raise errors[0]
        stream = _Stream(conversation, errors, raising=self.raise_server_exceptions)
        return httpx2.Response(start["status"], headers=start["headers"], stream=stream)
