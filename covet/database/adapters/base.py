"""`Adapter`: one database as the rest of the house sees it; a subclass for each driver.

The ORM calls `run` and its siblings with SQL that is already the driver's; people call `execute`, `fetch`
and the like with `$1` or `%s` SQL, or SQLAlchemy statements. Only adapters import drivers.
"""

from __future__ import annotations

import abc
import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

import sqlalchemy.exc
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from covet.database.adapters.calls import Calls, Method, Row
from covet.database.adapters.changes import note_statement
from covet.database.adapters.connection import Connection
from covet.database.adapters.features import Features
from covet.database.adapters.leases import Leases
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.pins import Pin
from covet.database.adapters.pool import LeasedPool
from covet.database.config import DatabaseConfig
from covet.exceptions import DatabaseError, DatabaseUnavailable, NotSupportedError, PoolTimeout

QueryHook = Callable[[str, Sequence[Any], float], None]

TRANSIENT = frozenset({"53300", "57P03"})
DEAD_VERDICTS = frozenset({Verdict.DEAD, Verdict.UNSENT})


class Adapter(Calls):
    """One configured database.

    Attributes:
        alias: its name in the settings. vendor: `postgresql`, `sqlite` or `mysql`.
        config: its DatabaseConfig. dialect: the SQLAlchemy dialect whose SQL `run` takes.
        features: what this server can do.
        query_hooks: called with (sql, args, seconds) after each statement; free when empty.
    """

    vendor: ClassVar[str]
    placeholder: ClassVar[str]
    connection_class: ClassVar[type[Connection]]
    begin_statement: ClassVar[str] = "BEGIN"

    alias: str
    config: DatabaseConfig
    dialect: Dialect
    features: Features

    def __init__(self, config: DatabaseConfig, alias: str = "default") -> None:
        self.config = config
        self.alias = alias
        self.name = f"{alias!r} ({config.safe_url})"
        self.query_hooks: list[QueryHook] = []
        self.is_shared = config.is_memory
        self.pool_size = 1 if self.is_shared else (config.pool_size or 1)
        self.limit = config.max_connections
        self.pool_timeout = config.pool_timeout
        self.pool_idle = config.pool_idle
        self.pool_recycle = config.pool_recycle
        self.pin: ContextVar[Pin | None] = ContextVar(f"covet_transaction_{alias}", default=None)
        # Grows when DDL was noticed; connections that are behind drop their statements before a transaction.
        self.epoch = 0
        self._by_loop: dict[asyncio.AbstractEventLoop, tuple[Leases, AsyncEngine]] = {}
        # The leases of the loop that asked last; another loop's queries notice and look theirs up.
        self._leases: Any = _NO_LEASES

    # What a driver's adapter supplies

    @abc.abstractmethod
    def make_engine(self) -> AsyncEngine:
        """A SQLAlchemy engine over connections of our making."""

    @abc.abstractmethod
    def judge(self, exc: BaseException) -> Verdict:
        """What a failure means for its connection."""

    @abc.abstractmethod
    def map_error(self, exc: BaseException) -> DatabaseError:
        """The exception of `covet.exceptions` for a driver's; its `__cause__` is set."""

    def begin_sql(self, *, isolation: str | None, readonly: bool, deferrable: bool) -> Sequence[str]:
        """The statements that open a transaction."""
        raise NotSupportedError(f"{self.vendor} has no transactions")

    async def prepare_new(self, connection: Connection) -> None:
        """Finish a connection that was just opened."""

    async def enter(self, pin: Pin) -> None:
        """Before a transaction takes its connection."""

    def leave(self, pin: Pin) -> None:
        """After a transaction has given its connection back."""

    # Connections

    def leases(self) -> Leases:
        """The connections of the running event loop."""
        loop = asyncio.get_running_loop()
        leases: Leases = self._leases
        if leases.loop is loop and not leases.closed:
            return leases
        found = self._by_loop.get(loop)
        if found is None or found[0].closed:
            self._forget_closed_loops()
            found = self._by_loop[loop] = (Leases(self, loop), self.make_engine())
            pool = found[1].sync_engine.pool
            if isinstance(pool, LeasedPool):
                pool.leases = found[0]
        self._leases = found[0]
        return found[0]

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine over the same pool, for those who want it."""
        return self._by_loop[self.leases().loop][1]

    async def open(self, leases: Leases) -> Connection:
        """Check a connection out of SQLAlchemy's pool."""
        engine = self._by_loop[leases.loop][1]
        try:
            fairy = await greenlet_spawn(engine.sync_engine.raw_connection)
        except sqlalchemy.exc.TimeoutError as exc:
            raise PoolTimeout(
                f"no connection to {self.name} became free within {self.pool_timeout:g} s: SQLAlchemy connections "
                "made through `engine` hold them all"
            ) from exc
        except Exception as exc:  # noqa: BLE001 - mapped, and raised at once
            # SQLAlchemy and its DB-API shim wrap the driver's own exception, once each.
            cause = exc
            while isinstance(cause.__cause__, Exception):
                cause = cause.__cause__
            if isinstance(cause, TimeoutError) and cause.errno is None:
                raise DatabaseUnavailable(
                    f"{self.name} did not answer within connect_timeout={self.config.connect_timeout:g} s"
                ) from cause
            raise self.map_error(cause) from cause
        connection = self.connection_class(self, leases, fairy)
        record = fairy._connection_record  # noqa: SLF001 - the only place that keeps a connection's age
        if record is not None and record.starttime:
            connection.born = time.monotonic() - (time.time() - record.starttime)
        try:
            await self.prepare_new(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def is_transient(self, error: DatabaseError) -> bool:
        """Whether opening a connection may soon succeed."""
        return error.sqlstate in TRANSIENT

    def is_dead(self, exc: BaseException) -> bool:
        """Whether a failure means that the connection is gone."""
        cause = exc.__cause__ if isinstance(exc, DatabaseError) and exc.__cause__ is not None else exc
        return self.judge(cause) in DEAD_VERDICTS

    async def begin_on(self, connection: Connection, statement: str) -> None:
        """Send one of the statements that open a transaction."""
        await self.observe(connection.command, statement)

    async def observe(self, command: Callable[[str], Awaitable[Any]], statement: str) -> Any:
        """Send BEGIN, COMMIT and the like, telling the query hooks."""
        note_statement(statement)
        if not self.query_hooks:
            return await command(statement)
        started = time.perf_counter()
        try:
            return await command(statement)
        finally:
            self.report(statement, (), time.perf_counter() - started)

    def report(self, sql: str, args: Sequence[Any], seconds: float) -> None:
        """Tell the query hooks."""
        for hook in tuple(self.query_hooks):
            hook(sql, args, seconds)

    async def close(self, grace: float = 5.0) -> None:
        """Close the pool of the running loop; a later query opens a new one."""
        found = self._by_loop.pop(asyncio.get_running_loop(), None)
        self._leases = _NO_LEASES
        self._forget_closed_loops()
        if found is not None:
            leases, engine = found
            await leases.close(grace)
            await engine.dispose()

    def forked(self) -> None:
        """In a forked child: the parent's connections are the parent's. They are neither used nor closed here."""
        inherited.append(self._by_loop)
        self._by_loop = {}
        self._leases = _NO_LEASES

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._by_loop if loop.is_closed()]:
            self._by_loop.pop(loop)[0].abandon()

    # The calls of the house

    async def run(self, sql: str, args: Sequence[Any]) -> list[Row]:
        """Rows of a read that the framework built; repeated once when the connection was found dead."""
        return await self.perform(self.connection_class.fetch, sql, args, retry=True)  # type: ignore[no-any-return]

    async def run_dml(self, sql: str, args: Sequence[Any]) -> int:
        """Rows changed by a write; never repeated after it may have happened."""
        return await self.perform(self.connection_class.count, sql, args)  # type: ignore[no-any-return]

    async def run_write(self, sql: str, args: Sequence[Any]) -> list[Row]:
        """Rows of a statement that may write (RETURNING); never repeated after it may have happened."""
        return await self.perform(self.connection_class.fetch, sql, args)  # type: ignore[no-any-return]

    async def run_insert(self, sql: str, args: Sequence[Any]) -> int | None:
        """The key that an INSERT made, where RETURNING is not to be had."""
        return await self.perform(self.connection_class.insert, sql, args)  # type: ignore[no-any-return]

    async def run_many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        """One statement for each of `args`; all or nothing."""
        await self.perform(self.connection_class.many, sql, list(args))

    async def stream(self, sql: str, args: Sequence[Any], *, chunk_size: int = 2000) -> AsyncIterator[list[Row]]:
        """Rows in chunks, through a server-side cursor; outside a transaction it opens one for itself."""
        pin = self.pin.get()
        if pin is not None:
            async for rows in self._stream_pinned(pin, sql, args, chunk_size):
                yield rows
            return
        leases = self.leases()
        connection = await leases.acquire()
        finished = False
        started = time.perf_counter()
        try:
            for statement in self.begin_sql(isolation=None, readonly=True, deferrable=False):
                await self.begin_on(connection, statement)
            rows_of = connection.cursor(sql, args, chunk_size)
            try:
                async for rows in rows_of:
                    yield rows
            finally:
                await rows_of.aclose()
            await self.observe(connection.command, "COMMIT")
            finished = True
        except DatabaseError:
            raise
        except Exception as exc:
            raise self.map_error(exc) from exc
        finally:
            if self.query_hooks:
                self.report(sql, args, time.perf_counter() - started)
            if finished:
                leases.put(connection)
            else:
                # An error, a cancellation or a consumer that stopped early: mending rolls back.
                leases.mend(connection)

    async def _stream_pinned(
        self, pin: Pin, sql: str, args: Sequence[Any], chunk_size: int
    ) -> AsyncGenerator[list[Row], None]:
        rows_of: AsyncGenerator[list[Row], None] | None = None

        async def step(held: Connection, sql: str, args: Sequence[Any]) -> list[Row] | None:
            nonlocal rows_of
            if rows_of is None:
                rows_of = held.cursor(sql, args, chunk_size, shared=True)
            return await anext(rows_of, None)

        started = time.perf_counter()
        try:
            while (rows := await pin.perform(step, sql, args)) is not None:
                yield rows
        finally:
            if rows_of is not None:
                await rows_of.aclose()
            if self.query_hooks:
                self.report(sql, args, time.perf_counter() - started)

    async def perform(self, method: Method, sql: str, args: Any, *, retry: bool = False) -> Any:
        """Call `method` on the transaction's connection, or on a leased one."""
        if not retry:
            note_statement(sql)
        if self.query_hooks:
            started = time.perf_counter()
            try:
                return await self._perform(method, sql, args, retry=retry)
            finally:
                self.report(sql, args, time.perf_counter() - started)
        return await self._perform(method, sql, args, retry=retry)

    async def _perform(self, method: Method, sql: str, args: Any, *, retry: bool) -> Any:
        pin = self.pin.get()
        if pin is not None:
            return await pin.perform(method, sql, args)
        leases = self.leases()
        held: Any = leases.idle.pop() if leases.idle else await leases.acquire()
        try:
            result = await method(held, sql, args)
        except BaseException as exc:  # noqa: BLE001 - judged there
            return await self.recover(exc, leases, held, method, sql, args, retry=retry)
        leases.put(held)
        return result

    async def recover(
        self,
        exc: BaseException,
        leases: Leases,
        held: Any,
        method: Method,
        sql: str,
        args: Any,
        *,
        retry: bool,
    ) -> Any:
        """Settle a failed autocommit call: the connection's fate, perhaps one second attempt, else the typed error."""
        verdict = self.judge(exc)
        if verdict is Verdict.INTERRUPTED:
            held.interrupt()
            leases.mend(held)
            if isinstance(exc, Exception):
                raise self.map_error(exc) from exc
            raise exc
        if verdict in DEAD_VERDICTS:
            leases.discard(held)
            leases.suspect()
            if not retry and verdict is not Verdict.UNSENT:
                raise self.map_error(exc) from exc
            held = await leases.acquire()
        elif verdict is Verdict.ERROR or not await self._freshen(verdict, leases, held, sql, retry=retry):
            leases.put(held)
            raise self.map_error(exc) from exc
        return await self._second_attempt(leases, held, method, sql, args)

    async def _second_attempt(self, leases: Leases, held: Any, method: Method, sql: str, args: Any) -> Any:
        try:
            result = await method(held, sql, args)
        except BaseException as exc:
            verdict = self.judge(exc)
            if verdict is Verdict.INTERRUPTED:
                held.interrupt()
                leases.mend(held)
            elif verdict in DEAD_VERDICTS:
                leases.discard(held)
                leases.suspect()
            else:
                leases.put(held)
            if not isinstance(exc, Exception):
                raise
            raise self.map_error(exc) from exc
        leases.put(held)
        return result

    async def _freshen(self, verdict: Verdict, leases: Leases, held: Any, sql: str, *, retry: bool) -> bool:
        """After a stale plan or a read-only server: whether a second attempt makes sense."""
        if verdict is Verdict.READ_ONLY:
            held.dead = True
            leases.evict()
            return False
        if verdict is not Verdict.MISFIT:
            self.epoch += 1
        try:
            refreshed = await held.refresh(sql, verdict)
        except BaseException as exc:
            held.dead = True
            if not isinstance(exc, Exception):
                leases.discard(held)
                raise
            return False
        return refreshed and (retry or verdict is not Verdict.STALE_DONE)

    # Introspection

    def in_transaction(self) -> bool:
        """Whether this task is inside `transaction()`."""
        pin = self.pin.get()
        return pin is not None and not pin.closed

    def pool_status(self) -> dict[str, int]:
        """Figures of the running loop's pool: open, idle, waiting, limit."""
        leases = self.leases()
        return {
            "open": leases.total,
            "idle": len(leases.idle) + len(leases.stale),
            "opening": leases.opening,
            "waiting": sum(not waiter.done() for waiter in leases.waiters),
            "opened": leases.opened,
            "limit": self.limit,
        }

    async def server_limit(self) -> int | None:
        """How many connections the server accepts from us; None where it has no limit."""
        return None

    async def check_pool(self, workers: int = 1) -> str | None:
        """A warning when `workers` processes may open more connections than the server accepts, else None."""
        limit = await self.server_limit()
        wanted = workers * self.limit
        if limit is None or wanted <= limit:
            return None
        return (
            f"{self.name}: {workers} workers with pool_size={self.config.pool_size} and "
            f"max_overflow={self.config.max_overflow} may open {wanted} connections, the server accepts {limit}; "
            f"lower them to {max(1, limit // workers)} together, or raise max_connections"
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class _NoLeases:
    """Stands where no loop has asked yet: no loop is its loop."""

    loop = None
    closed = True
    idle = ()


_NO_LEASES = _NoLeases()

inherited: list[Any] = []
"""Kept alive, for a connection that is collected says goodbye to the server on the parent's socket."""
