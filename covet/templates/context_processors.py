"""Context processors: functions of the request that add to every template's context."""

from __future__ import annotations

from typing import Any

from covet.conf import settings
from covet.http.request import Request


def request(request: Request) -> dict[str, Any]:
    """`request` and `user`."""
    return {"request": request, "user": request.user}


def auth(request: Request) -> dict[str, Any]:
    """`user`."""
    return {"user": request.user}


def csp_nonce(request: Request) -> dict[str, Any]:
    """`csp_nonce`, where `SecurityHeadersMiddleware` runs."""
    nonce = (request.scope.get("state") or {}).get("csp_nonce")
    return {} if nonce is None else {"csp_nonce": nonce}


def debug(request: Request) -> dict[str, Any]:
    """`debug`, while DEBUG is on."""
    return {"debug": True} if settings.DEBUG else {}


def static(request: Request) -> dict[str, Any]:
    """`STATIC_URL`."""
    return {"STATIC_URL": settings.STATIC_URL}


def media(request: Request) -> dict[str, Any]:
    """`MEDIA_URL`."""
    return {"MEDIA_URL": settings.MEDIA_URL}


def i18n(request: Request) -> dict[str, Any]:
    """`LANGUAGE_CODE` and `LANGUAGES`."""
    return {"LANGUAGE_CODE": settings.LANGUAGE_CODE, "LANGUAGES": settings.LANGUAGES}


def tz(request: Request) -> dict[str, Any]:
    """`TIME_ZONE`."""
    return {"TIME_ZONE": settings.TIME_ZONE}
