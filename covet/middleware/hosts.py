"""Trusted hosts for applications that need a list of their own; every Covet application checks ALLOWED_HOSTS anyway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.exceptions import DisallowedHost
from covet.http.request import Request, allowed_hosts
from covet.middleware.base import BaseMiddleware, GetResponse
from covet.utils.http import host_matches, split_host


class TrustedHostMiddleware(BaseMiddleware):
    """Refuses (400) requests for other hosts.

    Args:
        get_response: the next layer.
        allowed: hosts, `.example.com` for a domain and all below it, `*` for any; ALLOWED_HOSTS if not given.
    """

    def __init__(self, get_response: GetResponse | None = None, *, allowed: Sequence[str] | None = None) -> None:
        super().__init__(get_response)
        self._allowed = allowed

    async def process_request(self, request: Request) -> Any:
        host = request.headers.getlist("host")
        domain = split_host(host[0])[0] if len(host) == 1 else ""
        if not domain or not host_matches(domain, self._allowed if self._allowed is not None else allowed_hosts()):
            raise DisallowedHost(f"Invalid HTTP_HOST header: {', '.join(host)!r}.")
