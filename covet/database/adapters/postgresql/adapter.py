"""PostgreSQL: the adapter that is to cost no more than bare asyncpg."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import asyncpg
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from covet._speedups import select
from covet.conf import settings as conf
from covet.database.adapters.base import Adapter, inherited
from covet.database.adapters.changes import note_statement
from covet.database.adapters.connection import Connection
from covet.database.adapters.features import POSTGRESQL, Features
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.placeholders import DOLLAR
from covet.database.adapters.pool import LeasedPool
from covet.database.adapters.postgresql import errors, poolers
from covet.database.adapters.postgresql.connection import PostgreSQLConnection, count_of
from covet.database.adapters.postgresql.listening import Listener
from covet.database.config import DatabaseConfig
from covet.exceptions import DatabaseError, DatabaseUnavailable, NotSupportedError

if TYPE_CHECKING:
    from covet._speedups import _moments_py as moments
else:
    moments = select("moments")

logger = logging.getLogger("covet.database")

ISOLATION_LEVELS: Final = ("serializable", "repeatable read", "read committed", "read uncommitted")


class _JSON(JSON):
    """JSON as text on the wire: nobody pays for a decoder in Python on connections that are shared."""

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """Decode here, not in the driver."""
        return sqltypes.JSON.result_processor(self, dialect, coltype)


class _JSONB(JSONB):
    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        return sqltypes.JSON.result_processor(self, dialect, coltype)


class CovetPostgreSQLDialect(PGDialect_asyncpg):
    """SQLAlchemy's asyncpg dialect without its codecs: they would change what leased connections return."""

    supports_statement_cache = True
    # Otherwise SQLAlchemy leaves JSON to a codec of the driver's, and its reflection of identities fails.
    supports_native_json_deserialization = False
    colspecs = {**PGDialect_asyncpg.colspecs, sqltypes.JSON: _JSON, JSONB: _JSONB}

    def on_connect(self) -> None:
        """Set nothing up on a new connection."""
        return


registry.register("postgresql.covet", __name__, "CovetPostgreSQLDialect")


class PostgreSQLAdapter(Adapter):
    """PostgreSQL through asyncpg."""

    vendor: ClassVar[str] = "postgresql"
    placeholder: ClassVar[str] = DOLLAR
    connection_class: ClassVar[type[Connection]] = PostgreSQLConnection

    def __init__(self, config: DatabaseConfig, alias: str = "default") -> None:
        super().__init__(config, alias)
        dialect: Any = CovetPostgreSQLDialect
        self.dialect = dialect(dbapi=dialect.import_dbapi())
        self.features: Features = POSTGRESQL
        # As configured, or as found: a pooler that nobody spoke of is taken for one in transaction mode.
        self.pooler = config.pooler
        self._listeners: dict[asyncio.AbstractEventLoop, set[Listener]] = {}

    async def run(self, sql: str, args: Sequence[Any], *, retry: bool = True) -> list[Any]:
        """Rows of a read that the framework built.

        This is the hot path: no helper is called between the lease and asyncpg's own bind_execute, and
        every judgement of an error waits in `recover`.
        """
        if self.query_hooks or self.pin.get() is not None:
            return await self.perform(PostgreSQLConnection.fetch, sql, args, retry=retry)  # type: ignore[no-any-return]
        leases = self._leases
        if leases.loop is not _running_loop():
            leases = self.leases()
        idle = leases.idle
        held = idle.pop() if idle else await leases.acquire()
        try:
            rows = await held.bind(held.statements.get(sql) or await held.prepare(sql), args, "", 0, False, None)
        except BaseException as exc:  # noqa: BLE001 - judged there
            return await self.recover(exc, leases, held, PostgreSQLConnection.fetch, sql, args, retry=retry)  # type: ignore[no-any-return]
        held.used = True
        if leases.waiters:
            leases.put(held)
        else:
            idle.append(held)
        return rows  # type: ignore[no-any-return]

    async def run_write(self, sql: str, args: Sequence[Any]) -> list[Any]:
        if self.query_hooks or self.pin.get() is not None:
            return await self.perform(PostgreSQLConnection.fetch, sql, args)  # type: ignore[no-any-return]
        note_statement(sql)
        return await self.run(sql, args, retry=False)

    async def run_dml(self, sql: str, args: Sequence[Any]) -> int:
        if not args or self.query_hooks or self.pin.get() is not None:
            return await self.perform(PostgreSQLConnection.count, sql, args)  # type: ignore[no-any-return]
        note_statement(sql)
        leases = self._leases
        if leases.loop is not _running_loop():
            leases = self.leases()
        idle = leases.idle
        held = idle.pop() if idle else await leases.acquire()
        try:
            state = held.statements.get(sql) or await held.prepare(sql)
            rows, status, _ = await held.bind(state, args, "", 0, True, None)
        except BaseException as exc:  # noqa: BLE001 - judged there
            return await self.recover(exc, leases, held, PostgreSQLConnection.count, sql, args, retry=False)  # type: ignore[no-any-return]
        held.used = True
        if leases.waiters:
            leases.put(held)
        else:
            idle.append(held)
        return count_of(rows, status)

    def judge(self, exc: BaseException) -> Verdict:
        verdict = errors.judge(exc)
        if verdict is Verdict.STALE and self.pooler == "session" and poolers.lost_statement(exc):
            self._found_pooler("a prepared statement was lost, so it is not in session mode")
        return verdict

    def map_error(self, exc: BaseException) -> DatabaseError:
        return errors.map_error(exc)

    def is_transient(self, error: DatabaseError) -> bool:
        return super().is_transient(error) or poolers.is_full(error)

    def begin_sql(self, *, isolation: str | None, readonly: bool, deferrable: bool) -> Sequence[str]:
        words = ["BEGIN"]
        if isolation is not None:
            words.append(f"ISOLATION LEVEL {isolation.upper()}")
        if readonly:
            words.append("READ ONLY")
        if deferrable:
            words.append("DEFERRABLE")
        if self.pooler == "transaction":
            # There is no session to set them for; one message carries them all.
            return ("; ".join([" ".join(words), *(f"SET LOCAL {limit}" for limit in self._limits())]),)
        return (" ".join(words),)

    # Opening

    def make_engine(self) -> AsyncEngine:
        config = self.config
        return create_async_engine(
            "postgresql+covet://",
            creator=self._wrapped,
            poolclass=LeasedPool,
            pool_size=config.pool_size or 1,
            max_overflow=config.max_overflow or 0,
            pool_timeout=config.pool_timeout,
            pool_recycle=config.pool_recycle or -1,
            pool_pre_ping=True,
            pool_reset_on_return=None,
        )

    def _wrapped(self) -> Any:
        """A new connection in SQLAlchemy's DB-API clothes; behind a pooler it names no prepared statement."""
        dialect: Any = self.dialect
        unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
        return dialect.dbapi.connect(async_creator_fn=self.connect, **(unnamed if self.transaction_pooling else {}))

    async def connect(self) -> asyncpg.Connection:
        """A new connection of asyncpg's, outside the pool; the caller closes it."""
        config = self.config
        try:
            connection = await self._connect()
            if self.pooler is None:
                async with _cut_unless_done(connection):
                    found = await poolers.stands_before(connection, config.connect_timeout)
                if found:
                    connection.terminate()
                    self._found_pooler("its sessions are not the server's")
                    connection = await self._connect()
        except asyncpg.PostgresError as exc:
            if not poolers.refuses_parameter(exc) and not (self.pooler is None and poolers.lost_statement(exc)):
                raise
            if self.pooler is not None:
                raise DatabaseUnavailable(
                    f"{exc}: the pooler does not pass on what `options` sets; set it for the role (ALTER ROLE … SET), "
                    "or name it in the pooler's ignore_startup_parameters"
                ) from exc
            self._found_pooler(str(exc))
            connection = await self._connect()
        async with _cut_unless_done(connection):
            await self.set_up(connection)
        _keep_alive(connection)
        # asyncpg's decoder of timestamptz is most of the time that a list of rows takes.
        await connection.set_type_codec(
            "timestamptz",
            schema="pg_catalog",
            encoder=moments.encode_timestamptz,
            decoder=moments.decode_timestamptz,
            format="binary",
        )
        # asyncpg writes the last day of 9999, which many tables hold for "never", as infinity: Django cannot read that.
        await connection.set_type_codec(
            "date", schema="pg_catalog", encoder=moments.encode_date, decoder=moments.decode_date, format="binary"
        )
        # Of a real of four bytes the shortest text is its value: its bytes, read as eight, are 0.4444444477558136.
        await connection.set_type_codec("float4", schema="pg_catalog", encoder=str, decoder=float, format="text")
        return connection

    async def _connect(self) -> asyncpg.Connection:
        config = self.config
        options: dict[str, Any] = {
            "host": list(config.hosts) if config.host else None,
            "port": list(config.ports) if len(config.ports) > 1 else config.ports[0],
            "user": config.user or None,
            "password": config.password or None,
            "database": config.database,
            "ssl": config.ssl,
            "timeout": config.connect_timeout,
            "command_timeout": self._command_timeout(),
            "statement_cache_size": min(100, self.statement_cache_size),
            "server_settings": self._server_settings(),
            "target_session_attrs": config.target_session_attrs or ("read-write" if len(config.hosts) > 1 else None),
            **config.options,
        }
        options["server_settings"] |= config.options.get("server_settings", {})
        return await asyncpg.connect(**{name: value for name, value in options.items() if value is not None})

    async def set_up(self, connection: asyncpg.Connection) -> None:
        """Give a session behind a pooler the limits that it could not be started with, also after DISCARD ALL."""
        if self.pooler == "session" and (limits := self._limits()):
            await connection.execute("; ".join(f"SET {limit}" for limit in limits), timeout=self.config.connect_timeout)

    def _found_pooler(self, how: str) -> None:
        """Work as `pooler="transaction"` from now on: that is right behind any pooler."""
        if self.pooler != "transaction":
            self.pooler = "transaction"
            logger.warning("%s is behind a pooler (%s); %s", self.name, how, poolers.ADVICE)

    @property
    def transaction_pooling(self) -> bool:
        """Whether a session lasts one transaction only: PgBouncer in transaction mode."""
        return self.pooler == "transaction"

    @property
    def statement_cache_size(self) -> int:
        """How many prepared statements a connection keeps."""
        return 0 if self.transaction_pooling else self.config.statement_cache_size

    def _server_settings(self) -> dict[str, str]:
        config = self.config
        settings = {
            "application_name": config.application_name,
            "TimeZone": config.time_zone or ("UTC" if conf.USE_TZ else conf.TIME_ZONE),
        }
        if self.pooler is None:
            # PgBouncer refuses start-up parameters that it does not know.
            settings |= dict(limit.split(" = ") for limit in self._limits())
        return settings

    def _limits(self) -> list[str]:
        """The server's time limits, in milliseconds."""
        return [
            f"{name} = {int(seconds * 1000)}"
            for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")
            if (seconds := getattr(self.config, name)) is not None
        ]

    def _command_timeout(self) -> float | None:
        """Behind a pooler in transaction mode, outside transactions, statement_timeout is kept on this side."""
        limits = [self.config.command_timeout]
        if self.transaction_pooling:
            limits.append(self.config.statement_timeout)
        return min((limit for limit in limits if limit), default=None)

    async def server_limit(self) -> int | None:
        rows = await self.run(
            "SELECT name, setting::int FROM pg_settings "
            "WHERE name IN ('max_connections', 'superuser_reserved_connections')",
            (),
        )
        settings = dict(rows)
        return int(settings["max_connections"] - settings["superuser_reserved_connections"])

    # What only PostgreSQL has

    async def copy_records(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[Any]], *, schema: str | None = None
    ) -> int:
        """Load rows through COPY in binary; how many there were."""

        async def copy(held: PostgreSQLConnection, _sql: str, values: Iterable[Sequence[Any]]) -> int:
            return await held.copy(table, columns, values, schema)

        return await self.perform(copy, f"COPY {table} ({', '.join(columns)}) FROM STDIN", records)  # type: ignore[no-any-return]

    async def notify(self, channel: str, payload: str = "") -> None:
        """Send a notification; inside a transaction it goes out with the commit."""
        await self.run_write("SELECT pg_notify($1, $2)", (channel, payload))

    async def listen(
        self, channel: str, callback: Callable[[str], Awaitable[None] | None]
    ) -> Callable[[], Awaitable[None]]:
        """Call `callback(payload)` for each notification, on a connection of its own that reconnects.

        Returns:
            An async function that stops listening.

        Raises:
            NotSupportedError: a pooler in transaction mode stands before the server.
        """
        self.require_session("LISTEN", "ask in turns")
        listener = Listener(self, channel, callback)
        loop = asyncio.get_running_loop()
        self._listeners.setdefault(loop, set()).add(listener)

        async def stop() -> None:
            self._listeners.get(loop, set()).discard(listener)
            await listener.stop()

        try:
            await listener.start()
            # The first connection of all may have found a pooler that nobody spoke of.
            self.require_session("LISTEN", "ask in turns")
        except BaseException:
            self._listeners[loop].discard(listener)
            listener.cancel()
            raise
        return stop

    def require_session(self, what: str, instead: str) -> None:
        """Refuse what behind a pooler in transaction mode would land in anybody's session.

        Raises:
            NotSupportedError: there is one.
        """
        if self.transaction_pooling:
            raise NotSupportedError(poolers.NO_SESSION.format(what=what, instead=instead))

    async def close(self, grace: float = 5.0) -> None:
        listeners = self._listeners.pop(asyncio.get_running_loop(), None) or ()
        for listener in listeners:
            listener.cancel()
        await super().close(grace)

    def forked(self) -> None:
        super().forked()
        inherited.append(self._listeners)
        self._listeners = {}


@contextlib.asynccontextmanager
async def _cut_unless_done(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A connection that cannot be finished is not left to the garbage collector."""
    try:
        yield
    except BaseException:
        connection.terminate()
        raise


_running_loop = asyncio.get_running_loop


def _keep_alive(connection: asyncpg.Connection) -> None:
    """Notice a vanished peer: by probes when idle, by unacknowledged data when not."""
    sock = connection._transport.get_extra_info("socket")  # noqa: SLF001
    if sock is None or sock.family == getattr(socket, "AF_UNIX", None):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 30_000),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
