"""What a trusted proxy says about the client: address, scheme, host; pure ASGI, the first in the list."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from covet.conf import settings
from covet.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SCHEMES: Final = {b"http": "http", b"https": "https", b"ws": "http", b"wss": "https"}
_SECURE_SOCKETS: Final = {"http": "ws", "https": "wss"}


class ProxyHeadersMiddleware:
    """Believes X-Forwarded-For and X-Forwarded-Proto, and X-Forwarded-Host with USE_X_FORWARDED_HOST, of trusted peers.

    The client is the last address of X-Forwarded-For that is no trusted proxy: what stands before it may be forged.

    Args:
        app: the application.
        trusted: addresses and networks of the proxies; TRUSTED_PROXIES, or this machine.

    Raises:
        ImproperlyConfigured: one of them is no address or network.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str] | None = None) -> None:
        self.app = app
        chosen = trusted if trusted is not None else settings.TRUSTED_PROXIES or ("127.0.0.1", "::1")
        self._everyone = "*" in chosen
        self._networks = [_network(entry) for entry in chosen if entry != "*"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            client = scope.get("client")
            if client is None or self.trusts(client[0]):
                self._apply(scope)
        await self.app(scope, receive, send)

    def trusts(self, address: str) -> bool:
        """Whether `address` is a trusted proxy's."""
        if self._everyone:
            return True
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)

    def _apply(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        scheme = SCHEMES.get(headers.get(b"x-forwarded-proto", b"").split(b",")[0].strip().lower())
        if scheme is not None:
            scope["scheme"] = _SECURE_SOCKETS[scheme] if scope["type"] == "websocket" else scheme
        client = self._client(headers.get(b"x-forwarded-for", b"").decode("latin-1"))
        if client is not None:
            scope["client"] = (client, 0)

    def _client(self, forwarded: str) -> str | None:
        """The nearest address that is no trusted proxy; None where the header is missing or malformed."""
        found = None
        for entry in reversed([part.strip() for part in forwarded.split(",")]):
            address = entry[1 : entry.find("]")] if entry.startswith("[") else entry
            if address.count(":") == 1:
                address = address.partition(":")[0]
            try:
                found = str(ipaddress.ip_address(address))
            except ValueError:
                return found
            if not self._everyone and not self.trusts(found):
                return found
        return found


def _network(entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES: {entry!r} is no address or network.") from error
