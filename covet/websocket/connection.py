"""The WebSocket that a route's handler gets, and sending one message to many."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import State
from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from covet.exceptions import BadJSON, DisallowedHost
from covet.http.anonymous import ANONYMOUS
from covet.http.cookies import parse_cookies
from covet.http.encoding import dumps, loads
from covet.http.querydict import QueryDict
from covet.http.request import allowed_hosts
from covet.utils.http import host_matches, split_host
from covet.websocket.frames import EXTENSION, encode_frame

UNSUPPORTED_DATA = 1003


class WebSocket(StarletteWebSocket):
    """A WebSocket connection; `accept()` it first, or use `async for message in websocket`."""

    @property
    def query_params(self) -> QueryDict:
        """The query string's parameters."""
        return QueryDict(self.scope.get("query_string", b""))

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies."""
        headers = [value for name, value in self.scope["headers"] if name == b"cookie"]
        return parse_cookies(b"; ".join(headers).decode("latin-1"))

    @property
    def state(self) -> State:
        """Whatever middleware and handlers hand on to each other."""
        return State(self.scope.setdefault("state", {}))

    @property
    def user(self) -> Any:
        """The user that authentication found; an `AnonymousUser` before or without it."""
        state = self.scope.get("state")
        found = (state.get("user") if state else None) or self.scope.get("user")
        return ANONYMOUS if found is None else found

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return (
            self.application_state is WebSocketState.CONNECTED and self.client_state is not WebSocketState.DISCONNECTED
        )

    async def send_json(self, data: Any, mode: str = "text") -> None:
        """Send a value as JSON."""
        content = dumps(data)
        if mode == "binary":
            await self.send_bytes(content)
        else:
            await self.send_text(content.decode())

    async def receive_json(self, mode: str = "text") -> Any:
        """The next message as JSON; anything else closes the connection with 1003.

        Raises:
            WebSocketDisconnect: the client left, or sent no JSON.
        """
        message = await self.receive()
        self._raise_on_disconnect(message)
        try:
            return loads(message.get("text") or message.get("bytes") or b"")
        except BadJSON as error:
            await self.close(UNSUPPORTED_DATA, "not JSON")
            raise WebSocketDisconnect(UNSUPPORTED_DATA, str(error)) from error

    async def __aiter_messages(self) -> Any:
        if self.application_state is WebSocketState.CONNECTING:
            await self.accept()
        try:
            while True:
                message = await self.receive()
                self._raise_on_disconnect(message)
                text = message.get("text")
                yield text if text is not None else message.get("bytes")
        except WebSocketDisconnect:
            return

    def messages(self) -> Any:
        """The messages (str or bytes) until the client leaves; accepts the connection first if nobody did."""
        return self.__aiter_messages()

    def check_host_and_origin(self) -> None:
        """Refuse foreign hosts, and pages of other sites: browsers send cookies with any page's WebSocket.

        Raises:
            DisallowedHost: the Host header is wrong, or the Origin header is of another site.
        """
        allowed = self.scope.get("covet.allowed_hosts")
        if allowed is None:
            allowed = allowed_hosts()
        hosts = [value.decode("latin-1") for name, value in self.scope["headers"] if name == b"host"]
        domain = split_host(hosts[0])[0] if len(hosts) == 1 else ""
        if not domain or not host_matches(domain, allowed):
            raise DisallowedHost(f"Invalid HTTP_HOST header: {', '.join(hosts)!r}.")
        for name, value in self.scope["headers"]:
            if name == b"origin" and not _same_site(value.decode("latin-1"), hosts[0], allowed):
                raise DisallowedHost(f"A WebSocket from the foreign origin {value!r}.")


def _same_site(origin: str, host: str, allowed: Iterable[str]) -> bool:
    try:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"}:
            return False
        domain = (parts.hostname or "").lower()
    except ValueError:
        return False
    if not domain:
        return False
    named = [pattern for pattern in allowed if pattern != "*"]
    return parts.netloc.lower() == host.lower() or host_matches(f"[{domain}]" if ":" in domain else domain, named)


async def broadcast(websockets: Iterable[StarletteWebSocket], message: Any, *, timeout: float = 10.0) -> int:
    """Send one message to many; it is encoded once, and a client that is gone or too slow does not hold up the others.

    Args:
        websockets: the connections.
        message: str and bytes as they are, anything else as JSON.
        timeout: seconds that a client may take; it is closed with 1013 after them.

    Returns:
        How many it was sent to.
    """
    if isinstance(message, bytes):
        event: dict[str, Any] = {"type": "websocket.send", "bytes": message}
        frame = encode_frame(message, is_text=False)
    else:
        text = message if isinstance(message, str) else dumps(message).decode()
        event = {"type": "websocket.send", "text": text}
        frame = encode_frame(text.encode(), is_text=True)
    delivered = 0
    others: list[StarletteWebSocket] = []
    for websocket in tuple(websockets):
        extensions = websocket.scope.get("extensions")
        write = extensions.get(EXTENSION) if extensions else None
        if write is not None and websocket.application_state is WebSocketState.CONNECTED and write(frame):
            delivered += 1
        else:
            others.append(websocket)
    if others:
        delivered += sum(await asyncio.gather(*(_deliver(websocket, event, timeout) for websocket in others)))
    return delivered


async def _deliver(websocket: StarletteWebSocket, frame: dict[str, Any], timeout: float) -> bool:
    if websocket.application_state is not WebSocketState.CONNECTED:
        return False
    try:
        async with asyncio.timeout(timeout):
            await websocket.send(dict(frame))
    except TimeoutError:
        await _close_quietly(websocket)
        return False
    except (RuntimeError, OSError, WebSocketDisconnect):
        return False
    return True


async def _close_quietly(websocket: StarletteWebSocket) -> None:
    try:
        async with asyncio.timeout(1):
            await websocket.close(1013, "too slow")
    except (TimeoutError, RuntimeError, OSError):
        return
