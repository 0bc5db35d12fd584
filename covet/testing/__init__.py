"""Testing: an asynchronous client, query counting, settings for a test. The pytest plugin is `covet.testing.plugin`.

Names are imported when they are first used: pytest loads the plugin, and with it this package, in every project of an
environment that has CovetPy, and most of them never touch it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from starlette.websockets import WebSocketDisconnect

    from covet.conf.override import override_settings
    from covet.testing.client import AsyncClient, TestClient
    from covet.testing.queries import (
        CaptureQueriesContext,
        Query,
        assert_num_queries,
        assertNumQueries,
        capture_on_commit_callbacks,
        capture_queries,
        captureOnCommitCallbacks,
    )
    from covet.testing.sockets import WebSocketRefused, WebSocketSession

__all__ = [
    "TestClient",
    "AsyncClient",
    "WebSocketSession",
    "WebSocketRefused",
    "WebSocketDisconnect",
    "assert_num_queries",
    "assertNumQueries",
    "capture_queries",
    "CaptureQueriesContext",
    "capture_on_commit_callbacks",
    "captureOnCommitCallbacks",
    "Query",
    "override_settings",
]

_HOMES: Final[Mapping[str, str]] = {
    "AsyncClient": "covet.testing.client",
    "CaptureQueriesContext": "covet.testing.queries",
    "Query": "covet.testing.queries",
    "TestClient": "covet.testing.client",
    "WebSocketDisconnect": "starlette.websockets",
    "WebSocketRefused": "covet.testing.sockets",
    "WebSocketSession": "covet.testing.sockets",
    "assertNumQueries": "covet.testing.queries",
    "assert_num_queries": "covet.testing.queries",
    "captureOnCommitCallbacks": "covet.testing.queries",
    "capture_on_commit_callbacks": "covet.testing.queries",
    "capture_queries": "covet.testing.queries",
    "override_settings": "covet.conf.override",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'covet.testing' has no attribute {name!r}; it has: {', '.join(sorted(_HOMES))}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value
