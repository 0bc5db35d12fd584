"""Responses whose body is made while it is sent: iterators of any kind, and files."""

from __future__ import annotations

import asyncio
import mimetypes
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from pathlib import Path
from typing import Any, Final

from starlette.background import BackgroundTask
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect as StarletteDisconnect
from starlette.responses import FileResponse as StarletteFileResponse
from starlette.types import Message, Receive, Scope, Send

from covet.exceptions import ClientDisconnect
from covet.http.headers import raw_headers
from covet.http.response import NO_BODY, Response, checked_status
from covet.utils.http import content_disposition

CHUNK: Final = 64 * 1024
_END: Final = object()


async def _in_thread(parts: Iterable[Any]) -> AsyncIterator[Any]:
    """A sync iterator, advanced in a thread so that it may block."""
    iterator = iter(parts)
    try:
        while (part := await asyncio.to_thread(next, iterator, _END)) is not _END:
            yield part
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


class StreamingResponse(Response):
    """A body sent piece by piece.

    Args:
        content: an async iterator, or a sync one (advanced in a thread), of bytes or str.
        status_code, headers, media_type, background, status, content_type: as for `Response`.

    When the client leaves, the iterator is closed and nothing is logged.
    """

    streaming = True

    def __init__(
        self,
        content: Any = (),
        status_code: int = 200,
        headers: Mapping[str, Any] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        status: int | None = None,
        content_type: str | None = None,
        reason: str | None = None,
    ) -> None:
        self.status_code = checked_status(status_code if status is None else status)
        self.background = background
        if reason is not None:
            self._reason = reason
        self.streaming_content = content
        self._init_raw(headers, content_type, media_type)

    @property
    def body_iterator(self) -> AsyncIterator[Any]:
        """The content as an async iterator."""
        source = self.streaming_content
        return source.__aiter__() if hasattr(source, "__aiter__") else _in_thread(source)

    @property
    def content(self) -> bytes:
        """Raises: a stream has no content to look at."""
        raise AttributeError(f"This {type(self).__name__} has no `content`; use `streaming_content`.")

    @content.setter
    def content(self, value: Any) -> None:
        raise AttributeError(f"This {type(self).__name__} has no `content`; set `streaming_content`.")

    def start(self) -> Message:
        return {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            send = self._wrap_websocket_denial_send(send)
        await send(self.start())
        if self.status_code in NO_BODY or scope.get("method") == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        await self._stream(receive, send)
        if self.background is not None:
            await self.background()

    async def _stream(self, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        departure = _Departure(task)
        watcher = asyncio.ensure_future(_left(receive))
        watcher.add_done_callback(departure)
        pieces = self.body_iterator
        try:
            async with _closing(pieces):
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": self.render(piece), "more_body": True})
            watcher.remove_done_callback(departure)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if departure.happened and task.uncancel() <= cancelled_before:
                raise ClientDisconnect("The client left while the response was sent.") from None
            raise
        except OSError as error:
            if departure.happened:
                raise ClientDisconnect("The client left while the response was sent.") from error
            raise
        finally:
            watcher.remove_done_callback(departure)
            watcher.cancel()


class _Departure:
    """Cancels the sending task once the client has left, wherever its iterator waits; servers drop sends silently."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.happened = False
        self._task = task

    def __call__(self, watcher: asyncio.Future[None]) -> None:
        if not watcher.cancelled() and watcher.exception() is None:
            self.happened = True
            self._task.cancel()


def _closing(pieces: Any) -> AbstractAsyncContextManager[Any]:
    return aclosing(pieces) if hasattr(pieces, "aclose") else nullcontext()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


StreamingHttpResponse = StreamingResponse


class FileResponse(Response):
    """A file, with ranges, an ETag and Last-Modified.

    Args:
        path: the file's path, or an open binary file (Django's way), which is sent from where it stands.
        status_code, headers, media_type, background, status, content_type: as for `Response`.
        filename: the name the client saves it under.
        as_attachment: save it instead of showing it.
        stat_result: spares a look at the disk.
        content_disposition_type: Starlette's way to say `attachment` or `inline`.
    """

    streaming = True

    def __init__(  # noqa: PLR0913 - Starlette's arguments and Django's
        self,
        path: Any,
        status_code: int = 200,
        headers: Mapping[str, Any] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        filename: str | None = None,
        stat_result: os.stat_result | None = None,
        content_disposition_type: str = "attachment",
        *,
        as_attachment: bool = False,
        status: int | None = None,
        content_type: str | None = None,
    ) -> None:
        self.status_code = checked_status(status_code if status is None else status)
        self.background = background
        self.file = path if hasattr(path, "read") else None
        self.path = Path(getattr(path, "name", "") or "") if self.file is not None else Path(path)
        self.stat_result = stat_result
        guessed = content_type or media_type or guess_type(filename or self.path.name)
        self.raw_headers = [(b"content-type", self._with_charset(guessed).encode("latin-1"))]
        if headers:
            self.raw_headers = [
                pair for pair in self.raw_headers if pair[0].decode() not in {name.lower() for name in headers}
            ] + raw_headers(headers)
        attach = as_attachment or (filename is not None and content_disposition_type == "attachment")
        disposition = content_disposition(as_attachment=attach, filename=filename or (self.path.name if attach else ""))
        if disposition:
            self.setdefault("content-disposition", disposition)

    @property
    def streaming_content(self) -> AsyncIterator[bytes]:
        """The file's bytes."""
        return self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        file = self.file if self.file is not None else await asyncio.to_thread(open, self.path, "rb")
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk.encode() if isinstance(chunk, str) else chunk
        finally:
            file.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.file is not None:
            response = StreamingResponse(self._chunks(), self.status_code, background=self.background)
            response.raw_headers = self.raw_headers
            await response(scope, receive, send)
            return
        inner = _RangedFile(self.path, self.status_code, stat_result=self.stat_result)
        kept = {name for name, _ in self.raw_headers}
        inner.raw_headers[:] = [*self.raw_headers, *(pair for pair in inner.raw_headers if pair[0] not in kept)]
        try:
            if "range" in (names := Headers(scope=scope)) and not _plausible_range(names["range"]):
                scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
            await inner(scope, receive, send)
        except StarletteDisconnect as error:
            raise ClientDisconnect("The client left while the file was sent.") from error
        if self.background is not None:
            await self.background()


class _RangedFile(StarletteFileResponse):
    """Starlette's sending of files and ranges."""


def _plausible_range(header: str) -> bool:
    """Whether a Range header is one this server answers; RFC 9110 says to ignore the others."""
    unit, separator, ranges = header.partition("=")
    if not separator or unit.strip().lower() != "bytes" or len(header) > 2000:
        return False
    for part in ranges.split(","):
        first, dash, last = part.strip().partition("-")
        if not dash or not (first or last) or not (first + last).isdecimal() or len(first) > 18 or len(last) > 18:
            return False
        if first and last and int(first) > int(last):
            return False
    return True


_KNOWN_TYPES: Final = {
    ".avif": "image/avif",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}


def guess_type(name: str) -> str:
    """A file's media type by its name; the machine's own tables decide only where these do not."""
    known = _KNOWN_TYPES.get(os.path.splitext(name)[1].lower())
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"
