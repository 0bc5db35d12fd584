"""Operations on rows, raw SQL, enum types, and Alembic's operations for the rest."""

from __future__ import annotations

import inspect
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations as AlembicOperations

from covet.database.migrations.operations.base import Operations, operation
from covet.database.migrations.sqltext import literal, quote, requote, statements


class DataOperations(Operations):
    """execute, run_python, backfill, alembic, enum types and extensions."""

    @operation
    async def execute(self, sql: str | Mapping[str, str], *args: Any) -> None:
        """Run SQL, one statement or a script.

        Args:
            sql: the text, or one text for each vendor; a vendor that is not named does nothing.
            args: values for the placeholders of a single statement.
        """
        text = sql if isinstance(sql, str) else sql.get(self.vendor, sql.get("default", ""))
        self._dirty = True
        if args:
            await self.session.execute(text, *args)
            return
        for statement in statements(text):
            await self.session.execute(statement)

    @operation
    async def run_python(self, function: Callable[..., Awaitable[None]]) -> None:
        """Run an async function over the models as they are at this point of the history.

        Args:
            function: `async def forwards(apps)` or `async def forwards(apps, migration)`;
                `apps.get_model('shop', 'Book')` is a model made from the table as it is now, without the
                methods of today's code.
        """
        if self._skip_data is not None:
            self._skip_data(f"run_python: {getattr(function, '__qualname__', function)}")
            return
        self._dirty = True
        apps = await self._apps(self.session)
        wants_both = len(inspect.signature(function).parameters) > 1
        await (function(apps, self) if wants_both else function(apps))

    @operation
    async def backfill(
        self, table: str, values: Mapping[str, str], *, where: str = "", key: str | None = None, batch: int = 1000
    ) -> None:
        """Fill columns in batches, each short; after an interruption it goes on where `where` still holds.

        Args:
            table: the table.
            values: column to SQL expression.
            where: which rows still want it, such as `'"full_name" IS NULL'`.
            key: the column that orders the batches; the primary key unless given.
            batch: rows in one batch.
        """
        name, ordered = self._quote(table), self._quote(key or await self._key_of(table))
        changes = ", ".join(f"{self._quote(c)} = {requote(sql, self.vendor)}" for c, sql in values.items())
        condition = f" AND ({requote(where, self.vendor)})" if where else ""
        if self._skip_data is not None:
            self._skip_data(f"backfill: UPDATE {name} SET {changes} in batches of {batch}")
            return
        low, last = (await self.session.fetch(f"SELECT min({ordered}), max({ordered}) FROM {name}"))[0]
        after = None if low is None else f"{ordered} >= {literal(low, self.vendor)}"
        total = 0
        self._dirty = True
        while after is not None:
            rows = await self.session.fetch(
                f"SELECT max(k) FROM (SELECT {ordered} AS k FROM {name} WHERE {after}{condition} "
                f"ORDER BY {ordered} LIMIT {batch}) AS batch"
            )
            high = rows[0][0]
            if high is None:
                break
            upto = literal(high, self.vendor)
            total += await self._run(f"UPDATE {name} SET {changes} WHERE {after} AND {ordered} <= {upto}{condition}")
            after = f"{ordered} > {upto}"
            self.say(f"{table}: {total} rows filled{_share(low, high, last)}")

    async def _key_of(self, table: str) -> str:
        """The first column of a table's primary key; `id` where none is to be found."""
        if self.vendor == "sqlite":
            sql = f"SELECT name FROM pragma_table_info({literal(table)}) WHERE pk = 1"
        elif self.vendor == "mysql":
            sql = (
                "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = database() AND "
                f"table_name = {literal(table, 'mysql')} AND constraint_name = 'PRIMARY' AND ordinal_position = 1"
            )
        else:
            sql = (
                "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
                "AND a.attnum = i.indkey[0] "
                f"WHERE i.indisprimary AND i.indrelid = to_regclass({literal(quote(table))})"
            )
        rows = await self.session.fetch(sql)
        return str(rows[0][0]) if rows else "id"

    @operation
    async def create_enum(self, name: str, *values: str) -> None:
        """Create an enum type (PostgreSQL; elsewhere the type is part of the column)."""
        if self.vendor == "postgresql":
            await self._run(f"CREATE TYPE {self._quote(name)} AS ENUM ({', '.join(map(literal, values))})")

    @operation
    async def drop_enum(self, name: str) -> None:
        """Drop an enum type (PostgreSQL)."""
        if self.vendor == "postgresql":
            await self._run(f"DROP TYPE {self._quote(name)}")

    @operation
    async def add_enum_value(self, name: str, value: str, *, after: str | None = None) -> None:
        """Add a value to an enum type (PostgreSQL). It can be used once the migration is committed."""
        if self.vendor == "postgresql":
            place = f" AFTER {literal(after)}" if after else ""
            await self._run(f"ALTER TYPE {self._quote(name)} ADD VALUE IF NOT EXISTS {literal(value)}{place}")

    @operation
    async def rename_enum_value(self, name: str, old: str, new: str) -> None:
        """Rename a value of an enum type (PostgreSQL)."""
        if self.vendor == "postgresql":
            await self._run(f"ALTER TYPE {self._quote(name)} RENAME VALUE {literal(old)} TO {literal(new)}")

    @operation
    async def create_extension(self, name: str) -> None:
        """Create an extension (PostgreSQL) unless it exists."""
        if self.vendor == "postgresql":
            await self._run(f"CREATE EXTENSION IF NOT EXISTS {self._quote(name)}")

    @operation
    async def alembic(self, work: Callable[[AlembicOperations], object]) -> None:
        """Run Alembic operations: `await self.alembic(lambda op: op.bulk_insert(...))`."""
        self._dirty = True

        script = io.StringIO()
        options = {"as_sql": True, "output_buffer": script, "literal_binds": True}
        context = MigrationContext.configure(dialect=self.session.dialect, opts=options)
        work(AlembicOperations(context))
        for statement in statements(script.getvalue()):
            await self.session.execute(statement)


def _share(low: object, high: object, last: object) -> str:
    """How far the keys are gone through, where they are numbers."""
    if not (isinstance(low, int) and isinstance(high, int) and isinstance(last, int)) or last == low:
        return ""
    return f", {min(100, 100 * (high - low) // (last - low))} %"
