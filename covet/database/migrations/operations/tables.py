"""Operations on whole tables."""

from __future__ import annotations

from covet.database.migrations.definitions import Definition, column, constraint
from covet.database.migrations.operations.base import Operations, operation
from covet.database.migrations.sqltext import literal


class TableOperations(Operations):
    """create_table, drop_table, rename_table, comments."""

    @operation
    async def create_table(self, name: str, /, *constraints: Definition, **columns: Definition) -> None:
        """Create a table.

        Args:
            name: the table.
            constraints: whole constraints, such as `'UNIQUE ("a", "b")'` or `'CHECK (price >= 0)'`.
            columns: column name to definition, such as `id='INTEGER PRIMARY KEY'`.
        """
        target = self.session.target
        body = [column(key, definition, target) for key, definition in columns.items()]
        body += [text for text in (constraint(each, target) for each in constraints) if text is not None]
        await self._run(f"CREATE TABLE {self._touch(name)} (\n  " + ",\n  ".join(body) + "\n)")

    @operation
    async def drop_table(self, name: str, /, *, cascade: bool = False) -> None:
        """Drop a table.

        Args:
            name: the table.
            cascade: on PostgreSQL, drop what depends on it (foreign keys, views) too.
        """
        tail = " CASCADE" if cascade and self.vendor == "postgresql" else ""
        await self._run(f"DROP TABLE {self._touch(name)}{tail}")

    @operation
    async def rename_table(self, old: str, new: str) -> None:
        """Rename a table; foreign keys that point to it follow."""
        await self._run(f"ALTER TABLE {self._touch(old)} RENAME TO {self._touch(new)}")

    @operation
    async def comment_table(self, name: str, comment: str | None) -> None:
        """Set a table's comment; None removes it. SQLite has none, so nothing happens there."""
        if self.vendor == "postgresql":
            await self._run(f"COMMENT ON TABLE {self._touch(name)} IS {literal(comment or None)}")
        elif self.vendor == "mysql":
            await self._run(f"ALTER TABLE {self._touch(name)} COMMENT = {literal(comment or '', 'mysql')}")
