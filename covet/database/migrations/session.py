"""Sessions: the one connection on which a migration runs, its transactions spelled out.

The runner opens one for each migration. BEGIN and COMMIT are sent as statements over an autocommit
connection, so that SQLite's DDL is inside the transaction too, and so that nothing commits unasked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from covet.database.migrations.definitions import Target
from covet.database.migrations.sqltext import Vendor

T = TypeVar("T")
Row = Sequence[Any]


class Session(Protocol):
    """What a migration needs of a connection."""

    @property
    def vendor(self) -> Vendor:
        """`postgresql`, `sqlite` or `mysql` (MariaDB too)."""

    @property
    def target(self) -> Target:
        """The database as definitions see it."""

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; the number of rows it touched, -1 if that means nothing."""

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """The rows of a query."""

    async def sync(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` with SQLAlchemy's synchronous face of the same connection."""


def vendor_of(dialect: sa.Dialect) -> Vendor:
    """The house's name of a SQLAlchemy dialect."""
    return cast("Vendor", "mysql" if dialect.name in {"mysql", "mariadb"} else dialect.name)


def target_of(dialect: sa.Dialect) -> Target:
    """The database as definitions see it."""
    version = tuple(part for part in (dialect.server_version_info or ()) if isinstance(part, int))
    native_uuid = dialect.name == "postgresql" or (bool(getattr(dialect, "is_mariadb", False)) and version >= (10, 7))
    return Target(vendor_of(dialect), native_uuid=native_uuid)


class EngineSession:
    """A session over one connection of a SQLAlchemy engine."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.target = target_of(connection.dialect)
        self.vendor = self.target.vendor
        self.in_transaction = False
        self.log: list[Callable[[str], None]] = []

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; arguments take the places of `$1`, `$2` (or `?`, `%s`, the driver's own)."""
        for listener in self.log:
            listener(sql)
        result = await self.connection.exec_driver_sql(_escaped(sql, self.vendor, args), _arguments(args))
        return int(result.rowcount)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """The rows of a query."""
        result = await self.connection.exec_driver_sql(_escaped(sql, self.vendor, args), _arguments(args))
        return [tuple(row) for row in result.all()]

    async def sync(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` with SQLAlchemy's synchronous face of this connection."""
        return await self.connection.run_sync(work)

    async def begin(self) -> None:
        """Open the transaction; SQLite takes its write lock at once, so that two runs queue here."""
        await self.connection.exec_driver_sql("BEGIN IMMEDIATE" if self.vendor == "sqlite" else "BEGIN")
        self.in_transaction = True

    async def commit(self) -> None:
        """Commit."""
        await self.connection.exec_driver_sql("COMMIT")
        self.in_transaction = False

    async def rollback(self) -> None:
        """Undo; quiet if the connection is lost, for then the server has already done so."""
        self.in_transaction = False
        try:
            await self.connection.exec_driver_sql("ROLLBACK")
        except sa.exc.DBAPIError:
            await self.connection.invalidate()


def _arguments(args: tuple[object, ...]) -> tuple[object, ...] | None:
    return args or None


def _escaped(sql: str, vendor: Vendor, args: tuple[object, ...]) -> str:
    # MariaDB's driver formats with % whenever SQLAlchemy passes it a parameter set.
    return sql.replace("%", "%%") if vendor == "mysql" and not args else sql


@asynccontextmanager
async def open_session(engine: AsyncEngine) -> AsyncIterator[EngineSession]:
    """A session of its own, closed at the end; an open transaction is undone."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        session = EngineSession(connection)
        try:
            yield session
        except BaseException:
            if session.in_transaction:
                await session.rollback()
            raise
