"""Cross-origin requests: which origins may read answers; refuses at start what would open everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured
from covet.http.headers import header_value, set_raw
from covet.http.request import Request
from covet.http.response import PlainTextResponse
from covet.middleware.base import BaseMiddleware, GetResponse

DEFAULT_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
DEFAULT_HEADERS: Final = ("accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+")


class CORSMiddleware(BaseMiddleware):
    """Answers preflight requests and adds the CORS headers.

    Every argument comes from the setting of the same meaning (CORS_ALLOWED_ORIGINS, CORS_ALLOW_CREDENTIALS …) unless
    it is given.

    Args:
        get_response: the next layer.
        allow_origins: origins such as `https://app.example.com`, or `["*"]`.
        allow_origin_regexes: patterns that match whole origins.
        allow_credentials: let browsers send cookies.
        allow_methods: verbs that a preflight may announce.
        allow_headers: headers that a preflight may announce, or `["*"]`.
        expose_headers: headers that scripts may read.
        max_age: seconds for which a browser remembers a preflight.

    Raises:
        ImproperlyConfigured: every origin with credentials, or an origin that is none.
    """

    def __init__(
        self,
        get_response: GetResponse | None = None,
        *,
        allow_origins: Sequence[str] | None = None,
        allow_origin_regexes: Sequence[Any] | None = None,
        allow_credentials: bool | None = None,
        allow_methods: Sequence[str] | None = None,
        allow_headers: Sequence[str] | None = None,
        expose_headers: Sequence[str] | None = None,
        max_age: int | None = None,
    ) -> None:
        super().__init__(get_response)
        origins = list(_given(allow_origins, settings.CORS_ALLOWED_ORIGINS))
        self._any = "*" in origins or (allow_origins is None and settings.CORS_ALLOW_ALL_ORIGINS)
        self._credentials = bool(_given(allow_credentials, settings.CORS_ALLOW_CREDENTIALS))
        if self._any and self._credentials:
            raise ImproperlyConfigured(
                "CORS: every origin ('*') together with credentials would let any site act as your users; "
                "list the origins in CORS_ALLOWED_ORIGINS, or turn CORS_ALLOW_CREDENTIALS off."
            )
        self._origins = frozenset(_checked(origin) for origin in origins if origin != "*")
        patterns = _given(allow_origin_regexes, settings.CORS_ALLOWED_ORIGIN_REGEXES)
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._methods = tuple(_given(allow_methods, settings.CORS_ALLOW_METHODS) or DEFAULT_METHODS)
        headers = [name.lower() for name in (_given(allow_headers, settings.CORS_ALLOW_HEADERS) or DEFAULT_HEADERS)]
        self._headers = frozenset(headers)
        exposed = list(_given(expose_headers, settings.CORS_EXPOSE_HEADERS))
        self._exposed = header_value(", ".join(exposed)) if exposed else b""
        self._max_age = str(_given(max_age, settings.CORS_PREFLIGHT_MAX_AGE))

    def allows(self, origin: str) -> bool:
        """Whether `origin` may read answers."""
        if self._any:
            return True
        lowered = origin.lower()
        return lowered in self._origins or any(pattern.fullmatch(lowered) for pattern in self._patterns)

    async def process_request(self, request: Request) -> Any:
        if request.method != "OPTIONS":
            return None
        headers = request.headers
        if "origin" not in headers or "access-control-request-method" not in headers:
            return None
        return self._preflight(headers["origin"], headers["access-control-request-method"], headers)

    def _preflight(self, origin: str, method: str, headers: Any) -> PlainTextResponse:
        response = PlainTextResponse("")
        response["Vary"] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        if not self.allows(origin) or method not in self._methods:
            return response
        response["Access-Control-Allow-Methods"] = ", ".join(self._methods)
        wanted = headers.get("access-control-request-headers", "")
        if "*" in self._headers:
            allowed = [name.strip() for name in wanted.split(",") if name.strip()]
        else:
            allowed = sorted(self._headers)
        response["Access-Control-Allow-Headers"] = ", ".join(allowed)
        response["Access-Control-Max-Age"] = self._max_age
        return response

    async def process_response(self, request: Request, response: Any) -> Any:
        pairs = response.raw_headers
        if not self._any:
            _vary(pairs, b"Origin")
        origin = _origin_of(request)
        if origin is None or not self.allows(origin.decode("latin-1")):
            return response
        set_raw(pairs, b"access-control-allow-origin", b"*" if self._any else origin)
        if self._credentials:
            set_raw(pairs, b"access-control-allow-credentials", b"true")
        if self._exposed:
            set_raw(pairs, b"access-control-expose-headers", self._exposed)
        return response


def _given(value: Any, setting: Any) -> Any:
    return setting if value is None else value


def _checked(origin: str) -> str:
    if _ORIGIN.fullmatch(origin.lower()) is None:
        raise ImproperlyConfigured(
            f"CORS: {origin!r} is no origin; write scheme and host, as in https://app.example.com, without a path."
        )
    return origin.lower()


def _origin_of(request: Request) -> bytes | None:
    for name, value in request.scope["headers"]:
        if name == b"origin":
            return bytes(value)
    return None


def _vary(pairs: list[tuple[bytes, bytes]], name: bytes) -> None:
    for index, (key, value) in enumerate(pairs):
        if key == b"vary":
            listed = [part.strip().lower() for part in value.split(b",")]
            if name.lower() not in listed and b"*" not in listed:
                pairs[index] = (key, value + b", " + name)
            return
    pairs.append((b"vary", name))


def patch_vary(response: Any, names: Iterable[str]) -> None:
    """Add names to a response's Vary header."""
    for name in names:
        _vary(response.raw_headers, name.encode("latin-1"))
