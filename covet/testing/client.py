"""`TestClient`: requests to an application without a server, awaited; its lifespan included."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2
from starlette.types import ASGIApp, Message

from covet.testing.sockets import WebSocketSession
from covet.testing.transport import TEST_HOST, ASGITransport

open_clients: weakref.WeakSet[TestClient] = weakref.WeakSet()
"""Clients whose application was started and not stopped; the pytest plugin closes them after each test."""


class TestClient(httpx2.AsyncClient):
    """An asynchronous client for an ASGI application.

    `async with TestClient(app) as client:` starts and stops the application; without it the first request starts it,
    and `aclose()`, or the end of the test under pytest, stops it.

    Args:
        app: the application.
        base_url: what relative paths are joined to.
        raise_server_exceptions: raise what the application would answer with 500; turn it off to see the page.
        root_path: the prefix the application is mounted under.
        lifespan: start and stop the application.
        client: the address that the application sees.
        kwargs: those of `httpx2.AsyncClient`: headers, cookies, follow_redirects, timeout …

    Example:
        response = await client.post("/posts/", json={"title": "Hello"})
        assert response.status_code == 201
    """

    __test__ = False

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = f"http://{TEST_HOST}",
        *,
        raise_server_exceptions: bool = True,
        root_path: str = "",
        lifespan: bool = True,
        client: tuple[str, int] = ("127.0.0.1", 50000),
        **kwargs: Any,
    ) -> None:
        self.app = app
        self._wants_lifespan = lifespan
        self._lifespan: _Lifespan | None = None
        self._asgi = ASGITransport(
            app, raise_server_exceptions=raise_server_exceptions, root_path=root_path, client=client
        )
        super().__init__(transport=self._asgi, base_url=base_url, **kwargs)

    @property
    def raise_server_exceptions(self) -> bool:
        """Whether what the application answers with 500 is raised."""
        return self._asgi.raise_server_exceptions

    @raise_server_exceptions.setter
    def raise_server_exceptions(self, value: bool) -> None:
        self._asgi.raise_server_exceptions = value

    async def start(self) -> None:
        """Start the application, if that has not happened.

        Raises:
            Exception: what it raised at its start.
        """
        if self._wants_lifespan and self._lifespan is None:
            lifespan = self._lifespan = _Lifespan(self.app)
            try:
                await lifespan.start()
            except BaseException:
                self._lifespan = None
                raise
            open_clients.add(self)

    async def stop(self) -> None:
        """Stop the application."""
        lifespan, self._lifespan = self._lifespan, None
        open_clients.discard(self)
        if lifespan is not None:
            await lifespan.stop()

    async def send(self, request: httpx2.Request, **kwargs: Any) -> httpx2.Response:
        """Send a request that was built."""
        await self.start()
        return await super().send(request, **kwargs)

    async def post(self, url: Any, data: Any = None, **kwargs: Any) -> httpx2.Response:
        """POST; `data` may stand second, as in Django: a dict is a form, bytes and str are the body."""
        return await super().post(url, **_body(data, kwargs))

    async def put(self, url: Any, data: Any = None, **kwargs: Any) -> httpx2.Response:
        """PUT."""
        return await super().put(url, **_body(data, kwargs))

    async def patch(self, url: Any, data: Any = None, **kwargs: Any) -> httpx2.Response:
        """PATCH."""
        return await super().patch(url, **_body(data, kwargs))

    async def delete(self, url: Any, data: Any = None, **kwargs: Any) -> httpx2.Response:
        """DELETE; with a body where one is given."""
        return await self.request("DELETE", url, **_body(data, kwargs))

    def websocket_connect(
        self, url: str, subprotocols: Sequence[str] | None = None, headers: Mapping[str, str] | None = None
    ) -> WebSocketSession:
        """A WebSocket: `async with client.websocket_connect("/chat/") as ws`.

        Args:
            url: the path.
            subprotocols: those the client offers.
            headers: further headers, such as Origin.
        """
        request = self.build_request("GET", url, headers=dict(headers or {}))
        request.headers.setdefault("connection", "upgrade")
        request.headers.setdefault("sec-websocket-version", "13")
        scope = self._asgi.scope(request, "websocket")
        scope["scheme"] = "wss" if scope["scheme"] == "https" else "ws"
        scope["subprotocols"] = list(subprotocols or ())
        del scope["method"]
        return _StartedSession(self, scope)

    async def aclose(self) -> None:
        """Stop the application and close the client."""
        try:
            await self.stop()
        finally:
            await super().aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return await super().__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        try:
            await self.stop()
        finally:
            await super().__aexit__(kind, error, trace)


AsyncClient = TestClient


class _StartedSession(WebSocketSession):
    """A session that starts the application first."""

    def __init__(self, client: TestClient, scope: dict[str, Any]) -> None:
        super().__init__(client.app, scope, raise_server_exceptions=client.raise_server_exceptions)
        self._client = client

    async def __aenter__(self) -> Self:
        await self._client.start()
        return await super().__aenter__()


def _body(data: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    if data is None:
        return kwargs
    if isinstance(data, (bytes, str)):
        return {"content": data, **kwargs}
    return {"data": data, **kwargs}


class _Lifespan:
    """The lifespan of an application, in a task of its own from start to stop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._supported = True

    async def start(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}, "covet.testing": 1}
        self._task = asyncio.ensure_future(self._run(scope))
        self._to_app.put_nowait({"type": "lifespan.startup"})
        message = await self._from_app.get()
        if message is None:
            # An application without lifespan support raises or returns at once.
            self._supported = False
            return
        if message["type"] == "lifespan.startup.failed":
            await self._task
            raise RuntimeError(message.get("message") or "The application could not start.")

    async def stop(self) -> None:
        assert self._task is not None
        if not self._supported:
            await asyncio.gather(self._task, return_exceptions=True)
            return
        self._to_app.put_nowait({"type": "lifespan.shutdown"})
        message = await self._from_app.get()
        await self._task
        if message is not None and message["type"] == "lifespan.shutdown.failed":
            raise RuntimeError(message.get("message") or "The application could not stop.")

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self._app(scope, self._to_app.get, self._from_app.put)
        finally:
            self._from_app.put_nowait(None)
