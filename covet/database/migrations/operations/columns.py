"""Operations on columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from covet.database.migrations.create_text import ColumnText, TableText, parse, parse_column
from covet.database.migrations.definitions import Definition, choose, clauses_for, column, column_type, parts
from covet.database.migrations.operations.base import Operations, operation
from covet.database.migrations.rebuild import rebuild
from covet.database.migrations.sqltext import literal, normal, quote, words
from covet.exceptions import IntegrityError


class Keep:
    """The type of `KEEP`."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP: Final = Keep()
"""Leaves a property of a column as it is (None would mean "none")."""


class ColumnOperations(Operations):
    """add_column, drop_column, rename_column, alter_column, comment_column."""

    @operation
    async def add_column(self, table: str, name: str, definition: Definition, *, fill: object = KEEP) -> None:
        """Add a column.

        Args:
            table: the table.
            name: the column.
            definition: such as `'VARCHAR(20) NOT NULL'`.
            fill: the value for the rows that exist, where the definition has no default of its own; one value, or
                one for each vendor with `default` for the others.

        Raises:
            IntegrityError: NOT NULL without a default or `fill`, and the table has rows.
        """
        line = column(name, definition, self.session.target)
        text = parse_column(line)
        if self.vendor == "sqlite":
            await self._add_by_rebuild(table, text, fill)
            return
        if fill is KEEP:
            if self.vendor == "mysql":
                await self._refuse_invented_values(table, text)
            await self._run(f"ALTER TABLE {self._touch(table)} ADD COLUMN {line}")
            return
        text.clauses.insert(0, f"DEFAULT {self._literal(fill)}")
        await self._run(f"ALTER TABLE {self._touch(table)} ADD COLUMN {text.sql(self.vendor)}")
        await self._run(f"ALTER TABLE {self._touch(table)} ALTER COLUMN {self._quote(name)} DROP DEFAULT")

    @operation
    async def drop_column(self, table: str, name: str) -> None:
        """Drop a column, with the constraints and indexes that speak of it."""
        self._touch(table)
        if self.vendor != "sqlite":
            await self._run(f"ALTER TABLE {self._touch(table)} DROP COLUMN {self._quote(name)}")
            return

        def without(text: TableText) -> None:
            text.columns.remove(text.column(name))
            text.constraints = [
                item for item in text.constraints if name.lower() not in {t.value.lower() for t in words(item)}
            ]

        await rebuild(self.session, table, without)

    @operation
    async def rename_column(self, table: str, old: str, new: str) -> None:
        """Rename a column; its values, indexes and constraints stay."""
        await self._run(f"ALTER TABLE {self._touch(table)} RENAME COLUMN {self._quote(old)} TO {self._quote(new)}")

    @operation
    async def alter_column(
        self,
        table: str,
        name: str,
        *,
        type: str | Mapping[str, str] | Keep = KEEP,
        was: str | None = None,
        using: str | None = None,
        nullable: bool | Keep = KEEP,
        default: str | Mapping[str, str] | Keep | None = KEEP,
        fill: object = KEEP,
        identity: bool | Keep = KEEP,
    ) -> None:
        """Change a column in place, its values kept.

        Args:
            table: the table.
            name: the column.
            type: the new type, with `COLLATE` behind it if wanted.
            was: the old type; needed only to leave or enter an UNSIGNED type.
            using: on PostgreSQL, the expression that converts a value; a plain cast unless given.
            nullable: whether NULL may be stored.
            default: SQL of the new default, or one text for each vendor; None drops it.
            fill: what takes the place of NULL before `nullable=False`.
            identity: whether the database counts the key up.
        """
        self._touch(table)
        if fill is not KEEP:
            null = f"{self._quote(name)} IS NULL"
            await self._run(f"UPDATE {self._touch(table)} SET {self._quote(name)} = {self._literal(fill)} WHERE {null}")
            self._dirty = True
        if isinstance(default, Mapping):
            default = choose(default, self.vendor)
        change = _Alteration(type, was, using, nullable, default, identity)
        if self.vendor == "postgresql":
            await self._alter_on_postgresql(table, name, change)
        elif self.vendor == "mysql":
            await self._alter_on_mysql(table, name, change)
        else:
            await rebuild(self.session, table, lambda text: self._altered(text.column(name), change))

    @operation
    async def comment_column(self, table: str, name: str, comment: str | None) -> None:
        """Set a column's comment; None removes it. SQLite has none, so nothing happens there."""
        if self.vendor == "postgresql":
            target = f"{self._touch(table)}.{self._quote(name)}"
            await self._run(f"COMMENT ON COLUMN {target} IS {literal(comment or None)}")
        elif self.vendor == "mysql":
            text = await self._mysql_column(table, name)
            text.put("COMMENT", f"COMMENT {literal(comment, 'mysql')}" if comment else None)
            await self._modify(table, text)

    async def _add_by_rebuild(self, table: str, text: ColumnText, fill: object) -> None:
        self._touch(table)
        plain = {"DEFAULT", "NULL", "COLLATE", "CHECK", "NOT"}
        default = text.default
        constant = default is None or len(words(default)) <= 2
        simple = all(words(clause)[0].upper in plain for clause in text.clauses) and constant
        if simple and fill is KEEP and (text.is_nullable or default is not None):
            await self._run(f"ALTER TABLE {self._touch(table)} ADD COLUMN {text.sql('sqlite')}")
            return

        def more(whole: TableText) -> Mapping[str, str]:
            whole.columns.append(text)
            if fill is not KEEP:
                return {text.name: self._literal(fill)}
            return {text.name: default} if default is not None else {}

        await rebuild(self.session, table, more)

    def _literal(self, fill: object) -> str:
        if isinstance(fill, Mapping):
            fill = fill[self.vendor] if self.vendor in fill else fill["default"]
        return literal(fill, self.vendor)

    async def _refuse_invented_values(self, table: str, text: ColumnText) -> None:
        # MariaDB would fill in '' or 0, which nobody has asked for.
        if text.is_nullable or text.default is not None or text.is_generated or text.clause("AUTO_INCREMENT"):
            return
        if await self.session.fetch(f"SELECT 1 FROM {self._touch(table)} LIMIT 1"):
            raise IntegrityError(
                f"Column {table}.{text.name} is NOT NULL without a default, and the table has rows; "
                "give `fill=`, a DEFAULT, or make it nullable."
            )

    async def _alter_on_postgresql(self, table: str, name: str, change: _Alteration) -> None:
        head = f"ALTER TABLE {self._touch(table)} ALTER COLUMN {self._quote(name)}"
        was_unsigned = (change.was or "").lower().endswith(" unsigned")
        if not isinstance(change.type, Keep):
            text = choose(change.type, "postgresql")
            kind, collation = parts(text)
            native = column_type(kind, self.session.target)
            unsigned = kind.lower().endswith(" unsigned")
            if was_unsigned and not unsigned:
                await self._drop_positive_check(table, name)
            if not isinstance(change.default, Keep):
                # Neither a default that goes nor one that comes has to fit the other type.
                await self._run(f"{head} DROP DEFAULT")
            # An explicit cast to varchar(n) cuts what is too long; by assignment it is refused.
            is_short = native.lower().startswith(("varchar", "char")) and not native.endswith("]")
            using = change.using or f"{self._quote(name)}::{'text' if is_short else native}"
            await self._run(f"{head} TYPE {native} {collation} USING {using}")
            if unsigned and not was_unsigned:
                check = quote(f"{table}_{name}_check")
                await self._run(
                    f"ALTER TABLE {self._touch(table)} ADD CONSTRAINT {check} CHECK ({self._quote(name)} >= 0)"
                )
        if not isinstance(change.default, Keep):
            await self._run(
                f"{head} " + ("DROP DEFAULT" if change.default is None else f"SET DEFAULT {change.default}")
            )
        if not isinstance(change.nullable, Keep):
            await self._run(f"{head} " + ("DROP" if change.nullable else "SET") + " NOT NULL")
        if not isinstance(change.identity, Keep):
            await self._count_on_postgresql(table, name, head, counting=change.identity)

    async def _count_on_postgresql(self, table: str, name: str, head: str, *, counting: bool) -> None:
        if not counting:
            await self._run(f"{head} DROP IDENTITY IF EXISTS")
            return
        await self._run(f"{head} ADD GENERATED BY DEFAULT AS IDENTITY")
        sequence = f"pg_get_serial_sequence({literal(quote(table))}, {literal(name)})"
        await self._run(
            f"SELECT setval({sequence}, coalesce(max({self._quote(name)}), 0) + 1, false) FROM {self._touch(table)}"
        )

    async def _drop_positive_check(self, table: str, name: str) -> None:
        rows = await self.session.fetch(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            f"WHERE contype = 'c' AND conrelid = to_regclass({literal(quote(table))})"
        )
        wanted = normal(f"{name} >= 0")
        for constraint, definition in rows:
            if normal(definition.removeprefix("CHECK")) == wanted:
                await self._run(f"ALTER TABLE {self._touch(table)} DROP CONSTRAINT {quote(constraint)}")

    async def _mysql_column(self, table: str, name: str) -> ColumnText:
        rows = await self.session.fetch(f"SHOW CREATE TABLE {self._touch(table)}")
        return parse(rows[0][1]).column(name)

    async def _alter_on_mysql(self, table: str, name: str, change: _Alteration) -> None:
        text = await self._mysql_column(table, name)
        self._altered(text, change)
        await self._modify(table, text)

    async def _modify(self, table: str, text: ColumnText) -> None:
        # A key's two ends change type one after the other; in between they differ.
        await self._run("SET SESSION foreign_key_checks = 0")
        try:
            await self._run(f"ALTER TABLE {self._touch(table)} MODIFY COLUMN {text.sql('mysql')}")
        finally:
            await self._run("SET SESSION foreign_key_checks = 1")

    def _altered(self, text: ColumnText, change: _Alteration) -> None:
        """Change a column's text; for the databases that want the whole definition again."""
        target = self.session.target
        if not isinstance(change.type, Keep):
            chosen = choose(change.type, self.vendor)
            kind, rest = parts(chosen)
            fresh = parse_column(column(text.name, kind, target))
            text.type = fresh.type
            text.clauses = [c for c in text.clauses if not _implied(c)]
            text.put("CHARACTER", None)
            text.put("COLLATE", clauses_for(rest, target) or None)
            text.clauses += fresh.clauses
        if not isinstance(change.default, Keep):
            text.put("DEFAULT", None if change.default is None else clauses_for(f"DEFAULT {change.default}", target))
        if not isinstance(change.nullable, Keep):
            text.put("NULL", None)
            text.put("NOT", None if change.nullable else "NOT NULL")
            if text.default == "NULL":
                text.put("DEFAULT", None)
        if not isinstance(change.identity, Keep):
            if self.vendor == "mysql":
                text.put("AUTO_INCREMENT", "AUTO_INCREMENT" if change.identity else None)
            else:
                text.put("PRIMARY", "PRIMARY KEY AUTOINCREMENT" if change.identity else "PRIMARY KEY")


class _Alteration:
    """What `alter_column` was asked for."""

    __slots__ = ("default", "identity", "nullable", "type", "using", "was")

    def __init__(
        self,
        type: str | Mapping[str, str] | Keep,
        was: str | None,
        using: str | None,
        nullable: bool | Keep,
        default: str | Keep | None,
        identity: bool | Keep,
    ) -> None:
        self.type, self.was, self.using = type, was, using
        self.nullable, self.default, self.identity = nullable, default, identity


def _implied(clause: str) -> bool:
    """Whether a CHECK comes with the type (UNSIGNED and JSON on SQLite, JSON on MariaDB)."""
    meaning = words(clause)
    if meaning[0].upper != "CHECK":
        return False
    text = normal(clause.strip()[len("CHECK") :])
    return "json_valid" in text or text.endswith(">= 0")
