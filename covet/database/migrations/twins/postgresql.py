"""Twins on PostgreSQL: a BEFORE trigger, indexes built concurrently, constraints validated apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import literal, quote
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
from covet.exceptions import DatabaseError, IntegrityError

_COMPARED = re.compile(
    r"^(smallint|integer|bigint|character|text|citext|numeric|real|double|bool|date|time|uuid|jsonb)"
)


@dataclass(frozen=True)
class _Column:
    number: int
    kind: str
    is_required: bool
    default: str | None
    is_counting: bool
    is_generated: bool
    collation: str | None
    comment: str | None


@dataclass(frozen=True)
class _Index:
    name: str
    definition: str
    constraint: bool
    deferral: str


class PostgresqlTwins:
    """Keeps two columns in step on PostgreSQL."""

    def __init__(self, session: Session, run: Run) -> None:
        self._session = session
        self._run = run

    async def check(self, table: str, main: str, kind: str | None) -> None:
        column = await self._column(table, main)
        await self._refuse(table, main, column)
        if kind is not None:
            check_kin(table, main, column.kind, kind)

    async def add(self, table: str, main: str, twin: str, kind: str | None) -> None:
        await self.check(table, main, kind)
        column = await self._column(table, main)
        collation = f" COLLATE {quote(column.collation)}" if kind is None and column.collation else ""
        name, where = mark(table, main, twin), quote(table)
        function = f"{await self._place()}.{quote(name)}"
        script = [f"ALTER TABLE {where} ADD COLUMN {quote(twin)} {kind or column.kind}{collation}"]
        if column.comment:
            script.append(f"COMMENT ON COLUMN {where}.{quote(twin)} IS {literal(column.comment)}")
        body = _one_way(main, twin) if kind is not None else _both_ways(main, twin, column.kind)
        script += [
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $covet$\n{body}\n$covet$",
            f"CREATE TRIGGER {quote(name)} BEFORE INSERT OR UPDATE ON {where} "
            f"FOR EACH ROW EXECUTE FUNCTION {function}()",
        ]
        await self._run(";\n".join(script))

    async def key(self, table: str, main: str, twin: str) -> str | None:
        rows = await self._session.fetch(
            "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
            f"AND a.attnum = ANY (i.indkey) WHERE i.indisprimary AND i.indrelid = {_oid(table)}"
        )
        return only_key([str(row[0]) for row in rows], table, main)

    async def settle(self, table: str, main: str, twin: str) -> None:
        column, where = await self._column(table, main), quote(table)
        for index in await self._indexes(table, column.number):
            name = twin_name(table, twin, index.name)
            valid = await self._session.fetch(
                "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                f"WHERE c.relname = {literal(name)} AND i.indrelid = {_oid(table)}"
            )
            if valid and valid[0][0]:
                continue
            if valid:
                await self._unhurried(f"DROP INDEX CONCURRENTLY IF EXISTS {quote(name)}")
            head, keys = re.split(r" USING ", renamed(index.definition, main, twin), maxsplit=1)
            unique = "UNIQUE " if head.startswith("CREATE UNIQUE") else ""
            await self._unhurried(f"CREATE {unique}INDEX CONCURRENTLY {quote(name)} ON {where} USING {keys}")
        for constraint, definition in await self._constraints(table, column.number):
            ours, tail = definition.partition(" REFERENCES ")[0::2]
            text = renamed(ours, main, twin) + (f" REFERENCES {tail}" if tail else "")
            await self._validated(table, twin_name(table, twin, constraint), text)
        if column.is_required:
            await self._validated(table, twin_name(table, twin, ""), f"CHECK ({quote(twin)} IS NOT NULL)")

    async def drop(self, table: str, keep: str, gone: str) -> None:
        if await self._has_trigger(table, keep, gone):
            await self._run(";\n".join([*await self._untie(table, keep, gone), _drop(table, gone)]))
            return
        await self._replace(table, gone, keep, name=keep)

    async def swap(self, table: str, main: str, twin: str, kind: str) -> None:
        await self._replace(table, main, twin, name=main)

    async def _replace(self, table: str, main: str, twin: str, *, name: str) -> None:
        """The twin takes over what the column has, and the column goes: a moment under one lock."""
        column, where = await self._column(table, main), quote(table)
        await self._prove(table, main, twin)
        script = [f"LOCK TABLE {where} IN ACCESS EXCLUSIVE MODE", *await self._untie(table, main, twin)]
        if column.is_required:
            check = quote(twin_name(table, twin, ""))
            script.append(f"ALTER TABLE {where} ALTER COLUMN {quote(twin)} SET NOT NULL, DROP CONSTRAINT {check}")
        if column.default is not None:
            script.append(f"ALTER TABLE {where} ALTER COLUMN {quote(twin)} SET DEFAULT {column.default}")
        for index in await self._indexes(table, column.number):
            copy, own = quote(twin_name(table, twin, index.name)), quote(index.name)
            if index.constraint:
                attached = f"ADD CONSTRAINT {own} UNIQUE USING INDEX {copy}{index.deferral}"
                script.append(f"ALTER TABLE {where} DROP CONSTRAINT {own}, {attached}")
            else:
                script += [f"DROP INDEX {own}", f"ALTER INDEX {copy} RENAME TO {own}"]
        for constraint, _ in await self._constraints(table, column.number):
            copy = quote(twin_name(table, twin, constraint))
            script.append(f"ALTER TABLE {where} DROP CONSTRAINT {quote(constraint)}")
            script.append(f"ALTER TABLE {where} RENAME CONSTRAINT {copy} TO {quote(constraint)}")
        script.append(_drop(table, main))
        if name != twin:
            script.append(f"ALTER TABLE {where} RENAME COLUMN {quote(twin)} TO {quote(name)}")
        await self._run(";\n".join(script))

    async def _prove(self, table: str, main: str, twin: str) -> None:
        """Make sure that no value is left behind, now and until the column goes."""
        name = twin_name(table, twin, "filled")
        try:
            await self._validated(table, name, f"CHECK ({quote(main)} IS NULL OR {quote(twin)} IS NOT NULL)")
        except IntegrityError as error:
            await self._run(f"ALTER TABLE {quote(table)} DROP CONSTRAINT IF EXISTS {quote(name)}")
            raise IntegrityError(
                f"{table} has rows whose {main} is not in {twin}: they were not filled, or do not fit its type. Mend "
                "them, run the backfill migration again (roll it back and apply it), and go on."
            ) from error

    async def _untie(self, table: str, main: str, twin: str) -> list[str]:
        name = quote(mark(table, main, twin))
        return [
            f"DROP TRIGGER {name} ON {quote(table)}",
            f"DROP FUNCTION {await self._place()}.{name}()",
        ]

    async def _has_trigger(self, table: str, main: str, twin: str) -> bool:
        name = literal(mark(table, main, twin))
        return bool(
            await self._session.fetch(f"SELECT 1 FROM pg_trigger WHERE tgrelid = {_oid(table)} AND tgname = {name}")
        )

    async def _place(self) -> str:
        return quote((await self._session.fetch("SELECT current_schema()"))[0][0])

    async def _validated(self, table: str, name: str, definition: str) -> None:
        rows = await self._session.fetch(
            f"SELECT convalidated FROM pg_constraint WHERE conrelid = {_oid(table)} AND conname = {literal(name)}"
        )
        if not rows:
            await self._run(f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(name)} {definition} NOT VALID")
        if not rows or not rows[0][0]:
            await self._run(f"ALTER TABLE {quote(table)} VALIDATE CONSTRAINT {quote(name)}")

    async def _unhurried(self, sql: str) -> None:
        """Run what waits for old transactions and holds nobody up."""
        limit = (await self._session.fetch("SELECT current_setting('lock_timeout')"))[0][0]
        await self._run("SET lock_timeout = 0")
        try:
            await self._run(sql)
        finally:
            await self._run(f"SET lock_timeout = {literal(limit)}")

    async def _column(self, table: str, name: str) -> _Column:
        rows = await self._session.fetch(
            "SELECT a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), "
            "a.attidentity::text, a.attgenerated::text, l.collname, col_description(a.attrelid, a.attnum) "
            "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
            "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
            "LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation "
            f"WHERE a.attrelid = {_oid(table)} AND a.attname = {literal(name)} AND NOT a.attisdropped"
        )
        if not rows:
            raise DatabaseError(f"Table {table!r} has no column {name!r}.")
        number, kind, required, default, identity, generated, collation, comment = rows[0]
        counting = bool(identity) or str(default or "").startswith("nextval(")
        return _Column(number, kind, required, default, counting, bool(generated), collation, comment)

    async def _refuse(self, table: str, name: str, column: _Column) -> None:
        await self.key(table, name, "")
        if column.is_counting or column.is_generated:
            raise NoTwin(table, name, "the database itself gives it its values")
        if column.default is not None and not column.is_required:
            raise NoTwin(table, name, "it may be NULL and has a default, so a NULL cannot be told from no value")
        pointing = await self._session.fetch(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' "
            f"AND confrelid = {_oid(table)} AND {column.number} = ANY (confkey)"
        )
        if pointing:
            raise NoTwin(table, name, f"{pointing[0][0]} points to it")
        others = await self._session.fetch(
            "SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d "
            f"WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = {_oid(table)} "
            f"AND d.refobjsubid = {column.number} AND NOT (d.classid = 'pg_attrdef'::regclass AND EXISTS "
            f"(SELECT 1 FROM pg_attrdef a WHERE a.oid = d.objid AND a.adnum = {column.number})) "
            "AND NOT (d.classid = 'pg_class'::regclass AND EXISTS "
            "(SELECT 1 FROM pg_class c WHERE c.oid = d.objid AND c.relkind IN ('i', 'I'))) "
            "AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS "
            "(SELECT 1 FROM pg_constraint o WHERE o.oid = d.objid AND o.contype IN ('u', 'c', 'f', 'n')))"
        )
        if others:
            raise NoTwin(table, name, f"{others[0][0]} depends on it")
        triggers = await self._session.fetch(f"SELECT tgname::text FROM pg_trigger WHERE tgrelid = {_oid(table)}")
        columns = await self._session.fetch(f"SELECT attname::text FROM pg_attribute WHERE attrelid = {_oid(table)}")
        held = [each.definition for each in await self._indexes(table, column.number)]
        held += [definition for _, definition in await self._constraints(table, column.number)]
        refuse_shared(table, name, [row[0] for row in columns], {row[0] for row in triggers}, held)

    async def _indexes(self, table: str, number: int) -> list[_Index]:
        rows = await self._session.fetch(
            "SELECT x.relname::text, pg_get_indexdef(i.indexrelid), o.oid IS NOT NULL, o.condeferrable, o.condeferred "
            "FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
            "LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid AND o.conrelid = i.indrelid AND o.contype = 'u' "
            f"WHERE i.indrelid = {_oid(table)} AND ({number} = ANY (i.indkey) OR EXISTS (SELECT 1 FROM pg_depend d "
            "WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid "
            f"AND d.refobjsubid = {number})) ORDER BY x.relname"
        )
        return [
            _Index(name, definition, attached, _deferral(bool(deferrable), bool(deferred)))
            for name, definition, attached, deferrable, deferred in rows
        ]

    async def _constraints(self, table: str, number: int) -> list[tuple[str, str]]:
        rows = await self._session.fetch(
            "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('c', 'f') "
            f"AND conrelid = {_oid(table)} AND {number} = ANY (conkey) AND conname NOT LIKE 'covet\\_twin\\_%' "
            "ORDER BY conname"
        )
        return [(name, str(definition).removesuffix(" NOT VALID")) for name, definition in rows]


def _oid(table: str) -> str:
    return f"to_regclass({literal(quote(table))})"


def _drop(table: str, column: str) -> str:
    return f"ALTER TABLE {quote(table)} DROP COLUMN {quote(column)}"


def _deferral(deferrable: bool, deferred: bool) -> str:
    return (" DEFERRABLE INITIALLY DEFERRED" if deferred else " DEFERRABLE") if deferrable else ""


def _one_way(main: str, twin: str) -> str:
    # What the release before may write and the new type cannot hold is left out; the last step finds it.
    return (
        f"BEGIN\n  NEW.{quote(twin)} := NEW.{quote(main)};\n  RETURN NEW;\n"
        f"EXCEPTION WHEN data_exception THEN\n  NEW.{quote(twin)} := NULL;\n  RETURN NEW;\nEND"
    )


def _both_ways(main: str, twin: str, kind: str) -> str:
    cast = "" if _COMPARED.match(kind) else "::text"
    old, new = quote(main), quote(twin)
    return (
        f"BEGIN\n  IF TG_OP = 'INSERT' THEN\n    IF NEW.{new} IS NULL THEN NEW.{new} := NEW.{old};\n"
        f"    ELSE NEW.{old} := NEW.{new}; END IF;\n"
        f"  ELSIF NEW.{new}{cast} IS DISTINCT FROM OLD.{new}{cast} THEN NEW.{old} := NEW.{new};\n"
        f"  ELSE NEW.{new} := NEW.{old}; END IF;\n  RETURN NEW;\nEND"
    )
