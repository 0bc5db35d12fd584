"""Twins on MariaDB and MySQL: BEFORE triggers, changes in place, and a moment under LOCK TABLES for the exchange."""

from __future__ import annotations

from covet.database.migrations.create_text import ColumnText, TableText, parse
from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import literal, quote, words
from covet.database.migrations.twins.base import (
    NoTwin,
    Run,
    check_kin,
    mark,
    only_key,
    refuse_shared,
    renamed,
    twin_name,
)
from covet.exceptions import IntegrityError


class MysqlTwins:
    """Keeps two columns in step on MariaDB and MySQL."""

    def __init__(self, session: Session, run: Run) -> None:
        self._session = session
        self._run = run

    async def check(self, table: str, main: str, kind: str | None) -> None:
        text = await self._text(table)
        column = text.column(main)
        await self._refuse(text, table, column)
        if kind is not None:
            check_kin(table, main, column.type, _twin(column, main, kind).type)

    async def add(self, table: str, main: str, twin: str, kind: str | None) -> None:
        text = await self._text(table)
        fresh = _twin(text.column(main), twin, kind)
        if twin not in {each.name for each in text.columns}:
            await self.check(table, main, kind)
        # An interrupted run has done some of it: nothing here is undone by the server.
        if twin not in {each.name for each in text.columns}:
            await self._run(f"ALTER TABLE {_q(table)} ADD COLUMN {fresh.sql('mysql')}")
        await self._tie(table, main, twin, one_way=kind is not None)

    async def key(self, table: str, main: str, twin: str) -> str | None:
        return _key(await self._text(table), table, main)

    async def settle(self, table: str, main: str, twin: str) -> None:
        text = await self._text(table)
        made = {_name(item) for item in text.constraints}
        for item in text.constraints:
            copy = _copy(item, table, main, twin)
            if copy is not None and _name(copy) not in made:
                await self._add(table, copy)
        column = text.column(twin)
        if not text.column(main).is_nullable and column.is_nullable:
            column.put("DEFAULT", None)
            column.put("NULL", None)
            column.put("NOT", "NOT NULL")
            await self._run(f"ALTER TABLE {_q(table)} MODIFY COLUMN {column.sql('mysql')}")

    async def drop(self, table: str, keep: str, gone: str) -> None:
        # A run that was interrupted after the exchange has left the column with neither name nor trigger.
        if await self._is_tied(table, gone, keep):
            await self._replace(table, gone, keep, name=keep)
            return
        text = await self._text(table)
        if gone in {each.name for each in text.columns}:
            changes = [_dropped(item) for item in text.constraints if _mentions(item, gone)]
            await self._exchange(table, keep, gone, [*changes, f"DROP COLUMN {_q(gone)}"])

    async def swap(self, table: str, main: str, twin: str, kind: str) -> None:
        await self._replace(table, main, twin, name=main)

    async def _replace(self, table: str, main: str, twin: str, *, name: str) -> None:
        text = await self._text(table)
        column = text.column(main)
        one_way = name == main
        if await self._tie(table, main, twin, one_way=one_way):
            # A run was killed between the triggers' end and the column's: rows may be on one side only.
            apart = f"NOT (BINARY {_q(main)} <=> BINARY {_q(twin)})"
            await self._run(f"UPDATE {_q(table)} SET {_q(twin)} = {_q(main)} WHERE {apart}")
        await self._prove(table, main, twin)
        changes: list[str] = []
        back: list[tuple[str, str]] = []
        for item in text.constraints:
            copy = _copy(item, table, main, twin)
            if copy is None:
                continue
            own, ours = str(_name(item)), str(_name(copy))
            changes.append(_dropped(item))
            if _word(item) == "CONSTRAINT":
                back.append((ours, copy.replace(_q(ours), _q(own), 1)))
            else:
                changes.append(f"RENAME INDEX {_q(ours)} TO {_q(own)}")
        changes.append(f"DROP COLUMN {_q(main)}")
        if column.default is not None:
            changes.append(f"ALTER COLUMN {_q(twin)} SET DEFAULT {column.default}")
        named = [f"RENAME COLUMN {_q(twin)} TO {_q(name)}"] if name != twin else []
        await self._exchange(table, main, twin, changes, *named)
        # A key or check cannot be renamed: it is made again under its name, before the one for the time being goes.
        for ours, item in back:
            final = item if name == twin else _with_column(item, twin, name)
            await self._add(table, final)
            await self._run(f"ALTER TABLE {_q(table)} {_dropped(final.replace(_q(str(_name(final))), _q(ours), 1))}")

    async def _exchange(self, table: str, main: str, twin: str, changes: list[str], *then: str) -> None:
        """Take the triggers and a column away while nobody writes."""
        await self._run(f"LOCK TABLES {_q(table)} WRITE")
        try:
            await self._untie(table, main, twin)
            for each in (", ".join(changes), *then):
                await self._run(f"ALTER TABLE {_q(table)} {each}")
        finally:
            await self._run("UNLOCK TABLES")

    async def _prove(self, table: str, main: str, twin: str) -> None:
        left = f"SELECT 1 FROM {_q(table)} WHERE {_q(main)} IS NOT NULL AND {_q(twin)} IS NULL LIMIT 1"
        if await self._session.fetch(left):
            raise IntegrityError(
                f"{table} has rows whose {main} is not in {twin}: they were not filled, or do not fit its type. Mend "
                "them, run the backfill migration again (roll it back and apply it), and go on."
            )

    async def _add(self, table: str, item: str) -> None:
        # Both columns hold the same values, which are checked already; without this the table would be copied.
        await self._run("SET SESSION foreign_key_checks = 0")
        try:
            await self._run(f"ALTER TABLE {_q(table)} ADD {item}")
        finally:
            await self._run("SET SESSION foreign_key_checks = 1")

    async def _tie(self, table: str, main: str, twin: str, *, one_way: bool) -> bool:
        """Make the triggers that are missing; whether one was."""
        known = await self._triggers(table)
        bodies = _bodies(main, twin, one_way=one_way)
        missing = {f"{mark(table, main, twin)}_{event[0].lower()}": event for event in bodies}
        missing = {name: event for name, event in missing.items() if name not in known}
        for name, event in missing.items():
            await self._run(f"CREATE TRIGGER {_q(name)} BEFORE {event} ON {_q(table)} FOR EACH ROW {bodies[event]}")
        return bool(missing)

    async def _untie(self, table: str, main: str, twin: str) -> None:
        for letter in "iu":
            await self._run(f"DROP TRIGGER IF EXISTS {_q(f'{mark(table, main, twin)}_{letter}')}")

    async def _triggers(self, table: str) -> set[str]:
        rows = await self._session.fetch(
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = database() "
            f"AND event_object_table = {literal(table, 'mysql')}"
        )
        return {str(row[0]) for row in rows}

    async def _is_tied(self, table: str, main: str, twin: str) -> bool:
        return any(name.startswith(mark(table, main, twin)) for name in await self._triggers(table))

    async def _text(self, table: str) -> TableText:
        return parse((await self._session.fetch(f"SHOW CREATE TABLE {_q(table)}"))[0][1])

    async def _refuse(self, text: TableText, table: str, column: ColumnText) -> None:
        name = column.name
        _key(text, table, name)
        if column.is_generated or column.clause("AUTO_INCREMENT"):
            raise NoTwin(table, name, "the database itself gives it its values")
        if column.default not in (None, "NULL") and column.is_nullable:
            raise NoTwin(table, name, "it may be NULL and has a default, so a NULL cannot be told from no value")
        if any(each.is_generated and _mentions(each.sql("mysql"), name) for each in text.columns):
            raise NoTwin(table, name, "a generated column is made from it")
        pointing = await self._session.fetch(
            "SELECT table_name FROM information_schema.key_column_usage WHERE table_schema = database() AND "
            f"referenced_table_name = {literal(table, 'mysql')} AND referenced_column_name = {literal(name, 'mysql')}"
        )
        if pointing:
            raise NoTwin(table, name, f"{pointing[0][0]} points to it")
        held = [item for item in text.constraints if _mentions(item, name)]
        triggers = {trigger.removesuffix("_i") for trigger in await self._triggers(table)}
        refuse_shared(table, name, [each.name for each in text.columns], triggers, held)


def _q(name: str) -> str:
    return quote(name, "mysql")


def _word(item: str) -> str:
    return words(item)[0].upper


def _name(item: str) -> str | None:
    return (
        next((token.value for token in words(item) if token.kind == "name"), None) if _word(item) != "PRIMARY" else None
    )


def _mentions(item: str, column: str) -> bool:
    ours = item.partition(" REFERENCES ")[0]
    names = [token.value for token in words(ours) if token.kind == "name"]
    return _word(item) != "PRIMARY" and column in names[1:]


def _dropped(item: str) -> str:
    """What drops a line of CREATE TABLE."""
    name = _q(str(_name(item)))
    if _word(item) == "CONSTRAINT":
        return f"DROP {'FOREIGN KEY' if ' FOREIGN KEY ' in item else 'CONSTRAINT'} {name}"
    return f"DROP INDEX {name}"


def _copy(item: str, table: str, main: str, twin: str) -> str | None:
    """The line of an index or constraint as the twin's, under a name for the time being."""
    name = _name(item)
    if name is None or not _mentions(item, main) or name.startswith("covet_twin_"):
        return None
    return _with_column(item, main, twin).replace(_q(name), _q(twin_name(table, twin, name)), 1)


def _with_column(item: str, old: str, new: str) -> str:
    """A line with another column; its name, and what a key points to, stay."""
    ours, references, tail = item.partition(" REFERENCES ")
    head, mark_, columns = ours.partition(" (" if _word(item) != "CONSTRAINT" else "` ")
    return f"{head}{mark_}{renamed(columns, old, new)}{references}{tail}"


def _twin(column: ColumnText, twin: str, kind: str | None) -> ColumnText:
    kept = {"CHARACTER", "COLLATE", "COMMENT", "CHECK"}
    clauses = [clause for clause in column.clauses if words(clause)[0].upper in kept]
    fresh = ColumnText(twin, column.type, [renamed(clause, column.name, twin) for clause in clauses])
    if kind is not None:
        fresh.type, _, collation = kind.partition(" COLLATE ")
        if collation:
            fresh.put("CHARACTER", None)
            fresh.put("COLLATE", f"COLLATE {collation}")
    return fresh


def _key(text: TableText, table: str, column: str) -> str:
    keys = [token.value for item in text.constraints if _word(item) == "PRIMARY" for token in words(item)[2:]]
    return only_key([each for each in keys if each not in "(),"], table, column)


def _bodies(main: str, twin: str, *, one_way: bool) -> dict[str, str]:
    old, new = f"NEW.{_q(main)}", f"NEW.{_q(twin)}"
    if one_way:
        # What the release before may write and the new type cannot hold is left out; the last step finds it.
        body = f"BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION SET {new} = NULL; SET {new} = {old}; END"
        return {"INSERT": body, "UPDATE": body}
    was = f"OLD.{_q(twin)}"
    return {
        "INSERT": f"BEGIN IF {new} IS NULL THEN SET {new} = {old}; ELSE SET {old} = {new}; END IF; END",
        "UPDATE": (
            f"BEGIN IF NOT (BINARY {new} <=> BINARY {was}) THEN SET {old} = {new}; ELSE SET {new} = {old}; END IF; END"
        ),
    }
