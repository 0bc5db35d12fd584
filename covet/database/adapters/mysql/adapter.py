"""MariaDB and MySQL."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import asyncmy
from asyncmy.constants import CLIENT
from sqlalchemy import event
from sqlalchemy.dialects.mysql.asyncmy import MySQLDialect_asyncmy
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from covet.database.adapters.base import Adapter, inherited
from covet.database.adapters.connection import Connection
from covet.database.adapters.features import MARIADB, MYSQL, Features
from covet.database.adapters.mysql import errors
from covet.database.adapters.mysql.connection import MySQLConnection
from covet.database.adapters.mysql.rescue import Rescue
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.placeholders import FORMAT
from covet.database.adapters.pool import LeasedPool
from covet.database.config import DatabaseConfig
from covet.exceptions import DatabaseError

PATIENCE: Final = 0.5
"""Seconds for the greeting of a server; it comes in one round trip."""


class MySQLAdapter(Adapter):
    """MariaDB and MySQL through asyncmy, in autocommit outside transactions.

    Which of the two it is, the server's greeting tells when the adapter is made; a server that cannot be
    reached then is taken for MySQL, which can do less, until the first connection.
    """

    vendor: ClassVar[str] = "mysql"
    placeholder: ClassVar[str] = FORMAT
    connection_class: ClassVar[type[Connection]] = MySQLConnection

    def __init__(self, config: DatabaseConfig, alias: str = "default") -> None:
        super().__init__(config, alias)
        dialect: Any = MySQLDialect_asyncmy
        self.dialect = dialect(dbapi=dialect.import_dbapi())
        self.features: Features = MYSQL
        self._known = False
        self._rescues: dict[asyncio.AbstractEventLoop, Rescue] = {}
        # Plans are compiled before the first connection, and depend on which of the two servers it is.
        greeting = _greeting(config)
        if greeting:
            self._learn(greeting)

    def make_engine(self) -> AsyncEngine:
        config = self.config
        engine = create_async_engine(
            "mysql+asyncmy://",
            async_creator=self.connect,
            poolclass=LeasedPool,
            pool_size=config.pool_size or 1,
            max_overflow=config.max_overflow or 0,
            pool_timeout=config.pool_timeout,
            pool_recycle=config.pool_recycle or -1,
            pool_pre_ping=True,
            pool_reset_on_return=None,
        )
        # Connections are in autocommit, so SQLAlchemy's BEGIN has to be sent.
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine

    async def connect(self) -> Any:
        """A new connection of asyncmy's, outside the pool; the caller closes it."""
        config = self.config
        failure: Exception | None = None
        for host, port in config.addresses():
            place = {"unix_socket": host} if host.startswith("/") else {"host": host, "port": port}
            try:
                return await asyncmy.connect(
                    **{
                        **place,
                        "user": config.user or None,
                        "password": config.password,
                        "database": config.database,
                        "ssl": _ssl(config.ssl),
                        "connect_timeout": max(1, round(config.connect_timeout)),
                        "charset": "utf8mb4",
                        "autocommit": True,
                        # UPDATE answers with the rows it found, not only those it changed: saving relies on it.
                        "client_flag": CLIENT.FOUND_ROWS,
                        "init_command": self._session(),
                        **config.options,
                    }
                )
            except (OSError, asyncmy.errors.OperationalError) as exc:
                failure = exc
            except RuntimeError as exc:
                # A server that is full says so and closes; asyncmy may meet the end before the word.
                failure = ConnectionResetError(f"the server closed the connection as soon as it was opened ({exc})")
        assert failure is not None
        raise failure

    def _session(self) -> str:
        """Session variables: strict, and with ANSI's meaning of affected rows left to the server."""
        config = self.config
        settings = [f"time_zone = '{_offset(config.time_zone)}'", "sql_auto_is_null = 0"]
        if config.lock_timeout is not None:
            settings.append(f"innodb_lock_wait_timeout = {max(1, round(config.lock_timeout))}")
        settings.append("sql_mode = CONCAT_WS(',', @@sql_mode, 'STRICT_TRANS_TABLES')")
        # Comments for one of the servers only: which it is, is not known yet.
        if (limit := config.statement_timeout) is not None:
            settings[-1] += (
                f"/*M!100101 , max_statement_time = {limit:g} *//*!80000 , max_execution_time = {int(limit * 1000)} */"
            )
        if (limit := config.idle_in_transaction_session_timeout) is not None:
            settings[-1] += f"/*M!100300 , idle_transaction_timeout = {limit and max(1, round(limit))} */"
        return "SET " + ", ".join(settings)

    async def prepare_new(self, connection: Connection) -> None:
        """Learn from the first connection which server it is, when it could not be asked before."""
        if not self._known:
            self._learn(str(connection.raw.get_server_info()))

    def _learn(self, version: str) -> None:
        numbers = tuple(int(part) for part in _VERSION.findall(version.removeprefix("5.5.5-"))[0].split("."))
        mariadb = "mariadb" in version.lower()
        self.features = MARIADB if mariadb and numbers >= (10, 5) else MYSQL
        dialect: Any = self.dialect
        dialect.server_version_info = numbers
        dialect._set_mariadb(mariadb, numbers)  # noqa: SLF001 - what SQLAlchemy's own initialize() does
        self._known = True

    def judge(self, exc: BaseException) -> Verdict:
        return errors.judge(exc)

    def map_error(self, exc: BaseException) -> DatabaseError:
        return errors.map_error(exc)

    def begin_sql(self, *, isolation: str | None, readonly: bool, deferrable: bool) -> Sequence[str]:
        begin = "START TRANSACTION READ ONLY" if readonly else "BEGIN"
        if isolation is None:
            return (begin,)
        return (f"SET TRANSACTION ISOLATION LEVEL {isolation.upper()}", begin)

    def rescue(self) -> Rescue:
        """What stops statements from outside, on the running event loop."""
        loop = asyncio.get_running_loop()
        found = self._rescues.get(loop)
        if found is None:
            for each in [each for each in self._rescues if each.is_closed()]:
                del self._rescues[each]
            found = self._rescues[loop] = Rescue(self.connect)
        return found

    async def close(self, grace: float = 5.0) -> None:
        await super().close(grace)
        rescue = self._rescues.pop(asyncio.get_running_loop(), None)
        if rescue is not None:
            rescue.close()

    def forked(self) -> None:
        super().forked()
        inherited.append(self._rescues)
        self._rescues = {}

    async def server_limit(self) -> int | None:
        rows = await self.run("SELECT @@max_connections", ())
        return int(rows[0][0])

    def _arranged(self, sql: Any, args: tuple[Any, ...]) -> tuple[str, Any]:
        written, values = super()._arranged(sql, args)
        # None: a text without arguments is sent as it stands, percent signs included.
        return written, values or None


_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?")


def _greeting(config: DatabaseConfig) -> str:
    """The version in the packet with which the server greets every client; empty when there is none at once."""
    host, port = next(config.addresses())
    family = socket.AF_UNIX if host.startswith("/") else socket.AF_INET
    try:
        if family == socket.AF_UNIX:
            connection = socket.socket(family)
            connection.settimeout(PATIENCE)
            connection.connect(host)
        else:
            connection = socket.create_connection((host, port), timeout=PATIENCE)
        with connection:
            packet = connection.recv(256)
    except OSError:
        return ""
    # Three bytes of length, a sequence number, the protocol's version (10), the server's version.
    return packet[5:].split(b"\0", 1)[0].decode("ascii", "replace") if packet[4:5] == b"\x0a" else ""


def _ssl(value: Any) -> Any:
    if value in (None, False, "disable", "allow", "prefer"):
        return None
    if isinstance(value, ssl.SSLContext):
        return value
    context = ssl.create_default_context()
    if value in (True, "require"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif value == "verify-ca":
        context.check_hostname = False
    return context


def _offset(time_zone: str | None) -> str:
    return "+00:00" if time_zone in (None, "UTC") else str(time_zone)
