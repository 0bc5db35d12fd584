"""SQLite, the embedded default: WAL, one writer at a time in turn, interrupted when its task is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import decimal
import json
import os
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from covet.database.adapters.base import Adapter
from covet.database.adapters.connection import Connection
from covet.database.adapters.features import SQLITE, Features
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.pins import Pin
from covet.database.adapters.placeholders import QMARK
from covet.database.adapters.pool import LeasedPool
from covet.database.adapters.sqlite import errors
from covet.database.adapters.sqlite.connection import READ_ONLY, SQLiteConnection
from covet.database.adapters.sqlite.driver import Driver, SQLite, identity
from covet.database.adapters.sqlite.functions import install
from covet.database.config import DatabaseConfig
from covet.exceptions import DatabaseError, ImproperlyConfigured, OperationalError, choices

BUSY_TIMEOUT: Final = 5.0
MODES: Final = ("DEFERRED", "IMMEDIATE", "EXCLUSIVE")
READS: Final = frozenset({"SELECT", "EXPLAIN", "VALUES", "WITH", "PRAGMA"})


class CovetSQLiteDialect(SQLiteDialect_aiosqlite):
    """SQLAlchemy's aiosqlite dialect; our own connections bring their functions with them."""

    supports_statement_cache = True

    def on_connect(self) -> None:  # type: ignore[override]
        """Set nothing up on a new connection."""
        return

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close behind what still runs, without waiting."""
        self.get_driver_connection(dbapi_connection).abandon()


registry.register("sqlite.covet", __name__, "CovetSQLiteDialect")


class SQLiteAdapter(Adapter):
    """SQLite through aiosqlite, in autocommit outside transactions.

    Writers of one process take turns on a lock before they lease a connection, so that readers always find
    one and no writer starves; writers of other processes are waited for by SQLite's busy handler.
    """

    vendor: ClassVar[str] = "sqlite"
    placeholder: ClassVar[str] = QMARK
    connection_class: ClassVar[type[Connection]] = SQLiteConnection

    def __init__(self, config: DatabaseConfig, alias: str = "default") -> None:
        super().__init__(config, alias)
        dialect: Any = CovetSQLiteDialect
        self.dialect = dialect(dbapi=dialect.import_dbapi())
        self.features: Features = SQLITE
        options = dict(config.options)
        self.busy_timeout = float(options.pop("timeout", BUSY_TIMEOUT))
        self.transaction_mode = str(options.pop("transaction_mode", None) or "IMMEDIATE").upper()
        if self.transaction_mode not in MODES:
            raise ImproperlyConfigured(
                f"transaction_mode cannot be {self.transaction_mode!r}; choose one of: "
                f"{', '.join(choices(self.transaction_mode, MODES))}"
            )
        self._start_up = [part for part in str(options.pop("init_command", "") or "").split(";") if part.strip()]
        self._pragmas = dict(options.pop("pragmas", {}))
        self._driver_options = options
        self._writers: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}

    # Opening

    def make_engine(self) -> AsyncEngine:
        engine = create_async_engine(
            "sqlite+covet://",
            async_creator=self.connect,
            poolclass=LeasedPool,
            pool_size=self.pool_size,
            max_overflow=self.limit - self.pool_size,
            pool_timeout=self.pool_timeout,
            pool_recycle=-1 if self.is_shared else (self.config.pool_recycle or -1),
            pool_reset_on_return=None,
        )
        # The driver begins nothing by itself (isolation_level=None), so SQLAlchemy's BEGIN has to be real.
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine

    async def connect(self) -> Driver:
        """A new connection of aiosqlite's, outside the pool; the caller closes it."""
        driver = Driver(self._connect)
        await driver
        return driver

    def _connect(self) -> sqlite3.Connection:
        database = self.config.database
        # As it is now: the process may go to another folder.
        database = database if self.config.is_memory or database.startswith("file:") else os.path.abspath(database)
        is_uri = database.startswith("file:")
        connection: SQLite = sqlite3.connect(
            database,
            **{
                "timeout": self.busy_timeout,
                "isolation_level": None,
                "check_same_thread": False,
                "cached_statements": 256,
                "uri": is_uri,
                "factory": SQLite,
                **self._driver_options,
            },
        )
        connection.execute("PRAGMA foreign_keys = ON")
        if not self.is_shared:
            # A file system that cannot hold a WAL (read-only, some networks) keeps its journal mode.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode = WAL")
        for name, value in self._pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}")
        for statement in self._start_up:
            connection.execute(statement)
        install(connection)
        if not self.is_shared and not is_uri:
            connection.opened = identity(database)
        return connection

    def judge(self, exc: BaseException) -> Verdict:
        return errors.judge(exc)

    def map_error(self, exc: BaseException) -> DatabaseError:
        return errors.map_error(exc)

    # Writers

    def begin_sql(self, *, isolation: str | None, readonly: bool, deferrable: bool) -> Sequence[str]:
        return (READ_ONLY if readonly else f"BEGIN {self.transaction_mode}",)

    def _writer(self) -> asyncio.Lock:
        loop = asyncio.get_running_loop()
        lock = self._writers.get(loop)
        if lock is None:
            for each in [each for each in self._writers if each.is_closed()]:
                del self._writers[each]
            lock = self._writers[loop] = asyncio.Lock()
        return lock

    async def enter(self, pin: Pin) -> None:
        if pin.readonly or self.is_shared:
            return
        await self._take_writer()
        pin.token = self._writer()

    def leave(self, pin: Pin) -> None:
        if pin.token is not None:
            pin.token.release()
            pin.token = None

    async def _take_writer(self) -> None:
        lock = self._writer()
        if not lock.locked():
            await lock.acquire()
            return
        try:
            async with asyncio.timeout(self.busy_timeout + self.pool_timeout):
                await lock.acquire()
        except TimeoutError:
            raise OperationalError("database is locked: another transaction of this process holds it") from None

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        if self.is_shared or self.pin.get() is not None:
            yield
            return
        await self._take_writer()
        try:
            yield
        finally:
            self._writer().release()

    async def run_dml(self, sql: str, args: Sequence[Any]) -> int:
        async with self._writing():
            return await super().run_dml(sql, args)

    async def run_insert(self, sql: str, args: Sequence[Any]) -> int | None:
        async with self._writing():
            return await super().run_insert(sql, args)

    async def run_many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        async with self._writing():
            await super().run_many(sql, args)

    async def run_write(self, sql: str, args: Sequence[Any]) -> list[Any]:
        async with self._writing():
            return await super().run_write(sql, args)

    async def execute(self, statement: Any, *args: Any) -> Any:
        if _reads(statement):
            return await super().execute(statement, *args)
        async with self._writing():
            return await super().execute(statement, *args)

    async def fetch(self, statement: Any, *args: Any) -> list[Any]:
        if _reads(statement):
            return await super().fetch(statement, *args)
        async with self._writing():
            return await super().fetch(statement, *args)

    # Values

    def adapt(self, value: Any) -> Any:
        convert = _ADAPTED.get(type(value))
        return value if convert is None else convert(value)

    @property
    def path(self) -> Path | None:
        """The database's file; None in memory."""
        if self.is_shared or self.config.database.startswith("file:"):
            return None
        return Path(self.config.database)


def _reads(statement: Any) -> bool:
    if isinstance(statement, str):
        return statement.lstrip().partition(" ")[0].upper() in READS
    return bool(getattr(statement, "is_select", False))


_ADAPTED: Final[dict[type, Any]] = {
    datetime.datetime: lambda value: value.isoformat(" "),
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    decimal.Decimal: str,
    uuid.UUID: lambda value: value.hex,
    dict: json.dumps,
}
