"""A leased aiosqlite connection: each call is one hop to its thread and back."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from typing import Any, Final

from covet.database.adapters.connection import Connection
from covet.database.adapters.leases import SETTLE, Leases
from covet.database.adapters.rows import named
from covet.database.adapters.sqlite.driver import Identity, identity
from covet.database.adapters.sqlite.errors import FileMoved
from covet.exceptions import OperationalError

READ_ONLY: Final = "BEGIN DEFERRED /* read only */"


class SQLiteConnection(Connection):
    """aiosqlite's connection on lease.

    Attributes:
        inside: whether a transaction of ours is open. SQLite itself may roll one back (an interrupt, a full
            disk); what follows must then not run in autocommit.
    """

    __slots__ = ("inside", "opened", "readonly", "sqlite")

    def __init__(self, adapter: Any, leases: Leases, fairy: Any) -> None:
        super().__init__(adapter, leases, fairy)
        self.sqlite: sqlite3.Connection = self.raw._conn  # noqa: SLF001 - calls run in its thread, built here
        self.opened: Identity | None = getattr(self.sqlite, "opened", None)
        self.inside = False
        self.readonly = False

    async def _call(self, function: Any, *args: Any) -> Any:
        return await self.raw._execute(function, self, *args)  # noqa: SLF001 - aiosqlite's one way to its thread

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Any]:
        return await self._call(_fetch, sql, args)  # type: ignore[no-any-return]

    async def fetch_named(self, sql: str, args: Sequence[Any]) -> list[Any]:
        return await self._call(_fetch_named, sql, args)  # type: ignore[no-any-return]

    async def count(self, sql: str, args: Sequence[Any]) -> int:
        return await self._call(_count, sql, args)  # type: ignore[no-any-return]

    async def insert(self, sql: str, args: Sequence[Any]) -> int | None:
        return await self._call(_insert, sql, args)  # type: ignore[no-any-return]

    async def many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        await self._call(_many, sql, args)

    async def command(self, sql: str) -> str:
        return await self._call(_command, sql)  # type: ignore[no-any-return]

    async def cursor(
        self, sql: str, args: Sequence[Any], chunk_size: int, *, shared: bool = False
    ) -> AsyncGenerator[list[Any], None]:
        cursor = await self._call(_open_cursor, sql, args)
        try:
            while rows := await self._call(_next_rows, cursor, chunk_size):
                yield rows
        finally:
            cursor.close()

    async def ping(self) -> None:
        await self._call(_ping)

    async def settle(self) -> bool:
        done = asyncio.ensure_future(self._call(_roll_back))
        waited = 0.0
        # The call that was cancelled may still be queued: interrupt until the thread is past it.
        while not done.done() and (waited < SETTLE or self.adapter.is_shared):
            self.interrupt()
            await asyncio.wait([done], timeout=0.02)
            waited += 0.02
        if not done.done():
            done.cancel()
            return False
        self.inside = self.touched = False
        return done.exception() is None

    def abandon(self) -> None:
        super().abandon()
        self.raw.abandon()

    def in_transaction(self) -> bool:
        return self.sqlite.in_transaction

    def interrupt(self) -> None:
        self.sqlite.interrupt()


def _ready(connection: SQLiteConnection) -> sqlite3.Connection:
    if connection.inside and not connection.sqlite.in_transaction:
        raise OperationalError("SQLite rolled the transaction back; nothing more can be done in it")
    return connection.sqlite


def _ready_to_write(connection: SQLiteConnection) -> sqlite3.Connection:
    ready = _ready(connection)
    if not ready.in_transaction:
        _check_file(connection)
    return ready


def _check_file(connection: SQLiteConnection) -> None:
    opened = connection.opened
    if opened is not None and identity(opened[0]) != opened:
        # What is left in the -wal file belongs to the old file: whoever opens the new one would take it for its own.
        with contextlib.suppress(sqlite3.Error):
            connection.sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raise FileMoved(f"{opened[0]} was replaced or removed since it was opened")


def _ping(connection: SQLiteConnection) -> None:
    _check_file(connection)
    connection.sqlite.execute("SELECT 1").fetchall()


def _fetch(connection: SQLiteConnection, sql: str, args: Sequence[Any]) -> list[Any]:
    # A read of the old file is late, not lost; the check costs a system call.
    ready = _ready(connection) if sql.startswith("SELECT") else _ready_to_write(connection)
    return ready.execute(sql, args).fetchall()


def _fetch_named(connection: SQLiteConnection, sql: str, args: Sequence[Any]) -> list[Any]:
    cursor = _ready(connection).execute(sql, args)
    if cursor.description is None:
        return []
    return list(map(named([column[0] for column in cursor.description]), cursor.fetchall()))


def _count(connection: SQLiteConnection, sql: str, args: Sequence[Any]) -> int:
    ready = _ready_to_write(connection)
    if args:
        return ready.execute(sql, args).rowcount
    changed = -1
    for statement in _split(sql):
        changed = ready.execute(statement).rowcount
    return changed


def _split(sql: str) -> Iterator[str]:
    """One statement at a time: sqlite3's own executescript would commit the transaction."""
    statement = ""
    for piece in sql.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \t\r\n;"):
                yield statement
            statement = ""
    if statement.strip(" \t\r\n;"):
        yield statement


def _insert(connection: SQLiteConnection, sql: str, args: Sequence[Any]) -> int | None:
    return _ready_to_write(connection).execute(sql, args).lastrowid


def _many(connection: SQLiteConnection, sql: str, args: Iterable[Sequence[Any]]) -> None:
    ready = _ready_to_write(connection)
    if ready.in_transaction:
        ready.executemany(sql, args)
        return
    ready.execute("BEGIN IMMEDIATE")
    try:
        ready.executemany(sql, args)
        ready.execute("COMMIT")
    except BaseException:
        if ready.in_transaction:
            ready.execute("ROLLBACK")
        raise


def _command(connection: SQLiteConnection, sql: str) -> str:
    sqlite = connection.sqlite
    word = sql.partition(" ")[0]
    if sql is READ_ONLY:
        sqlite.execute("PRAGMA query_only = ON")
        connection.readonly = True
    if word == "ROLLBACK" and sql == "ROLLBACK":
        _roll_back(connection)
        return word
    _ready_to_write(connection).execute(sql)
    if word == "BEGIN":
        connection.inside = True
    elif word == "COMMIT":
        connection.inside = sqlite.in_transaction
        _allow_writes(connection)
    return word


def _roll_back(connection: SQLiteConnection) -> None:
    connection.inside = False
    if connection.sqlite.in_transaction:
        connection.sqlite.execute("ROLLBACK")
    _allow_writes(connection)


def _allow_writes(connection: SQLiteConnection) -> None:
    if connection.readonly:
        connection.readonly = False
        connection.sqlite.execute("PRAGMA query_only = OFF")


def _open_cursor(connection: SQLiteConnection, sql: str, args: Sequence[Any]) -> sqlite3.Cursor:
    return _ready(connection).execute(sql, args)


def _next_rows(_connection: SQLiteConnection, cursor: sqlite3.Cursor, size: int) -> list[Any]:
    return cursor.fetchmany(size)
