"""A limit for whole request bodies, uploads and mounted applications included; pure ASGI."""

from __future__ import annotations

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp


class BodyLimitMiddleware(RequestBodyLimitMiddleware):
    """Answers 413 to bodies beyond `max_body_size` bytes (100 MB by default), announced or not.

    It counts what the client sends. Fields and JSON have their own, lower limit: DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def __init__(self, app: ASGIApp, max_body_size: int = 100 * 1024 * 1024) -> None:
        super().__init__(app, max_body_size)
