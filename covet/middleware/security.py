"""Security headers: HSTS, nosniff, framing, referrers, and a Content-Security-Policy with a nonce for each request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured
from covet.http.headers import header_name, header_value
from covet.http.request import Request
from covet.http.response import HttpResponsePermanentRedirect
from covet.middleware.base import BaseMiddleware, GetResponse

NONCE: Final = "<nonce>"
"""Where a policy's source list wants the request's nonce."""

DEFAULT_POLICY: Final[Mapping[str, Any]] = {
    "default-src": ["'self'"],
    "script-src": ["'self'", NONCE],
    "style-src": ["'self'", NONCE],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}


class SecurityHeadersMiddleware(BaseMiddleware):
    """Adds the headers that keep browsers strict; a header that the handler set stays as it is.

    Templates write the nonce as `{{ csp_nonce }}`; handlers find it in `request.state.csp_nonce`.

    Args:
        get_response: the next layer.
        policy: directives and their sources; SECURE_CSP, or a strict default. `<nonce>` stands for the nonce; an
            empty mapping means no policy.
        report_only: the same for Content-Security-Policy-Report-Only.
        hsts_seconds: for how long browsers must use https (sent over https alone); SECURE_HSTS_SECONDS.
        frame_options: X-Frame-Options.
    """

    def __init__(
        self,
        get_response: GetResponse | None = None,
        *,
        policy: Mapping[str, Any] | None = None,
        report_only: Mapping[str, Any] | None = None,
        hsts_seconds: int | None = None,
        frame_options: str | None = None,
    ) -> None:
        super().__init__(get_response)
        chosen = policy if policy is not None else settings.SECURE_CSP or DEFAULT_POLICY
        self._policy = compile_policy(chosen)
        self._report_only = compile_policy(settings.SECURE_CSP_REPORT_ONLY if report_only is None else report_only)
        self._hsts = _hsts(settings.SECURE_HSTS_SECONDS if hsts_seconds is None else hsts_seconds)
        self._redirect = settings.SECURE_SSL_REDIRECT
        self._exempt = [re.compile(pattern) for pattern in settings.SECURE_REDIRECT_EXEMPT]
        self._fixed = _fixed_headers(frame_options or settings.X_FRAME_OPTIONS)

    async def process_request(self, request: Request) -> Any:
        request.scope.setdefault("state", {})["csp_nonce"] = secrets.token_urlsafe(16)
        if self._redirect and not request.is_secure() and not self._is_exempt(request):
            host = settings.SECURE_SSL_HOST or request.get_host()
            return HttpResponsePermanentRedirect(f"https://{host}{request.get_full_path()}")
        return None

    def _is_exempt(self, request: Request) -> bool:
        path = request.path.lstrip("/")
        return any(pattern.search(path) for pattern in self._exempt)

    async def process_response(self, request: Request, response: Any) -> Any:
        pairs = response.raw_headers
        present = {name for name, _ in pairs}
        pairs.extend(pair for pair in self._fixed if pair[0] not in present)
        nonce = request.scope["state"]["csp_nonce"].encode()
        for name, policy in (
            (b"content-security-policy", self._policy),
            (b"content-security-policy-report-only", self._report_only),
        ):
            if policy and name not in present:
                pairs.append((name, policy.replace(NONCE.encode(), b"'nonce-" + nonce + b"'")))
        if self._hsts and b"strict-transport-security" not in present and request.is_secure():
            pairs.append((b"strict-transport-security", self._hsts))
        return response


def _fixed_headers(frame_options: str) -> list[tuple[bytes, bytes]]:
    referrer = settings.SECURE_REFERRER_POLICY
    headers = {
        "X-Content-Type-Options": "nosniff" if settings.SECURE_CONTENT_TYPE_NOSNIFF else "",
        "X-Frame-Options": frame_options.upper(),
        "Referrer-Policy": referrer if isinstance(referrer, str) else ", ".join(referrer or ()),
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY or "",
    }
    return [(header_name(name), header_value(value)) for name, value in headers.items() if value]


def _hsts(seconds: int) -> bytes:
    if not seconds:
        return b""
    value = f"max-age={seconds}"
    if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        value += "; includeSubDomains"
    if settings.SECURE_HSTS_PRELOAD:
        value += "; preload"
    return value.encode()


def compile_policy(directives: Mapping[str, Any]) -> bytes:
    """A policy's header value, with `<nonce>` where the nonce goes.

    Raises:
        ImproperlyConfigured: a directive's sources are no string, list or boolean, or contain separators.
    """
    parts: list[str] = []
    for directive, sources in directives.items():
        if sources is None or sources is False:
            continue
        if sources is True:
            parts.append(directive)
            continue
        listed = [sources] if isinstance(sources, str) else list(sources)
        if any(not isinstance(source, str) or ";" in source or "," in source for source in listed):
            raise ImproperlyConfigured(f"SECURE_CSP: {directive!r} must be a list of sources, not {sources!r}.")
        parts.append(" ".join([directive, *listed]))
    return header_value("; ".join(parts))
