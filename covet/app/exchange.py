"""One request and its response over a connection of `covet.app.server`.

uvicorn's own cycle writes a response's head and its body apart, two system calls and two packets, and makes an event,
two timers and a callback for each request. Here the head waits for the body that follows it (as ASGI has it), and what
a plain request has no use for is made when it is first needed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

    from covet.app.server import HTTPProtocol

JOINED: Final = 64 * 1024
"""Bytes up to which a body is copied behind its head; a longer one is handed over beside it."""
REPEATED: Final = frozenset(
    {
        b"cache-control", b"content-language", b"content-security-policy", b"content-type", b"date",
        b"cross-origin-opener-policy", b"permissions-policy", b"referrer-policy", b"server",
        b"strict-transport-security", b"vary", b"x-content-type-options", b"x-frame-options",
    }
)  # fmt: skip
"""Headers whose lines are remembered once they were found valid."""
CROWD: Final = 512
_lines: dict[tuple[bytes, bytes], bytes] = {}


class Exchange(RequestResponseCycle):
    """A request being answered.

    Args:
        protocol: the connection.
        scope: the ASGI scope.
        keep_alive: whether the connection stays open afterwards.
        expect_100_continue: whether the client waits to be asked for its body.
    """

    disconnected = False
    response_started = False
    response_complete = False
    more_body = True
    chunked_encoding: bool | None = None
    expected_content_length = 0
    body: Any = b""
    _head = b""
    _closes = False
    _has_news = False
    _event: asyncio.Event | None = None

    def __init__(self, protocol: HTTPProtocol, scope: Any, *, keep_alive: bool, expect_100_continue: bool) -> None:
        # Not uvicorn's constructor, which makes what most requests do without.
        self.protocol: HTTPProtocol | None = protocol
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expect_100_continue

    @property
    def message_event(self) -> Exchange:  # type: ignore[override]
        """What uvicorn's protocol sets when something has arrived."""
        return self

    def set(self) -> None:
        """Something has arrived: a part of the body, its end, the end of the connection."""
        self._has_news = True
        if self._event is not None:
            self._event.set()

    def take(self, part: bytes) -> None:
        """Append to the body that `receive` hands over next."""
        if not self.body:
            self.body = part
        elif isinstance(self.body, bytes):
            self.body = bytearray(self.body) + part
        else:
            self.body += part
        self.set()

    # ASGI

    async def run_asgi(self, app: ASGIApp) -> None:  # type: ignore[override]
        """Call the application; what it raises or forgets is logged and answered."""
        protocol = self.protocol
        assert protocol is not None
        try:
            result: Any = await app(self.scope, self.receive, self.send)  # type: ignore[arg-type, func-returns-value]
        except BaseException as error:
            protocol.logger.error("Exception in ASGI application\n", exc_info=error)
            if self.response_started:
                self.transport.close()
            else:
                await self.send_500_response()
        else:
            if result is not None:
                protocol.logger.error("ASGI callable should return None, but returned '%s'.", result)
                self.transport.close()
            elif not self.response_complete and not self.disconnected:
                await self._unfinished(protocol)
        finally:
            protocol.tasks.discard(asyncio.current_task())
            self.protocol = None

    async def _unfinished(self, protocol: HTTPProtocol) -> None:
        if self.response_started:
            protocol.logger.error("ASGI callable returned without completing response.")
            self.transport.close()
        else:
            protocol.logger.error("ASGI callable returned without starting response.")
            await self.send_500_response()

    async def receive(self) -> Any:
        """The next part of the body, or word that the client has left."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            if not self._has_news:
                if self._event is None:
                    self._event = asyncio.Event()
                await self._event.wait()
            self._has_news = False
            if self._event is not None:
                self._event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    async def send(self, message: Message) -> None:  # type: ignore[override]
        """Take one of the application's messages."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"Expected ASGI message 'http.response.start', but got {kind!r}.")
            self._start(message)
        elif self.response_complete:
            raise RuntimeError(f"Unexpected ASGI message {kind!r} sent, after response already completed.")
        elif kind != "http.response.body":
            raise RuntimeError(f"Expected ASGI message 'http.response.body', but got {kind!r}.")
        else:
            self._continue(message.get("body", b""), message.get("more_body", False))

    def _start(self, message: Message) -> None:
        protocol = self.protocol
        assert protocol is not None
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        if protocol.access_log:
            scope = self.scope
            protocol.access_logger.info(
                '%s - "%s %s HTTP/%s" %d',
                get_client_addr(scope),
                scope["method"],
                get_path_with_query_string(scope),
                scope["http_version"],
                status,
            )
        head = [STATUS_LINE[status]]
        known = _lines
        for headers in (protocol.server_state.default_headers, message.get("headers", ())):
            for header in headers:
                # A header may come as a list, which no dict looks up.
                line = known.get(header) if type(header) is tuple else None
                head.append(self._line(*header) if line is None else line)
        if not self.keep_alive and not self._closes:
            head.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            head.append(b"transfer-encoding: chunked\r\n")
        head.append(b"\r\n")
        if self.chunked_encoding:
            # A stream's first piece may be long in coming.
            self.transport.write(b"".join(head))
        else:
            self._head = b"".join(head)

    def _line(self, name: bytes, value: bytes) -> bytes:
        """A header as it goes over the wire; those that say how the body comes are obeyed.

        Raises:
            RuntimeError: it would break the response apart.
        """
        if HEADER_RE.search(name):
            raise RuntimeError("Invalid HTTP header name.")
        if HEADER_VALUE_RE.search(value):
            raise RuntimeError("Invalid HTTP header value.")
        name = name.lower()
        line = b"%b: %b\r\n" % (name, value)
        if name == b"content-length":
            if self.chunked_encoding is None:
                self.expected_content_length = int(value.decode())
                self.chunked_encoding = False
        elif name == b"transfer-encoding":
            if value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
        elif name == b"connection":
            if b"close" in [token.lower().strip() for token in value.split(b",")]:
                self.keep_alive = False
                self._closes = True
        elif name in REPEATED:
            if len(_lines) >= CROWD:
                _lines.clear()
            _lines[name, value] = line
        return line

    def _continue(self, body: bytes, more_body: bool) -> None:
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            body = b""
        elif self.chunked_encoding:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more_body:
                body += b"0\r\n\r\n"
        else:
            length = len(body)
            if length > self.expected_content_length:
                raise RuntimeError("Response content longer than Content-Length")
            self.expected_content_length -= length
        head = self._head
        if not head:
            self.transport.write(body)
        else:
            self._head = b""
            if len(body) <= JOINED:
                self.transport.write(head + body)
            else:
                self.transport.writelines((head, body))
        if not more_body:
            self._finish()

    def _finish(self) -> None:
        if self.expected_content_length != 0:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self.set()
        if not self.keep_alive:
            self.transport.close()
        protocol = self.protocol
        if protocol is not None:
            protocol.on_response_complete()
