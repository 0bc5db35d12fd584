"""Twins on SQLite: AFTER triggers for a second name; another type is only another word there."""

from __future__ import annotations

from covet.database.migrations.create_text import ColumnText, TableText
from covet.database.migrations.rebuild import rebuild, table_text
from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import literal, quote, words
from covet.database.migrations.twins.base import NoTwin, Run, check_kin, mark, only_key, refuse_shared

_REQUIRED = "-- covet: the column was NOT NULL"


class SqliteTwins:
    """Keeps two columns in step on SQLite."""

    def __init__(self, session: Session, run: Run) -> None:
        self._session = session
        self._run = run

    async def check(self, table: str, main: str, kind: str | None) -> None:
        text = await table_text(self._session, table)
        if kind is None:
            await self._refuse(text, table, text.column(main))
        else:
            check_kin(table, main, text.column(main).type, kind)

    async def add(self, table: str, main: str, twin: str, kind: str | None) -> None:
        await self.check(table, main, kind)
        if kind is not None:
            # The last step changes the type: it decides little there, and both releases live with either.
            return
        column = (await table_text(self._session, table)).column(main)
        required = not column.is_nullable
        if required:
            # An AFTER trigger comes too late for NOT NULL; the twin brings the value.
            await rebuild(self._session, table, lambda whole: whole.column(main).put("NOT", None))
        collation = column.clause("COLLATE")
        tail = f" {collation}" if collation else ""
        await self._run(f"ALTER TABLE {quote(table)} ADD COLUMN {quote(twin)} {column.type}{tail}")
        for name, body in _triggers(table, main, twin).items():
            await self._run(f"CREATE TRIGGER {quote(name)} {body}" + (f" {_REQUIRED}\nEND" if required else " END"))

    async def key(self, table: str, main: str, twin: str) -> str | None:
        text = await table_text(self._session, table)
        return None if twin not in {each.name for each in text.columns} else _key(text, table, main)

    async def settle(self, table: str, main: str, twin: str) -> None:
        """Indexes and keys stay with the column until it gets its new name."""

    async def drop(self, table: str, keep: str, gone: str) -> None:
        was_main = await self._sql(mark(table, gone, keep))
        main, twin = (gone, keep) if was_main else (keep, gone)
        text = was_main or await self._sql(mark(table, main, twin))
        for name in _triggers(table, main, twin):
            await self._run(f"DROP TRIGGER IF EXISTS {quote(name)}")

        def one(whole: TableText) -> None:
            whole.columns.remove(whole.column(twin))
            if _REQUIRED in str(text):
                whole.column(main).put("NULL", None)
                whole.column(main).clauses.insert(0, "NOT NULL")

        if twin in {each.name for each in (await table_text(self._session, table)).columns}:
            await rebuild(self._session, table, one)
        if was_main:
            await self._run(f"ALTER TABLE {quote(table)} RENAME COLUMN {quote(main)} TO {quote(twin)}")

    async def swap(self, table: str, main: str, twin: str, kind: str) -> None:
        """Nothing: `swap_twin` changes the type as `alter_column` does."""

    async def _sql(self, name: str) -> str | None:
        rows = await self._session.fetch(
            f"SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = {literal(name + '_i')}"
        )
        return str(rows[0][0]) if rows else None

    async def _refuse(self, text: TableText, table: str, column: ColumnText) -> None:
        name = column.name
        _key(text, table, name)
        if column.is_generated or any(
            each.is_generated and _mentions(each.sql("sqlite"), name) for each in text.columns
        ):
            raise NoTwin(table, name, "the database itself computes it, or another column from it")
        if column.default not in (None, "NULL"):
            raise NoTwin(
                table, name, "it has a default, which SQLite would put in the place of what the twin was given"
            )
        rows = await self._session.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (other,) in rows:
            keys = await self._session.fetch(f"PRAGMA foreign_key_list({literal(other)})")
            if any(str(key[2]).lower() == table.lower() and key[4] == name for key in keys):
                raise NoTwin(table, name, f"{other} points to it")
        triggers = await self._session.fetch(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = {literal(table)}"
        )
        indexes = await self._session.fetch(
            f"SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = {literal(table)}"
        )
        held = [item for item in [*text.constraints, *(str(row[0]) for row in indexes)] if _mentions(item, name)]
        marks = {str(row[0]).removesuffix("_i") for row in triggers}
        refuse_shared(table, name, [each.name for each in text.columns], marks, held)


def _mentions(item: str, column: str) -> bool:
    return column in {token.value for token in words(item)}


def _key(text: TableText, table: str, column: str) -> str:
    keys = [each.name for each in text.columns if each.clause("PRIMARY")]
    return only_key(keys, table, column)


def _triggers(table: str, main: str, twin: str) -> dict[str, str]:
    where, old, new = quote(table), quote(main), quote(twin)
    name = mark(table, main, twin)
    row = "WHERE rowid = NEW.rowid;"
    return {
        f"{name}_i": (
            f"AFTER INSERT ON {where} WHEN NEW.{old} IS NOT NEW.{new} BEGIN UPDATE {where} SET "
            f"{old} = coalesce(NEW.{new}, NEW.{old}), {new} = coalesce(NEW.{new}, NEW.{old}) {row}"
        ),
        f"{name}_o": (
            f"AFTER UPDATE OF {old} ON {where} WHEN NEW.{old} IS NOT OLD.{old} AND NEW.{old} IS NOT NEW.{new} "
            f"AND NEW.{new} IS OLD.{new} BEGIN UPDATE {where} SET {new} = NEW.{old} {row}"
        ),
        f"{name}_n": (
            f"AFTER UPDATE OF {new} ON {where} WHEN NEW.{new} IS NOT OLD.{new} AND NEW.{new} IS NOT NEW.{old} "
            f"BEGIN UPDATE {where} SET {old} = NEW.{new} {row}"
        ),
    }
