"""`Connection`: a driver's connection on lease, and what adapters, leases and transactions may ask of it."""

from __future__ import annotations

import abc
import contextlib
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.util import greenlet_spawn

from covet.database.adapters.outcomes import Verdict

if TYPE_CHECKING:
    from covet.database.adapters.base import Adapter
    from covet.database.adapters.leases import Leases


class Connection(abc.ABC):
    """A driver's connection on lease, with what is kept beside it."""

    __slots__ = ("adapter", "born", "dead", "epoch", "fairy", "leases", "raw", "touched", "used")

    def __init__(self, adapter: Adapter, leases: Leases, fairy: Any) -> None:
        self.adapter = adapter
        self.leases = leases
        self.epoch = adapter.epoch
        self.fairy = fairy
        self.raw: Any = fairy.driver_connection
        self.used = True
        self.dead = False
        self.touched = False
        self.born = time.monotonic()

    @abc.abstractmethod
    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Any]:
        """Rows of one statement."""

    async def fetch_named(self, sql: str, args: Sequence[Any]) -> list[Any]:
        """Rows that answer by column name too."""
        return await self.fetch(sql, args)

    @abc.abstractmethod
    async def count(self, sql: str, args: Sequence[Any]) -> int:
        """Run one statement; how many rows it changed, -1 where it does not say."""

    @abc.abstractmethod
    async def insert(self, sql: str, args: Sequence[Any]) -> int | None:
        """Run one INSERT; the key that the database made."""

    @abc.abstractmethod
    async def many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `args`."""

    @abc.abstractmethod
    async def command(self, sql: str) -> str:
        """Run a statement without arguments (BEGIN, COMMIT …); the server's tag."""

    @abc.abstractmethod
    def cursor(
        self, sql: str, args: Sequence[Any], chunk_size: int, *, shared: bool = False
    ) -> AsyncGenerator[list[Any], None]:
        """Rows in chunks, through a server-side cursor; inside a transaction.

        Args:
            sql: the query.
            args: its values.
            chunk_size: rows in each list.
            shared: whether other queries run on the connection before the last chunk was read.
        """

    @abc.abstractmethod
    async def ping(self) -> None:
        """Raise when the server does not answer."""

    @abc.abstractmethod
    async def settle(self) -> bool:
        """Come to rest after an interruption, outside any transaction; False when that cannot be had."""

    @abc.abstractmethod
    def in_transaction(self) -> bool:
        """Whether the server is inside a transaction, as far as the driver knows."""

    async def refresh(self, sql: str, verdict: Verdict) -> bool:
        """Prepare anew what DDL made stale; whether a second attempt can end differently."""
        return False

    def forget(self) -> None:  # noqa: B027 - only some keep statements
        """Drop every prepared statement: the schema has changed."""

    def touch(self, sql: str) -> None:
        """Before a caller's own SQL that may change the session, which is reset after it.

        Raises:
            NotSupportedError: there is no session to change.
        """
        self.touched = True

    def interrupt(self) -> None:  # noqa: B027 - only some can
        """Ask the server to stop what the connection is doing, without waiting."""

    def abandon(self) -> None:
        """Let go of the connection: its event loop is closed and takes no order. Its socket closes with it."""
        with contextlib.suppress(Exception):
            self.fairy.detach()

    def terminate(self) -> None:
        """Cut the connection and free its place in SQLAlchemy's pool."""
        self.dead = True
        self.fairy.invalidate()

    async def release(self) -> None:
        """Give the connection back to SQLAlchemy's pool, which keeps or closes it."""
        await greenlet_spawn(self.fairy.close)
