"""`StaticFiles`: a folder (or the project's static files) served with ranges, ETag, and compressed copies."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Final

from starlette.types import Receive, Scope, Send

from covet.conf import settings
from covet.exceptions import Http404
from covet.http.context import request_var
from covet.http.request import Request
from covet.http.response import HttpResponseNotAllowed, Response, safe_url
from covet.http.streaming import FileResponse, guess_type
from covet.static.finders import find
from covet.static.manifest import is_hashed
from covet.utils.http import http_date

logger = logging.getLogger("covet.static")

ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
LONGEST_NAME: Final = 1024
A_YEAR: Final = "public, max-age=31536000, immutable"
Found = tuple[Path, os.stat_result, str | None, bool] | str | None
"""(path, its stat, its encoding, whether other encodings exist), a place to redirect to, or None."""
KEPT_WHEN_NOT_MODIFIED: Final = frozenset({b"etag", b"last-modified", b"cache-control", b"vary", b"expires"})


class StaticFiles:
    """Serves files; mount it: `router.mount("/static", StaticFiles(directory="static"))`.

    A folder that is missing is no error before a file is asked for, and a warning then. Files with hashed names may be
    kept by browsers for a year.

    Args:
        directory: the folder; without it, the project's static files (STATICFILES_DIRS, the applications' folders).
        html: serve `index.html` for folders, and `404.html` for what is missing.
        max_age: seconds for which files without a hash in their name may be kept.
        follow_symlinks: serve what links inside the folder lead to outside of it.
        dotfiles: serve names that start with a dot.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        html: bool = False,
        max_age: int = 0,
        follow_symlinks: bool = False,
        dotfiles: bool = False,
    ) -> None:
        self.directory = Path(directory) if directory is not None else None
        self.html = html
        self.max_age = max_age
        self.follow_symlinks = follow_symlinks
        self.dotfiles = dotfiles
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI application of its own, mounted anywhere."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        request = Request(scope, receive, send)
        try:
            response = await self.respond(request, request.path_info)
        except Http404:
            response = Response("Not Found", 404, content_type="text/plain")
        await response(scope, receive, send)

    async def respond(self, request: Request, path: str) -> Response:
        """The response for a path below the folder.

        Raises:
            Http404: there is no such file, or it must not be served.
        """
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        name = clean_name(path, dotfiles=self.dotfiles)
        accepted = _accepted(request.headers.get("accept-encoding", ""))
        found = await asyncio.to_thread(self._find, name, accepted)
        if found is None:
            return await self._missing(request, name)
        if isinstance(found, str):
            return Response(b"", 301, {"Location": safe_url(found)})
        return self._file(request, *found)

    async def _missing(self, request: Request, name: str) -> Response:
        if self.html:
            found = await asyncio.to_thread(self._find, "404.html", frozenset())
            if found is not None and not isinstance(found, str):
                path, status, _, _ = found
                return FileResponse(path, 404, stat_result=status, content_type="text/html; charset=utf-8")
        raise Http404(f"There is no file {name!r}.")

    def _find(self, name: str, accepted: frozenset[str]) -> Found:
        path = self._locate(name)
        if path is None:
            return None
        try:
            status = path.stat()
            if stat.S_ISDIR(status.st_mode):
                return self._index(name, accepted)
            if not stat.S_ISREG(status.st_mode):
                return None
        except (OSError, ValueError):
            return None
        varies = False
        for encoding, suffix in ENCODINGS:
            packed = path.with_name(path.name + suffix)
            try:
                packed_status = packed.stat()
            except (OSError, ValueError):
                continue
            # A copy older than its file is a leftover.
            if not stat.S_ISREG(packed_status.st_mode) or packed_status.st_mtime < status.st_mtime:
                continue
            varies = True
            if encoding in accepted and (self.follow_symlinks or not packed.is_symlink()):
                return packed, packed_status, encoding, True
        return path, status, None, varies

    def _index(self, name: str, accepted: frozenset[str]) -> Found:
        if not self.html:
            return None
        request = request_var.get()
        if request is not None and not request.path.endswith("/"):
            return "/" + request.path.lstrip("/") + "/"
        return self._find(f"{name}/index.html" if name else "index.html", accepted)

    def _locate(self, name: str) -> Path | None:
        """The path of a name, if it stays inside the folder."""
        if self.directory is None:
            return find(name) if name else None
        folder = self.directory if self.directory.is_absolute() else settings.base_dir / self.directory
        if not folder.is_dir():
            self._warn(folder)
            return None
        path = folder / name
        try:
            real, real_folder = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
        except (OSError, ValueError):
            return None
        if not real.is_relative_to(real_folder) and not self.follow_symlinks:
            return None
        return path

    def _warn(self, folder: Path) -> None:
        if not self._warned:
            self._warned = True
            logger.warning("The static folder %s does not exist; every file below it is a 404", folder)

    def _file(
        self, request: Request, path: Path, status: os.stat_result, encoding: str | None, varies: bool
    ) -> Response:
        plain = path.name.removesuffix(".br" if encoding == "br" else ".gz") if encoding else path.name
        headers = {
            "ETag": f'"{status.st_mtime_ns:x}-{status.st_size:x}{f"-{encoding}" if encoding else ""}"',
            "Last-Modified": http_date(status.st_mtime),
            "Cache-Control": A_YEAR if is_hashed(plain) else f"public, max-age={self.max_age}",
            "X-Content-Type-Options": "nosniff",
        }
        if encoding:
            headers["Content-Encoding"] = encoding
        if varies:
            headers["Vary"] = "Accept-Encoding"
        response = FileResponse(
            path, headers=headers, stat_result=status, content_type=_with_charset(guess_type(plain))
        )
        if is_not_modified(request, headers["ETag"], status.st_mtime):
            return _not_modified(response)
        return response


def _with_charset(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def clean_name(path: str, *, dotfiles: bool = False) -> str:
    """The name of a file below a folder.

    Raises:
        Http404: the path climbs, is absolute, hides (starts with a dot), is too long or has control characters.
    """
    if len(path) > LONGEST_NAME or any(ord(character) < 32 or character in "\\\x7f" for character in path):
        raise Http404("There is no such file.")
    relative = path.removeprefix("/")
    parts = PurePosixPath(relative).parts
    if relative.startswith("/") or ".." in parts or any(":" in part for part in parts):
        raise Http404("There is no such file.")
    if not dotfiles and any(part.startswith(".") for part in parts):
        raise Http404("There is no such file.")
    return "/".join(parts)


def _accepted(header: str) -> frozenset[str]:
    """The encodings that an Accept-Encoding header allows."""
    allowed: set[str] = set()
    for part in header.lower().split(",")[:20]:
        name, _, parameters = part.strip().partition(";")
        if not parameters.replace(" ", "").startswith("q=0") or parameters.replace(" ", "").startswith("q=0."):
            allowed.add(name.strip())
    return frozenset(allowed)


def is_not_modified(request: Request, etag: str, modified: float) -> bool:
    """Whether the client's copy is still good (RFC 9110, section 13.2.2: If-None-Match goes first)."""
    none_match = request.headers.get("if-none-match")
    if none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in none_match.split(",")]
        return "*" in tags or etag in tags
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return int(modified) <= int(parsedate_to_datetime(since).timestamp())
    except (TypeError, ValueError, OverflowError):
        return False


def _not_modified(response: FileResponse) -> Response:
    answer = Response(b"", 304)
    answer.raw_headers = _only(response.raw_headers, KEPT_WHEN_NOT_MODIFIED)
    return answer


def _only(pairs: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in pairs if pair[0] in names]
