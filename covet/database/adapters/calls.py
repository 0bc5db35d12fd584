"""The calls of an adapter that people make: SQL with `$1` or `%s`, or SQLAlchemy statements.

The ORM never comes this way. What a caller's own SQL may leave behind on a shared connection is seen to here.
"""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, ClassVar

from sqlalchemy.engine import Dialect

from covet.database.adapters.connection import Connection
from covet.database.adapters.placeholders import arrange
from covet.database.adapters.raw_sql import refuse_transaction_control, touches_session
from covet.database.adapters.statements import bind_statement, is_statement
from covet.exceptions import NotSupportedError, ProgrammingError

Row = Any
Method = Callable[..., Awaitable[Any]]


class Calls(abc.ABC):
    """What `await get_adapter()` offers to people; `Adapter` supplies the rest."""

    vendor: ClassVar[str]
    placeholder: ClassVar[str]
    connection_class: ClassVar[type[Connection]]
    dialect: Dialect

    @abc.abstractmethod
    async def perform(self, method: Method, sql: str, args: Any, *, retry: bool = False) -> Any:
        """Call a connection's method."""

    @abc.abstractmethod
    async def run_many(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `args`."""

    def adapt(self, value: Any) -> Any:
        """A caller's Python value as the driver takes it."""
        return value

    async def execute(self, statement: Any, *args: Any) -> Any:
        """Run a statement; the number of rows that it changed, or its rows if it has any.

        Args:
            statement: SQL with `$1` or `%s`, or a SQLAlchemy statement.
            args: its values, one by one or as one list.
        """
        if is_statement(statement):
            return await self._fetch_statement(statement, args, rows=None)
        sql, values = self._arranged(statement, args)
        return await self.perform(self._careful(self.connection_class.count, sql), sql, values)

    async def fetch(self, statement: Any, *args: Any) -> list[Row]:
        """Every row."""
        if is_statement(statement):
            return await self._fetch_statement(statement, args, rows=True)  # type: ignore[no-any-return]
        sql, values = self._arranged(statement, args)
        return await self.perform(self._careful(self.connection_class.fetch_named, sql), sql, values)  # type: ignore[no-any-return]

    def _careful(self, method: Method, sql: str) -> Method:
        """`method` for SQL that is not ours: it may leave something behind on its connection."""
        refuse_transaction_control(sql)
        if not touches_session(sql):
            return method

        async def touching(held: Connection, sql: str, args: Any) -> Any:
            held.touch(sql)
            return await method(held, sql, args)

        return touching

    async def fetch_one(self, statement: Any, *args: Any) -> Row | None:
        """The first row, or None."""
        rows = await self.fetch(statement, *args)
        return rows[0] if rows else None

    async def fetch_value(self, statement: Any, *args: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.fetch_one(statement, *args)
        return None if row is None else row[0]

    async def executemany(self, statement: str, args: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `args`; all or nothing."""
        batches = [tuple(values) for values in args]
        if not batches:
            return
        sql, _ = self._arranged(statement, (batches[0],))
        await self.run_many(sql, [self._arranged(statement, (values,))[1] for values in batches])

    async def _fetch_statement(self, statement: Any, args: tuple[Any, ...], *, rows: bool | None) -> Any:
        bound = bind_statement(statement, args, self.dialect)
        wants_rows = bound.returns_rows if rows is None else rows
        if not wants_rows:
            return await self.perform(self.connection_class.count, bound.sql, bound.args)
        fetched = await self.perform(self.connection_class.fetch, bound.sql, bound.args)
        return bound.decode(fetched)

    def _arranged(self, sql: Any, args: tuple[Any, ...]) -> tuple[str, Sequence[Any]]:
        if not isinstance(sql, str):
            raise ProgrammingError(f"a statement is SQL text or SQLAlchemy's, not {sql!r}")
        values: Sequence[Any] = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
        if not values:
            return sql, ()
        return arrange(sql, [self.adapt(value) for value in values], self.placeholder)

    async def copy_records(
        self, table: str, columns: Sequence[str], records: Iterable[Sequence[Any]], *, schema: str | None = None
    ) -> int:
        """Load rows through COPY; how many there were."""
        raise NotSupportedError(f"{self.vendor} has no COPY")
