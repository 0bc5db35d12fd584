"""Operations that rename or retype a column while two releases use it: a twin, filled, then in its place."""

from __future__ import annotations

from covet.database.migrations.definitions import Definition, choose, column_type, parts
from covet.database.migrations.operations.base import operation
from covet.database.migrations.operations.columns import ColumnOperations
from covet.database.migrations.operations.data import DataOperations
from covet.database.migrations.sqltext import quote
from covet.database.migrations.twins.base import Twins
from covet.database.migrations.twins.mysql import MysqlTwins
from covet.database.migrations.twins.postgresql import PostgresqlTwins
from covet.database.migrations.twins.sqlite import SqliteTwins


class TwinOperations(ColumnOperations, DataOperations):
    """add_twin, fill_twin, swap_twin, drop_twin; `covet migration check --write` writes them."""

    @operation
    async def add_twin(self, table: str, column: str, twin: str, *, type: Definition | None = None) -> None:
        """Add a second column that triggers keep in step with one that is used.

        Without `type` it is another name for the same values, and either may be written. With `type` it follows the
        column only.

        Args:
            table: the table.
            column: the column that releases use now.
            twin: the new column.
            type: its type, when it is another one.

        Raises:
            NoTwin: the column cannot have one; the message says what to do by hand.
        """
        self._touch(table)
        async with self.session.whole():
            await self._twins.add(table, column, twin, None if type is None else self._native(type))

    @operation
    async def fill_twin(self, table: str, column: str, twin: str, *, batch: int = 1000) -> None:
        """Fill a twin in batches, then give it the column's indexes and constraints without blocking anybody.

        Args:
            table: the table.
            column: the column.
            twin: its twin.
            batch: rows in one batch.
        """
        self._touch(table)
        key = await self._twins.key(table, column, twin)
        if key is None:
            return
        unfilled = f"{quote(column)} IS NOT NULL AND {quote(twin)} IS NULL"
        await self.backfill(table, {twin: quote(column)}, where=unfilled, key=key, batch=batch)
        await self._twins.settle(table, column, twin)

    @operation
    async def swap_twin(self, table: str, column: str, twin: str, *, type: Definition) -> None:
        """Put a twin of another type in the place of its column, under its name; the column goes.

        Args:
            table: the table.
            column: the column.
            twin: its twin.
            type: the type, which SQLite changes now and at once.

        Raises:
            IntegrityError: a value of the column is not in the twin.
        """
        self._touch(table)
        if self.vendor == "sqlite":
            chosen = choose(type, "sqlite")
            await self.alter_column(table, column, type=chosen)
        else:
            await self._twins.swap(table, column, twin, self._native(type))

    @operation
    async def drop_twin(self, table: str, keep: str, gone: str) -> None:
        """Drop one of two columns that were kept in step; the other one has its indexes and constraints.

        Args:
            table: the table.
            keep: the column that stays.
            gone: the one that goes.

        Raises:
            IntegrityError: a value of the one is not in the other.
        """
        self._touch(table)
        async with self.session.whole():
            await self._twins.drop(table, keep, gone)

    async def check_twin(self, table: str, column: str, type: Definition | None) -> None:
        """Refuse what `add_twin` would refuse; nothing is changed, and it is no step.

        Raises:
            NoTwin: the column cannot have one.
        """
        await self._twins.check(table, column, None if type is None else self._native(type))

    @property
    def _twins(self) -> Twins:
        kinds: dict[str, type[PostgresqlTwins | MysqlTwins | SqliteTwins]] = {
            "postgresql": PostgresqlTwins,
            "mysql": MysqlTwins,
            "sqlite": SqliteTwins,
        }
        return kinds[self.vendor](self.session, self._run)

    def _native(self, type: Definition) -> str:
        kind, rest = parts(choose(type, self.vendor))
        return f"{column_type(kind, self.session.target)} {rest}".strip()
