"""A leased asyncpg connection and its prepared statements.

Statements are kept by SQL text as asyncpg's own states, so that a query is one dictionary lookup and one
`bind_execute`. PreparedStatement objects, which never heal, are not used.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence, Sized
from typing import TYPE_CHECKING, Any, Final

from covet.database.adapters.connection import Connection
from covet.database.adapters.leases import SETTLE, Leases
from covet.database.adapters.outcomes import Verdict
from covet.database.adapters.postgresql import poolers

if TYPE_CHECKING:
    from covet.database.adapters.postgresql.adapter import PostgreSQLAdapter

ENOUGH: Final = 0.05
"""Seconds that a cancelled batch has to end by itself."""
BREATH: Final = 1024
"""Records of a COPY after which others have their turn: some milliseconds."""


class PostgreSQLConnection(Connection):
    """asyncpg's connection on lease."""

    __slots__ = ("bind", "keep", "statements")
    adapter: PostgreSQLAdapter

    def __init__(self, adapter: Any, leases: Leases, fairy: Any) -> None:
        super().__init__(adapter, leases, fairy)
        # Kept with the session, not with the lease: SQLAlchemy's pool may have had it in between.
        self.statements: dict[str, Any] = fairy.info.setdefault("covet.statements", {})
        self.keep: int = adapter.statement_cache_size
        self.bind = self.raw._protocol.bind_execute  # noqa: SLF001 - measured: half the cost of Connection.fetch
        self.raw.add_termination_listener(self._terminated)

    def _terminated(self, _raw: Any) -> None:
        # asyncpg forgets to wake a COPY or executemany that waits for room in the lost connection's buffer.
        self.bind.__self__.resume_writing()
        if not self.dead:
            self.leases.lose(self)

    async def prepare(self, sql: str) -> Any:
        """Prepare `sql` on the server and keep it; the oldest statement goes when there are too many."""
        if not self.keep:
            # Behind a pooler nothing may be kept: an unnamed statement, parsed with each execution.
            return await self.raw._get_statement(sql, None, use_cache=False)  # noqa: SLF001
        state = await self.raw._get_statement(sql, None, named=self._name(), use_cache=False)  # noqa: SLF001
        statements = self.statements
        while len(statements) >= self.keep:
            self._drop(next(iter(statements)))
        statements[sql] = state
        return state

    def _name(self) -> str | bool:
        # Behind a pooler a name that no other client has: asyncpg's are alike in every process, and in a session that
        # is another's after all, the other's statement would run.
        return f"covet_{secrets.token_hex(8)}" if self.adapter.pooler else True

    def touch(self, sql: str) -> None:
        if not self.adapter.transaction_pooling:
            super().touch(sql)
        elif poolers.outlives_transaction(sql):
            self.adapter.require_session(
                f"{sql.strip()[:60]!r}", "use SET LOCAL, pg_advisory_xact_lock and the like inside a transaction"
            )

    def _drop(self, sql: str) -> None:
        state = self.statements.pop(sql, None)
        if state is not None:
            # asyncpg closes it on the server with the next statement that it prepares.
            self.raw._maybe_gc_stmt(state)  # noqa: SLF001

    async def fetch(self, sql: str, args: Sequence[Any]) -> list[Any]:
        state = self.statements.get(sql) or await self.prepare(sql)
        return await self.bind(state, args, "", 0, False, None)  # type: ignore[no-any-return]

    async def count(self, sql: str, args: Sequence[Any]) -> int:
        if not args and ";" in sql.rstrip().rstrip(";"):
            await self.raw.execute(sql)
            return -1
        state = self.statements.get(sql) or await self.prepare(sql)
        rows, status, _ = await self.bind(state, args, "", 0, True, None)
        return count_of(rows, status)

    async def insert(self, sql: str, args: Sequence[Any]) -> int | None:
        rows = await self.fetch(sql, args)
        return rows[0][0] if rows else None

    async def many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        # One implicit transaction: asyncpg sends a single Sync after all of them.
        task = asyncio.Task(self.raw.executemany(sql, args), loop=self.leases.loop)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            # Cancelled while it waits for room in the socket's buffer, asyncpg waits for an answer to what it
            # never finished asking.
            task.cancel()
            await asyncio.wait([task], timeout=ENOUGH)
            if not task.done():
                self.raw.terminate()
            task.add_done_callback(_retrieve)
            raise

    async def copy(self, table: str, columns: Sequence[str], records: Iterable[Any], schema: str | None) -> int:
        """Load rows through COPY; how many there were."""
        short = isinstance(records, Sized) and len(records) <= BREATH
        rows: Any = records if short else self._while_connected(records)
        try:
            tag = await self.raw.copy_records_to_table(table, columns=list(columns), records=rows, schema_name=schema)
        except Exception as exc:
            if self.raw.is_closed():
                # Never UNSENT: the records may be half used up, and a second attempt would load the rest alone.
                raise ConnectionResetError(f"the connection was lost during COPY: {exc}") from exc
            raise
        return int(tag.rpartition(" ")[2])

    async def _while_connected(self, records: Iterable[Any]) -> AsyncIterator[Any]:
        """`records`, as long as somebody takes them: asyncpg would encode the rest for nobody.

        Between them others have their turn; asyncpg itself waits only when the server is slower than we are.
        """
        for number, record in enumerate(records, 1):
            yield record
            if not number % BREATH:
                await asyncio.sleep(0)
                if self.raw.is_closed():
                    raise ConnectionResetError("the connection was lost during COPY")

    async def command(self, sql: str) -> str:
        return await self.raw.execute(sql)  # type: ignore[no-any-return]

    async def cursor(
        self, sql: str, args: Sequence[Any], chunk_size: int, *, shared: bool = False
    ) -> AsyncGenerator[list[Any], None]:
        cursor = await self.raw.cursor(sql, *args)
        while rows := await cursor.fetch(chunk_size):
            yield rows
            if len(rows) < chunk_size:
                return

    async def ping(self) -> None:
        await self.raw.execute("", timeout=min(2.0, self.adapter.pool_timeout))

    async def settle(self) -> bool:
        raw = self.raw
        if raw.is_closed():
            return False
        async with asyncio.timeout(SETTLE):
            # asyncpg asked the server to cancel; the connection is usable when the server has answered.
            await raw._protocol._wait_for_cancellation(SETTLE)  # noqa: SLF001
            if raw.is_in_transaction():
                await raw.execute("ROLLBACK")
            if self.touched:
                self.touched = False
                self.forget()
                await raw.execute("DISCARD ALL")
                await self.adapter.set_up(raw)
        return not raw.is_closed()

    def in_transaction(self) -> bool:
        return not self.raw.is_closed() and self.raw.is_in_transaction()

    async def refresh(self, sql: str, verdict: Verdict) -> bool:
        """Prepare anew what DDL made stale; whether a second attempt can end differently."""
        known = self.statements.get(sql)
        if verdict is Verdict.MISFIT:
            if known is None:
                return False
            before = _parameter_types(known)
            self._drop(sql)
            return _parameter_types(await self.prepare(sql)) != before
        self.forget()
        if verdict is Verdict.STALE_DONE:
            await self.raw.reload_schema_state()
        return True

    def forget(self) -> None:
        """Drop every prepared statement: the schema has changed, or a pooler does not keep them."""
        self.keep = self.adapter.statement_cache_size
        self.statements.clear()
        self.raw._stmt_cache_enabled = self.keep > 0  # noqa: SLF001
        self.raw._drop_local_statement_cache()  # noqa: SLF001 - executemany and cursors use asyncpg's own


def count_of(rows: Sequence[Any] | None, status: bytes | None) -> int:
    """How many rows a statement changed, by the server's tag (`UPDATE 3`); -1 where it does not say."""
    tail = status.rpartition(b" ")[2] if status else b""
    return int(tail) if tail.isdigit() else len(rows or ()) or -1


def _retrieve(task: asyncio.Task[Any]) -> None:
    """Nobody else asks for the exception of a batch whose task was cancelled."""
    if not task.cancelled():
        task.exception()


def _parameter_types(state: Any) -> list[int]:
    return [each.oid for each in state._get_parameters()]  # noqa: SLF001
