"""Responses: Django's and Starlette's names over one class, sent as two ASGI messages with nothing computed twice.

Every response is an ASGI application, a Starlette `Response`, and can be awaited (it is its own result).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.background import BackgroundTask
from starlette.responses import Response as StarletteResponse
from starlette.types import Message, Receive, Scope, Send

from covet.exceptions import DisallowedRedirect
from covet.http.cookies import set_cookie_header
from covet.http.encoding import Default, django_default, dumps
from covet.http.headers import ResponseHeaders, header_name, header_value, raw_headers, set_raw

CONTENT_LENGTH: Final = b"content-length"
CONTENT_TYPE: Final = b"content-type"
NO_BODY: Final = frozenset({204, 304})
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_SAFE_IN_URL: Final = "/#%[]=:;$&()+,!?*@'~"
REDIRECT_SCHEMES: Final = frozenset({"", "http", "https", "ftp"})


class Response(StarletteResponse):
    """An HTTP response.

    Args:
        content: bytes, str, or anything `str()` takes.
        status_code: the status; `status` is Django's name for it and wins.
        headers: further headers.
        media_type: the content type; text types get the charset appended.
        background: run after the response was sent.
        content_type: the content type, word for word.
        charset: how `str` content is encoded; UTF-8 by default.
        reason: the reason phrase, where the server sends one.
    """

    media_type = "text/html"
    charset = "utf-8"
    streaming = False
    _headers: ResponseHeaders
    _reason: str | None = None
    template_name: Any = None
    context_data: dict[str, Any] | None = None

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, Any] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        status: int | None = None,
        content_type: str | None = None,
        charset: str | None = None,
        reason: str | None = None,
    ) -> None:
        self.status_code = checked_status(status_code if status is None else status)
        self.background = background
        if charset is not None:
            self.charset = charset
        if reason is not None:
            self._reason = reason
        self.body = self.render(content)
        self._init_raw(headers, content_type, media_type)

    def _init_raw(self, headers: Mapping[str, Any] | None, content_type: str | None, media_type: str | None) -> None:
        """Lay out the headers; the content's length is known only when the response is sent."""
        if content_type is None and media_type is None and self.charset == "utf-8":
            line = self._default_type
        else:
            line = (CONTENT_TYPE, header_value(content_type or self._with_charset(media_type or self.media_type)))
        pairs = [line] if line[1] else []
        if headers:
            for name, value in raw_headers(headers):
                if name == CONTENT_TYPE:
                    set_raw(pairs, name, value)
                else:
                    pairs.append((name, value))
        self.raw_headers = pairs

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._default_type = default_type(cls)

    def _with_charset(self, media_type: str | None) -> str:
        if media_type and media_type.startswith("text/") and "charset=" not in media_type.lower():
            return f"{media_type}; charset={self.charset}"
        return media_type or ""

    _default_type: tuple[bytes, bytes] = (CONTENT_TYPE, b"text/html; charset=utf-8")

    def render(self, content: Any) -> bytes:
        """The content as bytes; characters that the charset lacks become question marks."""
        if content is None:
            return b""
        if isinstance(content, bytes):
            return content
        if isinstance(content, (memoryview, bytearray)):
            return bytes(content)
        text = content if isinstance(content, str) else str(content)
        try:
            return text.encode(self.charset)
        except UnicodeEncodeError:
            return text.encode(self.charset, "replace")

    def __await__(self) -> Generator[Any, Any, Response]:
        return self
        yield  # pragma: no cover - makes this a generator

    def __repr__(self) -> str:
        kind = self.get("content-type")
        return f"<{type(self).__name__} status_code={self.status_code}{f', {kind!r}' if kind else ''}>"

    # Headers, in Django's manner and in Starlette's.

    @property
    def headers(self) -> ResponseHeaders:
        """The headers: a mutable, case-insensitive mapping."""
        try:
            return self._headers
        except AttributeError:
            self._headers = ResponseHeaders(raw=self.raw_headers)
            # The view and the response share one list.
            self.raw_headers = self._headers.raw
            return self._headers

    def __setitem__(self, name: str, value: object) -> None:
        set_raw(self.raw_headers, header_name(name), header_value(value))

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return str(value)

    def __delitem__(self, name: str) -> None:
        wanted = name.lower().encode("latin-1", "replace")
        self.raw_headers[:] = [pair for pair in self.raw_headers if pair[0] != wanted]

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    has_header = __contains__

    def get(self, name: str, default: Any = None) -> Any:
        """A header's value, or `default`."""
        wanted = name.lower().encode("latin-1", "replace")
        for key, value in self.raw_headers:
            if key == wanted:
                return value.decode("latin-1")
        return default

    def setdefault(self, name: str, value: object) -> None:
        """Set a header unless it is there."""
        if name not in self:
            self[name] = value

    def items(self) -> Iterator[tuple[str, str]]:
        """The headers as pairs of strings."""
        return ((key.decode("latin-1"), value.decode("latin-1")) for key, value in self.raw_headers)

    # Content, in Django's manner.

    @property
    def content(self) -> bytes:
        """The body; assigning a str encodes it."""
        return bytes(self.body)

    @content.setter
    def content(self, value: Any) -> None:
        self.body = self.render(value)
        del self["content-length"]

    @property
    def text(self) -> str:
        """The body, decoded."""
        return self.content.decode(self.charset, "replace")

    def write(self, content: Any) -> None:
        """Append to the body."""
        self.content = self.content + self.render(content)

    @property
    def reason_phrase(self) -> str:
        """The words beside the status code."""
        return self._reason or _REASONS.get(self.status_code, "Unknown Status Code")

    @reason_phrase.setter
    def reason_phrase(self, value: str) -> None:
        self._reason = value

    # Cookies

    def set_cookie(  # type: ignore[override]
        self,
        key: str,
        value: str = "",
        max_age: Any = None,
        expires: Any = None,
        path: str | None = "/",
        **options: Any,
    ) -> None:
        """Add a cookie; the options are those of `covet.http.cookies.set_cookie_header`."""
        line = set_cookie_header(key, value, max_age=max_age, expires=expires, path=path, **options)
        self.raw_headers.append((b"set-cookie", line.encode("latin-1")))

    def delete_cookie(  # type: ignore[override]
        self, key: str, path: str | None = "/", domain: str | None = None, **options: Any
    ) -> None:
        """Tell the client to forget a cookie; path and domain must be those it was set with."""
        samesite = options.get("samesite")
        if key.startswith(("__Secure-", "__Host-")) or (isinstance(samesite, str) and samesite.lower() == "none"):
            options["secure"] = True
        self.set_cookie(key, "", max_age=0, path=path, domain=domain, **options)

    # ASGI

    def start(self) -> Message:
        """The first of the two messages."""
        headers = self.raw_headers
        status = self.status_code
        if status < 200 or status in NO_BODY:
            return {"type": "http.response.start", "status": status, "headers": headers}
        for pair in headers:
            if pair[0] == CONTENT_LENGTH:
                break
        else:
            headers = [*headers, (CONTENT_LENGTH, b"%d" % len(self.body))]
        return {"type": "http.response.start", "status": status, "headers": headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            send = self._wrap_websocket_denial_send(send)
        await send(self.start())
        silent = self.status_code in NO_BODY or scope.get("method") == "HEAD"
        await send({"type": "http.response.body", "body": b"" if silent else self.body})
        if self.background is not None:
            await self.background()


def default_type(cls: type[Response]) -> tuple[bytes, bytes]:
    """The Content-Type line of a class whose instances name no other."""
    kind = cls.media_type or ""
    if kind.startswith("text/") and "charset=" not in kind.lower():
        kind = f"{kind}; charset=utf-8"
    return (CONTENT_TYPE, kind.encode("latin-1"))


def checked_status(status: Any) -> int:
    """A status code as an int.

    Raises:
        TypeError: it is no integer. ValueError: it is outside 100 to 599.
    """
    if type(status) is not int:
        try:
            status = int(status)
        except (ValueError, TypeError):
            raise TypeError("HTTP status code must be an integer.") from None
    if not 100 <= status <= 599:
        raise ValueError("HTTP status code must be an integer from 100 to 599.")
    return int(status)


class HTMLResponse(Response):
    """A page."""


class PlainTextResponse(Response):
    """Text that a browser shows as it is."""

    media_type = "text/plain"


PlainText = PlainTextResponse


class JSONResponse(Response):
    """Any value as JSON, see `covet.http.encoding.dumps`."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return dumps(content)


class HttpResponse(Response):
    """A response with the arguments of Django's `HttpResponse`."""

    def __init__(
        self,
        content: Any = b"",
        content_type: str | None = None,
        status: int | None = None,
        reason: str | None = None,
        charset: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        default = type(self).status_default
        super().__init__(
            content,
            default if status is None else status,
            headers,
            content_type=content_type,
            charset=charset,
            reason=reason,
        )

    status_default = 200

    def render(self, content: Any) -> bytes:
        if hasattr(content, "__iter__") and not isinstance(content, (bytes, bytearray, memoryview, str)):
            return b"".join(super(HttpResponse, self).render(part) for part in content)
        return super().render(content)


class JsonResponse(HttpResponse):
    """JSON with the arguments and the datetimes (milliseconds) of Django's `JsonResponse`.

    Args:
        data: a dict, or anything else with `safe=False`.
        encoder: a `json.JSONEncoder` class of your own; its `default` is asked for what JSON lacks.
        safe: refuse anything but a dict.
        json_dumps_params: further arguments for `json.dumps`, which is then used.
        kwargs: those of `HttpResponse`.

    Raises:
        TypeError: `data` is no dict and `safe` is true.
    """

    media_type = "application/json"

    def __init__(
        self,
        data: Any,
        encoder: type[json.JSONEncoder] | None = None,
        safe: bool = True,
        json_dumps_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if safe and not isinstance(data, dict):
            raise TypeError("In order to allow non-dict objects to be serialized set the safe parameter to False.")
        if json_dumps_params or (encoder is not None and encoder.default is json.JSONEncoder.default):
            options: dict[str, Any] = {"default": django_default} if encoder is None else {"cls": encoder}
            content = json.dumps(data, **options | dict(json_dumps_params or {})).encode()
        else:
            content = dumps(data, fallback=django_default if encoder is None else _with_encoder(encoder))
        super().__init__(content, **kwargs)


def _with_encoder(encoder: type[json.JSONEncoder]) -> Default:
    return encoder().default


def safe_url(url: object) -> str:
    """A redirect's target, encoded for a header.

    Raises:
        DisallowedRedirect: its scheme is not http, https or ftp (`javascript:`, `data:` …), or it starts with `//`.
    """
    # Browsers ignore tabs and line breaks inside URLs and read a backslash as a slash.
    text = str(url).strip().translate(_URL_NOISE)
    if text.startswith("//"):
        # What a forged `next` parameter looks like; a redirect to another host names its scheme.
        raise DisallowedRedirect(f"Unsafe redirect to {text!r}: write the scheme of another host out.")
    try:
        scheme = urlsplit(text).scheme.lower()
    except ValueError as error:
        raise DisallowedRedirect(f"{text!r} is not a URL to redirect to.") from error
    if scheme not in REDIRECT_SCHEMES:
        raise DisallowedRedirect(f"Unsafe redirect to URL with protocol '{scheme}'")
    return quote(text.encode("utf-8", "replace"), safe=_SAFE_IN_URL)


_URL_NOISE: Final = dict.fromkeys((*range(32), 127)) | {ord("\\"): "%5C"}


class HttpResponseRedirectBase(HttpResponse):
    """What the redirects share: a checked, encoded `Location`."""

    def __init__(self, redirect_to: object, *args: Any, **kwargs: Any) -> None:
        location = safe_url(redirect_to)
        super().__init__(b"", *args, **kwargs)
        self["Location"] = location

    @property
    def url(self) -> str:
        """Where it leads."""
        return self["Location"]


class HttpResponseRedirect(HttpResponseRedirectBase):
    """302 Found."""

    status_default = 302


class HttpResponsePermanentRedirect(HttpResponseRedirectBase):
    """301 Moved Permanently."""

    status_default = 301


class RedirectResponse(Response):
    """A redirect with Starlette's arguments, and Django's 302 as the default status.

    Args:
        url: a path or an absolute http(s) URL.
        status_code: one of the 300s.
        headers: further headers.
        background: run after the response was sent.
        status: Django's name for `status_code`.
    """

    def __init__(
        self,
        url: object,
        status_code: int = 302,
        headers: Mapping[str, Any] | None = None,
        background: BackgroundTask | None = None,
        *,
        status: int | None = None,
    ) -> None:
        location = safe_url(url)
        super().__init__(b"", status_code, headers, background=background, status=status)
        self["Location"] = location

    @property
    def url(self) -> str:
        """Where it leads."""
        return self["Location"]


class HttpResponseNotModified(HttpResponse):
    """304 Not Modified; without a body."""

    status_default = 304

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self["content-type"]


class HttpResponseBadRequest(HttpResponse):
    """400 Bad Request."""

    status_default = 400


class HttpResponseForbidden(HttpResponse):
    """403 Forbidden."""

    status_default = 403


class HttpResponseNotFound(HttpResponse):
    """404 Not Found."""

    status_default = 404


class HttpResponseNotAllowed(HttpResponse):
    """405 Method Not Allowed; `permitted_methods` fill the Allow header."""

    status_default = 405

    def __init__(self, permitted_methods: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self["Allow"] = ", ".join(permitted_methods)


class HttpResponseGone(HttpResponse):
    """410 Gone."""

    status_default = 410


class HttpResponseServerError(HttpResponse):
    """500 Internal Server Error."""

    status_default = 500


BadRequestResponse = HttpResponseBadRequest
Forbidden = HttpResponseForbidden
NotFound = HttpResponseNotFound
