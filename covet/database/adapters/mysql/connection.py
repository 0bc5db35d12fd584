"""A leased asyncmy connection. A call that was begun is let finish: half a reply would spoil the connection.

The driver puts arguments into `%s` and turns `%%` into `%` unless the arguments are None.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Iterable, Sequence
from contextvars import Context
from typing import Any, Final

from asyncmy.cursors import Cursor, SSCursor
from asyncmy.errors import Error, InterfaceError

from covet.database.adapters.connection import Connection
from covet.database.adapters.leases import SETTLE, Leases
from covet.database.adapters.mysql import errors
from covet.database.adapters.rows import named
from covet.exceptions import OperationalError

ENOUGH: Final = 0.02
"""Seconds that a statement of a cancelled task has to end by itself before the server is told to stop it."""


class MySQLConnection(Connection):
    """asyncmy's connection on lease.

    Attributes:
        pending: the call that a cancelled task left behind.
        rolled_back: whether the server ended the transaction (a deadlock), after which it would autocommit.
        unread: whether an unbuffered result was left in the middle.
    """

    __slots__ = ("pending", "rolled_back", "unread")

    def __init__(self, adapter: Any, leases: Leases, fairy: Any) -> None:
        super().__init__(adapter, leases, fairy)
        self.pending: asyncio.Task[Any] | None = None
        self.rolled_back = False
        self.unread = False

    async def _shielded(self, call: Awaitable[Any]) -> Any:
        """Run a call in a task of its own; a cancellation leaves it running for `settle`."""
        if self.rolled_back:
            _close(call)
            raise OperationalError(
                "the server rolled the transaction back after a deadlock; nothing more can be done in it"
            )
        if self.pending is not None and not await self._finish_pending():
            _close(call)
            self.dead = True
            raise InterfaceError(0, "a cancelled call is still running on this connection")
        task: asyncio.Task[Any] = asyncio.Task(_await(call), loop=self.leases.loop, context=Context())
        limit = self.adapter.config.command_timeout
        try:
            if limit is None:
                return await asyncio.shield(task)
            async with asyncio.timeout(limit):
                return await asyncio.shield(task)
        except Exception as exc:
            if not task.done():
                self._left_behind(task)
            elif errors.code(exc) == errors.DEADLOCK:
                self.rolled_back = True
            raise
        except BaseException:
            self._left_behind(task)
            raise

    def _left_behind(self, task: asyncio.Task[Any]) -> None:
        task.add_done_callback(_retrieve)
        self.pending = task

    async def _rows(self, sql: str, args: Sequence[Any]) -> list[Any]:
        async with self.raw.cursor() as cursor:
            await cursor.execute(sql, args)
            return list(await cursor.fetchall())

    async def _named_rows(self, sql: str, args: Sequence[Any]) -> list[Any]:
        async with self.raw.cursor() as cursor:
            await cursor.execute(sql, args)
            if cursor.description is None:
                return []
            row_type = named([column[0] for column in cursor.description])
            return [row_type(row) for row in await cursor.fetchall()]

    async def _count(self, sql: str, args: Sequence[Any]) -> int:
        async with self.raw.cursor() as cursor:
            await cursor.execute(sql, args)
            return int(cursor.rowcount)

    async def _insert(self, sql: str, args: Sequence[Any]) -> int | None:
        async with self.raw.cursor() as cursor:
            await cursor.execute(sql, args)
            return cursor.lastrowid or None

    async def _many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        own = not self.in_transaction()
        if own:
            await self.raw.begin()
        async with self.raw.cursor() as cursor:
            try:
                await cursor.executemany(sql, args)
            except BaseException:
                if own:
                    await self.raw.rollback()
                raise
        if own:
            await self.raw.commit()

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Any]:
        return await self._shielded(self._rows(sql, args))  # type: ignore[no-any-return]

    async def fetch_named(self, sql: str, args: Sequence[Any]) -> list[Any]:
        return await self._shielded(self._named_rows(sql, args))  # type: ignore[no-any-return]

    async def count(self, sql: str, args: Sequence[Any]) -> int:
        return await self._shielded(self._count(sql, args))  # type: ignore[no-any-return]

    async def insert(self, sql: str, args: Sequence[Any]) -> int | None:
        return await self._shielded(self._insert(sql, args))  # type: ignore[no-any-return]

    async def many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        await self._shielded(self._many(sql, args))

    async def command(self, sql: str) -> str:
        word = sql.partition(" ")[0]
        if word in ("BEGIN", "START", "ROLLBACK") and "TO SAVEPOINT" not in sql:
            self.rolled_back = False
        await self._shielded(self._count(sql, ()))
        return word

    async def cursor(
        self, sql: str, args: Sequence[Any], chunk_size: int, *, shared: bool = False
    ) -> AsyncGenerator[list[Any], None]:
        # An unbuffered result has to be read to its end before the connection can do anything else.
        cursor = self.raw.cursor(Cursor if shared else SSCursor)
        exhausted = shared
        try:
            await self._shielded(cursor.execute(sql, args))
            while rows := await self._shielded(cursor.fetchmany(chunk_size)):
                if not shared:
                    self._hold_back()
                yield list(rows)
                self._let_come()
            exhausted = True
        except Error:
            # The server's error ends the result too.
            exhausted = True
            raise
        finally:
            if exhausted:
                await cursor.close()
            else:
                self.unread = True

    def _hold_back(self) -> None:
        """Take no more from the server than the consumer does: asyncmy itself buffers without a limit."""
        transport = self.raw._transport  # noqa: SLF001 - it has no name for this
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def _let_come(self) -> None:
        transport = self.raw._transport  # noqa: SLF001 - as above
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    async def ping(self) -> None:
        async with asyncio.timeout(min(2.0, self.adapter.pool_timeout)):
            await self.raw.ping(reconnect=False)

    async def _finish_pending(self, patience: float = SETTLE) -> bool:
        """Wait a little for the call that a cancelled task left behind; False when it has to be stopped."""
        task = self.pending
        if task is None:
            return True
        if not task.done():
            await asyncio.wait([task], timeout=patience)
        if not task.done():
            return False
        self.pending = None
        return True

    async def settle(self) -> bool:
        if self.unread:
            # Reading the rest of a long result only to throw it away costs more than a new connection.
            self._end_session()
            return False
        if not await self._finish_pending(ENOUGH) and not await self._stopped():
            return False
        self.rolled_back = False
        if self.touched:
            # asyncmy cannot reset a session.
            return False
        async with asyncio.timeout(SETTLE):
            if self.in_transaction():
                await self.raw.rollback()
        return bool(self.raw.connected)

    async def _stopped(self) -> bool:
        """Stop what still runs, from outside; False when that fails, and the session is ended instead."""
        adapter: Any = self.adapter
        try:
            async with asyncio.timeout(SETTLE):
                await adapter.rescue().stop_query(self.raw.thread_id())
                if await self._finish_pending():
                    # It may have ended by itself, and the order to stop then meets the next statement.
                    with contextlib.suppress(Error):
                        await self.raw.ping(reconnect=False)
                    return True
        except (OSError, Error):
            # The server, or the way to it, is gone; TimeoutError is an OSError.
            pass
        self._end_session()
        return False

    def _end_session(self) -> None:
        """Have the server drop the session, which need not notice by itself that nobody is there any more."""
        task, self.pending = self.pending, None
        if task is not None:
            task.cancel()
        adapter: Any = self.adapter
        self.leases.spawn(_unless_gone(adapter.rescue().stop_session(self.raw.thread_id())))

    def in_transaction(self) -> bool:
        return bool(self.raw.connected and self.raw.get_transaction_status())


async def _await(call: Awaitable[Any]) -> Any:
    return await call


async def _unless_gone(order: Awaitable[None]) -> None:
    with contextlib.suppress(OSError, Error):
        await order


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Nobody else asks for the exception of a call whose task was cancelled."""
    if not task.cancelled():
        task.exception()


def _close(call: Any) -> None:
    if hasattr(call, "close"):
        call.close()
