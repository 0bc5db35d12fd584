"""A TCP proxy that can swallow bytes, lose a reply, cut its connections or vanish."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable


class Proxy:
    """Stands between a client and a server.

    Attributes:
        swallowing: whether every byte, in both directions, is thrown away (a dead network).
        lose_reply_to: when the client sends these bytes, the server gets them, the answer is thrown away
            and the connection is cut.
        delay_replies_to: when the client sends these bytes, the answer comes this many seconds late.
        accepted: connections seen.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.swallowing = False
        self.lose_reply_to: bytes | None = None
        self.delay_replies_to: tuple[bytes, float] | None = None
        self.accepted = 0
        self.port = 0
        self.on_client_bytes: Callable[[bytes], None] | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept connections (again), always on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Stop listening: connection refused."""
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """Break every connection."""
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def close(self) -> None:
        """Stop everything."""
        self.refuse()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        try:
            server_reader, server_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers.add(server_writer)
        state = {"lose": False, "late": 0.0}
        for pump in (self._upstream(reader, server_writer, state), self._downstream(server_reader, writer, state)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if self.swallowing:
                    continue
                if self.on_client_bytes is not None:
                    self.on_client_bytes(data)
                if self.lose_reply_to is not None and self.lose_reply_to in data:
                    state["lose"] = True
                if self.delay_replies_to is not None and self.delay_replies_to[0] in data:
                    state["late"] = self.delay_replies_to[1]
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def _downstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: dict) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if state["late"]:
                    late, state["late"] = state["late"], 0.0
                    await asyncio.sleep(late)
                if state["lose"]:
                    break
                if self.swallowing:
                    continue
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@contextlib.asynccontextmanager
async def proxy_to(host: str, port: int) -> AsyncIterator[Proxy]:
    """A running proxy."""
    proxy = Proxy(host, port)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
