"""A leased asyncmy connection. A call that was begun is let finish: half a reply would spoil the connection.

The driver puts arguments into `%s` and turns `%%` into `%` unless the arguments are None.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable, Sequence
from contextvars import Context
from typing import Any

from asyncmy.cursors import Cursor, SSCursor
from asyncmy.errors import InterfaceError

from covet.database.adapters.connection import Connection
from covet.database.adapters.leases import SETTLE, Leases
from covet.database.adapters.mysql import errors
from covet.database.adapters.rows import named
from covet.exceptions import OperationalError


class MySQLConnection(Connection):
    """asyncmy's connection on lease.

    Attributes:
        pending: the call that a cancelled task left behind.
        rolled_back: whether the server ended the transaction (a deadlock), after which it would autocommit.
    """

    __slots__ = ("pending", "rolled_back")

    def __init__(self, adapter: Any, leases: Leases, fairy: Any) -> None:
        super().__init__(adapter, leases, fairy)
        self.pending: asyncio.Task[Any] | None = None
        self.rolled_back = False

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
                self.pending = task
            elif errors.code(exc) == errors.DEADLOCK:
                self.rolled_back = True
            raise
        except BaseException:
            self.pending = task
            raise

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
        await self._shielded(cursor.execute(sql, args))
        try:
            while rows := await self._shielded(cursor.fetchmany(chunk_size)):
                yield list(rows)
        finally:
            await cursor.close()

    async def ping(self) -> None:
        async with asyncio.timeout(min(2.0, self.adapter.pool_timeout)):
            await self.raw.ping(reconnect=False)

    async def _finish_pending(self) -> bool:
        """Wait a little for the call that a cancelled task left behind; False when it has to be stopped."""
        task = self.pending
        if task is None:
            return True
        if not task.done():
            await asyncio.wait([task], timeout=SETTLE)
        if not task.done():
            return False
        self.pending = None
        if not task.cancelled():
            task.exception()
        return True

    async def settle(self) -> bool:
        if not await self._finish_pending():
            # What still runs is stopped on the server, and the connection is cut.
            task, self.pending = self.pending, None
            adapter: Any = self.adapter
            self.leases.spawn(adapter.kill_query(self.raw))
            if task is not None:
                task.cancel()
            return False
        self.rolled_back = False
        if self.touched:
            # asyncmy cannot reset a session.
            return False
        async with asyncio.timeout(SETTLE):
            if self.in_transaction():
                await self.raw.rollback()
        return bool(self.raw.connected)

    def in_transaction(self) -> bool:
        return bool(self.raw.connected and self.raw.get_transaction_status())


async def _await(call: Awaitable[Any]) -> Any:
    return await call


def _close(call: Any) -> None:
    if hasattr(call, "close"):
        call.close()
