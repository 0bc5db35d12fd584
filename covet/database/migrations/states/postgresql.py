"""Reads PostgreSQL's catalogs; every definition is what `pg_get_*def` prints."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from covet.database.migrations.session import Session
from covet.database.migrations.sqltext import normal
from covet.database.migrations.states.base import ColumnState, ConstraintState, IndexState, SchemaState, TableState

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, l.collname,
       col_description(c.oid, a.attnum), obj_description(c.oid, 'pg_class')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation
WHERE c.relkind IN ('r', 'p') ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS = """
SELECT c.relname, o.conname, o.contype::text, pg_get_constraintdef(o.oid),
       array(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY k(num, place)
             JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.num ORDER BY k.place),
       o.convalidated
FROM pg_constraint o
JOIN pg_class c ON c.oid = o.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
WHERE o.contype IN ('p', 'u', 'c', 'f', 'x') ORDER BY c.relname, o.conname
"""
_INDEXES = """
SELECT c.relname, x.relname, i.indisunique, pg_get_indexdef(i.indexrelid),
       array(SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k),
       i.indisvalid
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
WHERE c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype IN ('p', 'u', 'x'))
ORDER BY c.relname, x.relname
"""
_INDEX_HEAD = re.compile(r"^CREATE (?:UNIQUE )?INDEX .*? ON (?:ONLY )?(?:\"(?:[^\"]|\"\")*\"|\S)+ USING ", re.DOTALL)


async def read(session: Session, named: Collection[str] = ()) -> SchemaState:
    """Every table of the current schema; `named` constraints are models' own."""
    schema: SchemaState = {}
    for row in await session.fetch(_COLUMNS):
        table = schema.setdefault(row[0], TableState(row[0], comment=row[9]))
        table.columns[row[1]] = _column(*row[1:9])
    for name, constraint, kind, definition, columns, is_valid in await session.fetch(_CONSTRAINTS):
        text = str(definition).removesuffix(" NOT VALID")
        state = ConstraintState(kind, constraint, tuple(columns), text, bool(is_valid))
        if constraint in named or not _folded(schema[name], state):
            schema[name].constraints.append(state)
    for name, index, unique, definition, columns, is_valid in await session.fetch(_INDEXES):
        text = _INDEX_HEAD.sub("USING ", str(definition))
        schema[name].indexes.append(IndexState(index, tuple(columns), bool(unique), text, bool(is_valid)))
    return schema


def _column(
    name: str,
    kind: str,
    nullable: bool,
    default: str | None,
    identity: str,
    generated: str,
    collation: str | None,
    comment: str | None,
) -> ColumnState:
    serial = default is not None and default.startswith("nextval(")
    return ColumnState(
        name,
        kind,
        nullable,
        None if generated or serial else default,
        bool(identity) or serial,
        default if generated else None,
        collation,
        comment,
    )


def _folded(table: TableState, state: ConstraintState) -> bool:
    """Whether a CHECK is the one that PositiveIntegerField brings; it is then part of the type."""
    if state.kind != "c" or len(state.columns) != 1:
        return False
    column = table.columns[state.columns[0]]
    if column.type not in {"smallint", "integer", "bigint"}:
        return False
    if normal(state.definition.removeprefix("CHECK")) != normal(f"{column.name} >= 0"):
        return False
    # PostgreSQL names it after table and column, and keeps the name when one of them is renamed.
    name = state.name or ""
    if not name.endswith("_check") or not (name.startswith(table.name[:10]) or name.endswith(f"_{column.name}_check")):
        return False
    table.columns[column.name] = replace(column, type=f"{column.type} unsigned")
    return True
