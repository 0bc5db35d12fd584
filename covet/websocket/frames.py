"""WebSocket frames, and uvicorn's WebSocket protocol with a door for frames that are encoded already.

`covet run` serves with `FrameProtocol`; `broadcast` finds the door in the connection's scope, under the
ASGI extension `covet.frames`, and does without it on any other server.
"""

from __future__ import annotations

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


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol; a whole frame may be written to it at once."""

    def handle_connect(self, event: Any) -> None:
        """Begin the connection; the scope gets the extension before the application sees it."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope.setdefault("extensions", {})[EXTENSION] = self.write_frame

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
