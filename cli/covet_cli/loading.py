"""Load on one endpoint: keep-alive connections that each send the next request when the answer is here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import click

UNBOUNDED = 1 << 60


@dataclass(frozen=True)
class Target:
    """What is asked: an address, and the request."""

    host: str
    port: int
    path: str
    method: str = "GET"
    body: str = ""
    ids: int = 10_000

    @classmethod
    def of(cls, url: str, *, method: str = "GET", body: str = "", ids: int = 10_000) -> Target:
        """The target of an http:// address; `{id}` in its path and body becomes a random number up to `ids`.

        Raises:
            click.BadParameter: the address is not one of http.
        """
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme != "http" or not parts.hostname:
            raise click.BadParameter(f"expected an http:// address, got {url!r}.")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or 80, path, method.upper(), body, ids)

    def requests(self, choose: Random, count: int = 500) -> list[bytes]:
        """That many requests as bytes, with different numbers for `{id}`."""
        return [self._request(str(choose.randint(1, self.ids))) for _ in range(count)]

    def _request(self, number: str) -> bytes:
        path = self.path.replace("{id}", number)
        content = self.body.replace("{id}", number).encode()
        head = [f"{self.method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        head += ["Connection: keep-alive", "Accept: */*"]
        if content or self.method in ("POST", "PUT", "PATCH"):
            head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        return "\r\n".join([*head, "", ""]).encode() + content


@dataclass
class Tally:
    """What all connections saw; latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0
    is_over: bool = False
    reconnect: Callable[[], None] = lambda: None

    def percentile(self, share: float) -> float:
        """The latency, in ms, that `share` of the requests stayed within."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Sequence[bytes], choose: Random, tally: Tally) -> None:
        self._requests = requests
        self._choose = choose
        self._tally = tally
        self._buffer = b""
        self._wanted = -1
        self._is_last = False
        self._started = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        if self._tally.is_over:
            self._transport.close()
            return
        self._started = time.perf_counter()
        self._transport.write(self._choose.choice(self._requests))

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; when it is whole, send the next request."""
        self._buffer += data
        if self._wanted < 0 and not self._read_head():
            return
        is_whole = len(self._buffer) >= self._wanted
        if self._wanted == UNBOUNDED:
            is_whole = self._buffer.endswith(b"0\r\n\r\n")
        if is_whole:
            self._buffer = b""
            self._wanted = -1
            self._tally.latencies.append(time.perf_counter() - self._started)
            if self._is_last:
                self._transport.close()
            else:
                self._send()

    def _read_head(self) -> bool:
        head, found, _ = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 2"):
            self._tally.errors += 1
        lower = head.lower()
        self._is_last = b"\r\nconnection: close" in lower
        position = lower.find(b"content-length:")
        if position >= 0:
            self._wanted = len(head) + 4 + int(lower[position + 15 :].split(b"\r\n", 1)[0])
        elif b"transfer-encoding: chunked" in lower:
            self._wanted = UNBOUNDED
        else:
            self._wanted = len(head) + 4
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Open another connection in its place; an error, unless the server had announced the end."""
        del exc
        if not self._tally.is_over:
            self._tally.errors += not self._is_last
            self._tally.reconnect()


async def drive(
    target: Target,
    *,
    connections: int,
    seconds: float,
    warm_up: float = 1.0,
    seed: int = 1,
    started: Callable[[], None] = lambda: None,
) -> Tally:
    """Ask for the wanted time; `started` is called when the warm-up is over.

    Raises:
        OSError: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    choose = Random(seed)  # noqa: S311 - the same requests each time, not a secret
    tally = Tally()
    requests = target.requests(choose)
    opening: set[asyncio.Task[Any]] = set()

    async def connect() -> None:
        await loop.create_connection(lambda: Client(requests, choose, tally), target.host, target.port)

    def reconnect() -> None:
        task = loop.create_task(connect())
        opening.add(task)
        task.add_done_callback(opening.discard)

    await connect()
    tally.reconnect = reconnect
    for _ in range(connections - 1):
        reconnect()
    await asyncio.sleep(warm_up)
    tally.latencies.clear()
    tally.errors = 0
    started()
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    tally.seconds = time.perf_counter() - begun
    finished = Tally(list(tally.latencies), tally.errors, tally.seconds)
    tally.is_over = True
    return finished
