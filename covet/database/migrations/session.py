"""Sessions: the one connection on which a migration runs, its transactions spelled out.

The runner opens one for each migration, on a lease of the adapter's. While a transaction is open, the ORM's
queries of the same task go over it too, so that `run_python` sees what the migration has done so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import Token
from typing import Any, Protocol, cast

import sqlalchemy as sa

from covet.database.adapters.base import Adapter
from covet.database.adapters.connection import Connection
from covet.database.adapters.pins import Pin
from covet.database.adapters.placeholders import arrange
from covet.database.migrations.definitions import Target
from covet.database.migrations.sqltext import Vendor
from covet.database.transaction.state import OpenTransaction
from covet.exceptions import DatabaseError

Row = Sequence[Any]
_COUNTED = ("UPDATE", "INSERT", "DELETE", "WITH", "SELECT")
# DDL may take hours; the limits that are right for requests are wrong here.
_NO_LIMIT = 7 * 24 * 3600.0


class Session(Protocol):
    """What a migration needs of a connection."""

    @property
    def vendor(self) -> Vendor:
        """`postgresql`, `sqlite` or `mysql` (MariaDB too)."""

    @property
    def target(self) -> Target:
        """The database as definitions see it."""

    @property
    def dialect(self) -> sa.Dialect:
        """SQLAlchemy's dialect."""

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; the number of rows it touched, -1 if that means nothing."""

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """The rows of a query."""

    def whole(self) -> AbstractAsyncContextManager[None]:
        """All or nothing of several statements on SQLite, also where no transaction is open."""


def vendor_of(dialect: sa.Dialect) -> Vendor:
    """The house's name of a SQLAlchemy dialect."""
    return cast("Vendor", "mysql" if dialect.name in {"mysql", "mariadb"} else dialect.name)


class AdapterSession:
    """A session over one leased connection of an adapter."""

    def __init__(self, adapter: Adapter, held: Connection, target: Target) -> None:
        self.adapter = adapter
        self.dialect = adapter.dialect
        self.target = target
        self.vendor = target.vendor
        self.in_transaction = False
        self.is_broken = False
        self._is_whole = False
        self._held = held
        self._pin: Pin | None = None
        self._token: Token[Pin | None] | None = None

    @property
    def raw(self) -> Any:
        """The driver's own connection."""
        return self._held.raw

    async def execute(self, sql: str, *args: object) -> int:
        """Run one statement; arguments take the places of `$1`, `$2` or of `%s`."""
        try:
            if args or sql.lstrip()[:6].upper().startswith(_COUNTED):
                return await self._held.count(*self._arranged(sql, args))
            await self._command(sql)
        except Exception as error:
            raise self._mapped(error) from error
        return -1

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        """The rows of a query."""
        try:
            return [tuple(row) for row in await self._held.fetch(*self._arranged(sql, args))]
        except Exception as error:
            raise self._mapped(error) from error

    @asynccontextmanager
    async def whole(self) -> AsyncIterator[None]:
        """All or nothing of several statements on SQLite, also where no transaction is open."""
        if self.vendor != "sqlite" or self.in_transaction or self._is_whole:
            yield
            return
        await self.execute("BEGIN IMMEDIATE")
        self._is_whole = True
        try:
            yield
        except BaseException:
            self._is_whole = False
            await self._held.command("ROLLBACK")
            raise
        self._is_whole = False
        await self.execute("COMMIT")

    async def begin(self) -> None:
        """Open the transaction; SQLite takes its write lock at once, so that two runs queue here."""
        pin = OpenTransaction(self.adapter, asyncio.current_task(), ())
        pin.held, pin.leases = self._held, self._held.leases
        await self.adapter.enter(pin)
        pin.entered = True
        self._pin = pin
        try:
            for statement in self.adapter.begin_sql(isolation=None, readonly=False, deferrable=False):
                await self._held.command(statement)
        except Exception as error:
            pin.close("the transaction did not begin")
            pin.leave()
            self._pin = None
            raise self._mapped(error) from error
        self._token = self.adapter.pin.set(pin)
        self.in_transaction = True

    async def commit(self) -> None:
        """Commit."""
        try:
            await self._held.command("COMMIT")
        except Exception as error:
            raise self._mapped(error) from error
        self._leave("the migration has been committed")

    async def rollback(self) -> None:
        """Undo; quiet if the connection is lost, for then the server has already done so."""
        try:
            await self._held.command("ROLLBACK")
        except Exception:  # noqa: BLE001 - whatever it is, the connection is not to be used again
            self.is_broken = True
        self._leave("the migration has been rolled back")

    def _leave(self, reason: str) -> None:
        self.in_transaction = False
        if self._token is not None:
            self.adapter.pin.reset(self._token)
            self._token = None
        if self._pin is not None:
            self._pin.close(reason)
            self._pin.leave()
            self._pin = None

    async def _command(self, sql: str) -> None:
        if self.vendor == "postgresql":
            await self.raw.execute(sql, timeout=_NO_LIMIT)
            # Plans of before no longer fit, here and on every other connection.
            self._held.forget()
            self.adapter.epoch += 1
        else:
            await self._held.command(self._arranged(sql, ())[0])

    def _arranged(self, sql: str, args: tuple[object, ...]) -> tuple[str, Sequence[object]]:
        if args:
            return arrange(sql, args, self.adapter.placeholder)
        # MariaDB's driver formats with % even where there is nothing to put in.
        return (sql.replace("%", "%%") if self.vendor == "mysql" else sql), ()

    def _mapped(self, error: Exception) -> DatabaseError:
        return error if isinstance(error, DatabaseError) else self.adapter.map_error(error)


@asynccontextmanager
async def open_session(adapter: Adapter) -> AsyncIterator[AdapterSession]:
    """A session of its own; an open transaction is undone at the end."""
    leases = adapter.leases()
    held = await leases.acquire()
    session: AdapterSession | None = None
    if held.epoch != adapter.epoch:
        held.forget()
        held.epoch = adapter.epoch
    try:
        session = AdapterSession(adapter, held, await _target(adapter, held))
        yield session
        if session.in_transaction:
            await session.rollback()
    except BaseException as error:
        if session is not None and session.in_transaction and isinstance(error, Exception):
            await session.rollback()
        if session is None or not isinstance(error, Exception) or session.is_broken:
            # Cancelled in the middle of something: the lease comes to rest by itself.
            if session is not None:
                session._leave("the migration was interrupted")  # noqa: SLF001 - its own
            leases.mend(held)
        else:
            leases.put(held)
        raise
    if session.is_broken:
        leases.discard(held)
    else:
        leases.put(held)


async def _target(adapter: Adapter, held: Connection) -> Target:
    vendor = vendor_of(adapter.dialect)
    if vendor != "mysql":
        return Target(vendor, native_uuid=vendor == "postgresql")
    version = str((await held.fetch("SELECT version()", ()))[0][0])
    numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
    return Target(vendor, native_uuid="mariadb" in version.lower() and numbers >= (10, 7))
