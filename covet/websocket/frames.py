"""WebSocket frames, and uvicorn's WebSocket protocol with a door for frames that are encoded already.

`covet run` serves with `FrameProtocol`; `broadcast` finds the door in the connection's scope, under the
ASGI extension `covet.frames`, and does without it on any other server.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION: Final = "covet.frames"
TEXT: Final = 0x81
BINARY: Final = 0x82


def encode_frame(payload: bytes, *, is_text: bool) -> bytes:
    """One final, unmasked frame (RFC 6455, section 5.2), as a server sends it."""
    opcode = TEXT if is_text else BINARY
    length = len(payload)
    if length < 126:
        return bytes((opcode, length)) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", opcode, 126, length) + payload
    return struct.pack("!BBQ", opcode, 127, length) + payload


class Messages:
    """What a connection needs of `asyncio.Queue`, which with its three deques and an event takes 3 kB for each."""

    __slots__ = ("_loop", "_messages", "_readers")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: list[Any] = []
        self._readers: list[asyncio.Future[None]] = []

    def empty(self) -> bool:
        """Whether nothing waits to be read."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        """Append a message."""
        self._messages.append(message)
        self._wake()

    async def get(self) -> Any:
        """The next message; readers get them in turn."""
        while not self._messages:
            reader = self._loop.create_future()
            self._readers.append(reader)
            try:
                await reader
            except BaseException:
                if reader in self._readers:
                    self._readers.remove(reader)
                elif self._messages:
                    self._wake()  # it was this one's turn
                raise
        return self._messages.pop(0)

    def _wake(self) -> None:
        while self._readers:
            reader = self._readers.pop(0)
            if not reader.done():
                reader.set_result(None)
                return


class Gate:
    """What a connection needs of `asyncio.Event`."""

    __slots__ = ("_loop", "_opening")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._opening: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether the gate is open, as it is at first."""
        return self._opening is None

    def set(self) -> None:
        """Open it to everybody who waits."""
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            opening.set_result(None)

    def clear(self) -> None:
        """Close it."""
        if self._opening is None:
            self._opening = self._loop.create_future()

    async def wait(self) -> None:
        """Wait while it is closed."""
        while self._opening is not None:
            # One waiter's cancellation is not the others'.
            await asyncio.shield(self._opening)


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol; a whole frame may be written to it at once, and an idle connection holds less memory."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue: Any = Messages(self.loop)
        self.writable: Any = Gate(self.loop)

    def start_keepalive(self) -> None:
        """Begin to ask whether the client is there; what the handshake needed is let go."""
        self.request: Any = None
        self.response: Any = None
        super().start_keepalive()

    def handle_connect(self, event: Any) -> None:
        """Begin the connection; the scope gets the extension before the application sees it."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope.setdefault("extensions", {})[EXTENSION] = self.write_frame

    async def send(self, message: Any) -> None:
        """Take one of the application's messages; a frame that nothing is to be done to is written at once."""
        if message["type"] == "websocket.send" and not self.conn.extensions:
            data = message.get("bytes")
            text = message.get("text") if data is None else None
            if text is not None and self.write_frame(encode_frame(text.encode(), is_text=True)):
                return
            if data is not None and self.write_frame(encode_frame(data, is_text=False)):
                return
        await super().send(message)

    def write_frame(self, frame: bytes) -> bool:
        """Write an encoded frame without waiting.

        Returns:
            False when the connection is not open, or its client is behind: then `send` is the way.
        """
        if (
            not self.handshake_complete
            or self.close_sent
            or self.disconnected
            or not self.writable.is_set()
            or self.transport.is_closing()
        ):
            return False
        self.transport.write(frame)
        return True
