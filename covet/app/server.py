"""uvicorn's HTTP protocol with what it lacks: limits for slow, silent and endless request heads.

`covet run` serves with it; elsewhere: `uvicorn --http covet.app.server:HTTPProtocol asgi:app`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TIMED_OUT: Final = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HTTPProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        head_limit: bytes of a request's first line and headers.
        head_timeout: seconds in which they must arrive; a new connection that stays silent is closed too.
        body_timeout: seconds without a byte of a body that is not complete.
    """

    head_limit = 64 * 1024
    head_timeout = 10.0
    body_timeout = 30.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._in_body = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_timeout, self._expire)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # What arrived whole, the usual case, has set no timer.
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.head_limit:
                self._refuse(TOO_LARGE)
            elif self._timer is None:
                self._timer = self.loop.call_later(self.head_timeout, self._expire)
        elif self._in_body:
            self._stop()
            self._timer = self.loop.call_later(self.body_timeout, self._expire)

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_body = True
        self._stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop()
        super().on_message_complete()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if self._in_head:
            self._refuse(TIMED_OUT if self._head_bytes else b"")
        elif self._in_body:
            self.transport.close()

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            if answer:
                self.transport.write(answer)
            self.transport.close()
