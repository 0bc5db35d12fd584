"""PostgreSQL: the adapter that is to cost no more than bare asyncpg."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
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
from covet.database.adapters.connection import Connection
from covet.database.adapters.features import POSTGRESQL, Features
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.placeholders import DOLLAR
from covet.database.adapters.pool import LeasedPool
from covet.database.adapters.postgresql import errors
from covet.database.adapters.postgresql.connection import PostgreSQLConnection
from covet.database.adapters.postgresql.listening import Listener
from covet.database.config import DatabaseConfig
from covet.exceptions import DatabaseError

if TYPE_CHECKING:
    from covet._speedups import _moments_py as moments
else:
    moments = select("moments")

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
        self._listeners: dict[asyncio.AbstractEventLoop, set[Listener]] = {}

    async def run(self, sql: str, args: Sequence[Any]) -> list[Any]:
        """Rows of a read that the framework built.

        This is the hot path: no helper is called between the lease and asyncpg's own bind_execute, and
        every judgement of an error waits in `recover`.
        """
        if self.query_hooks or self.pin.get() is not None:
            return await self.perform(PostgreSQLConnection.fetch, sql, args, retry=True)  # type: ignore[no-any-return]
        leases = self._leases
        if leases.loop is not _running_loop():
            leases = self.leases()
        idle = leases.idle
        held = idle.pop() if idle else await leases.acquire()
        try:
            rows = await held.bind(held.statements.get(sql) or await held.prepare(sql), args, "", 0, False, None)
        except BaseException as exc:  # noqa: BLE001 - judged there
            return await self.recover(exc, leases, held, PostgreSQLConnection.fetch, sql, args, retry=True)  # type: ignore[no-any-return]
        held.used = True
        if leases.waiters:
            leases.put(held)
        else:
            idle.append(held)
        return rows  # type: ignore[no-any-return]

    def judge(self, exc: BaseException) -> Verdict:
        return errors.judge(exc)

    def map_error(self, exc: BaseException) -> DatabaseError:
        return errors.map_error(exc)

    def begin_sql(self, *, isolation: str | None, readonly: bool, deferrable: bool) -> Sequence[str]:
        words = ["BEGIN"]
        if isolation is not None:
            words.append(f"ISOLATION LEVEL {isolation.upper()}")
        if readonly:
            words.append("READ ONLY")
        if deferrable:
            words.append("DEFERRABLE")
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
        options: dict[str, Any] = {
            "host": list(config.hosts) if config.host else None,
            "port": list(config.ports) if len(config.ports) > 1 else config.ports[0],
            "user": config.user or None,
            "password": config.password or None,
            "database": config.database,
            "ssl": config.ssl,
            "timeout": config.connect_timeout,
            "command_timeout": config.command_timeout,
            "statement_cache_size": min(100, config.statement_cache_size),
            "server_settings": self._server_settings(),
            "target_session_attrs": config.target_session_attrs or ("read-write" if len(config.hosts) > 1 else None),
            **config.options,
        }
        options["server_settings"] |= config.options.get("server_settings", {})
        connection = await asyncpg.connect(**{name: value for name, value in options.items() if value is not None})
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
        return connection

    @property
    def transaction_pooling(self) -> bool:
        """Whether a session lasts one transaction only: PgBouncer in transaction mode."""
        return self.config.pooler == "transaction"

    def _server_settings(self) -> dict[str, str]:
        config = self.config
        settings = {"application_name": config.application_name}
        if config.pooler:
            # PgBouncer refuses start-up parameters that it does not know.
            return settings
        settings["TimeZone"] = config.time_zone or ("UTC" if conf.USE_TZ else conf.TIME_ZONE)
        for name in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
            if (seconds := getattr(config, name)) is not None:
                settings[name] = f"{int(seconds * 1000)}"
        return settings

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
        """
        listener = Listener(self, channel, callback)
        loop = asyncio.get_running_loop()
        self._listeners.setdefault(loop, set()).add(listener)

        async def stop() -> None:
            self._listeners.get(loop, set()).discard(listener)
            await listener.stop()

        try:
            await listener.start()
        except BaseException:
            self._listeners[loop].discard(listener)
            raise
        return stop

    async def close(self, grace: float = 5.0) -> None:
        listeners = self._listeners.pop(asyncio.get_running_loop(), None) or ()
        for listener in listeners:
            listener.cancel()
        await super().close(grace)

    def forked(self) -> None:
        super().forked()
        inherited.append(self._listeners)
        self._listeners = {}


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
