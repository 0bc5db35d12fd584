"""WebSockets of an application: host and origin first, then the route, then the handler; what it raises closes."""

from __future__ import annotations

import logging
from typing import Any

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect, WebSocketState

from covet.app.failures import security_logger
from covet.exceptions import DisallowedHost
from covet.routing.router import Route, Router
from covet.websocket.connection import WebSocket

logger = logging.getLogger("covet.app")

INTERNAL_ERROR = 1011


async def serve_websocket(router: Router, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one WebSocket connection; closing before accepting is a 403."""
    websocket = WebSocket(scope, receive, send)
    scope["covet.resolver"] = router
    try:
        websocket.check_host_and_origin()
    except DisallowedHost as error:
        security_logger.warning("%s", ascii(str(error))[1:-1])
        await websocket.close()
        return
    path: str = scope["path"]
    found = router.match_websocket(path.removeprefix(scope.get("root_path", "")))
    if found is None or found.route is None:
        await websocket.close()
        return
    if found.route.kind == "mount":
        rest = str(found.params.get("path", ""))
        prefix = path[: len(path) - len(rest)] if rest else path
        await found.route.endpoint({**scope, "root_path": prefix}, receive, send)
        return
    scope["path_params"] = found.params
    await _converse(websocket, found.route, found.params)


async def _converse(websocket: WebSocket, route: Route, params: dict[str, Any]) -> None:
    try:
        await route.endpoint(websocket, **params)
    except WebSocketDisconnect:
        return
    except Exception as error:
        logger.exception("WebSocket %s failed", ascii(websocket.scope["path"]))
        seen = websocket.scope.get("covet.errors")
        if seen is not None:
            seen.append(error)
        if websocket.application_state is not WebSocketState.DISCONNECTED:
            await websocket.close(INTERNAL_ERROR)
        return
    if websocket.application_state is WebSocketState.CONNECTED and (
        websocket.client_state is not WebSocketState.DISCONNECTED
    ):
        await websocket.close()
