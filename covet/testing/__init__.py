"""Testing: an asynchronous client, query counting, settings for a test. The pytest plugin is `covet.testing.plugin`."""

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
