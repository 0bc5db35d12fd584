"""A small PostgreSQL pooler in transaction mode, as PgBouncer before 1.21: server connections are shared by
transactions, so that a prepared statement made in one is not there in the next."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

SSL_REQUEST = 80877103
CANCEL_REQUEST = 80877102
ENDS = (b"S", b"Q", b"c", b"f")
"""Sync, Query, CopyDone, CopyFail: after these it is the server's turn."""
KNOWN_PARAMETERS = {"user", "database", "client_encoding", "application_name", "datestyle", "timezone"}


class TransactionPooler:
    """Clients speak to it as to the server; `size` server connections serve them all."""

    def __init__(self, host: str, port: int, size: int = 4) -> None:
        self.target = (host, port)
        self.size = size
        self.port = 0
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._opened = 0
        self._greeting = b""
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept clients."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop everything."""
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._free.empty():
            self._free.get_nowait()[1].transport.abort()

    async def _take(self, start_up: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._free.empty() and self._opened < self.size:
            self._opened += 1
            reader, writer = await asyncio.open_connection(*self.target)
            writer.write(start_up)
            greeting = b""
            while True:
                kind, body = await _message(reader)
                greeting += _packed(kind, body)
                if kind == b"Z":
                    break
            self._greeting = greeting
            return reader, writer
        return await self._free.get()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._serve(reader, writer)
        self._tasks.discard(task)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            length, code = struct.unpack("!II", await reader.readexactly(8))
            body = await reader.readexactly(length - 8)
            if code == SSL_REQUEST:
                writer.write(b"N")
                continue
            if code == CANCEL_REQUEST:
                return
            break
        names = body.rstrip(b"\0").split(b"\0")[::2]
        unknown = [name.decode() for name in names if name.decode().lower() not in KNOWN_PARAMETERS]
        if unknown:
            text = f"unsupported startup parameter: {unknown[0]}"
            error = b"SFATAL\0C08P01\0M" + text.encode() + b"\0\0"
            writer.write(_packed(b"E", error))
            return
        start_up = struct.pack("!II", length, code) + body
        server = await self._take(start_up)
        self._free.put_nowait(server)
        writer.write(self._greeting)
        while True:
            kind, body = await _message(reader)
            if kind == b"X":
                return
            await self._transaction(_packed(kind, body), kind, reader, writer, start_up)

    async def _transaction(
        self,
        first: bytes,
        kind: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        start_up: bytes,
    ) -> None:
        server_reader, server_writer = await self._take(start_up)
        healthy = False
        try:
            server_writer.write(first)
            pending = kind in ENDS
            while True:
                if not pending:
                    kind, body = await _exchange(reader, server_reader, writer)
                    server_writer.write(_packed(kind, body))
                    pending = kind in ENDS
                    continue
                answer, body = await _message(server_reader)
                writer.write(_packed(answer, body))
                if answer == b"G":
                    pending = False
                if answer == b"Z":
                    pending = False
                    if body == b"I":
                        break
            await writer.drain()
            healthy = True
        finally:
            if healthy:
                self._free.put_nowait((server_reader, server_writer))
            else:
                server_writer.transport.abort()
                self._opened -= 1


async def _exchange(
    reader: asyncio.StreamReader, server_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[bytes, bytes]:
    """The client's next message, passing on what the server says meanwhile (after Flush)."""
    wanted = asyncio.ensure_future(_message(reader))
    try:
        while not wanted.done():
            answer = asyncio.ensure_future(server_reader.read(1))
            await asyncio.wait([wanted, answer], return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                answer.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await answer
                break
            kind = answer.result()
            if not kind:
                raise asyncio.IncompleteReadError(b"", 1)
            header = await server_reader.readexactly(4)
            body = await server_reader.readexactly(struct.unpack("!I", header)[0] - 4)
            writer.write(kind + header + body)
    finally:
        if not wanted.done():
            wanted.cancel()
    return await wanted


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


def _packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


@contextlib.asynccontextmanager
async def pooler_to(host: str, port: int, size: int = 4) -> AsyncIterator[TransactionPooler]:
    """A running pooler."""
    pooler = TransactionPooler(host, port, size)
    await pooler.listen()
    try:
        yield pooler
    finally:
        await pooler.close()
