"""Django's `request.META`, made from an ASGI scope when somebody asks for it."""

from __future__ import annotations

from typing import Any

from starlette.types import Scope


def build_meta(scope: Scope) -> dict[str, Any]:
    """The CGI names of a request. Headers with underscores are left out: they could pose as others."""
    path = scope["path"]
    root = scope.get("root_path", "")
    meta: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path[len(root) :] if root and path.startswith(root) else path,
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "wsgi.url_scheme": scope.get("scheme", "http"),
    }
    server = scope.get("server")
    if server:
        meta["SERVER_NAME"] = server[0]
        meta["SERVER_PORT"] = str(server[1]) if server[1] is not None else "0"
    else:
        meta["SERVER_NAME"], meta["SERVER_PORT"] = "unknown", "0"
    client = scope.get("client")
    if client:
        meta["REMOTE_ADDR"], meta["REMOTE_PORT"] = client[0], client[1]
        meta["REMOTE_HOST"] = client[0]
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1")
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        value = raw_value.decode("latin-1")
        if key in meta:
            value = f"{meta[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        meta[key] = value
    return meta
