"""WebSockets: the connection that handlers get, and sending to many."""

from starlette.websockets import WebSocketDisconnect, WebSocketState

from covet.websocket.connection import WebSocket, broadcast

__all__ = ["WebSocket", "WebSocketDisconnect", "WebSocketState", "broadcast"]
