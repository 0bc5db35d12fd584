"""INSERT of many rows: values as parameters of few statements, keys and defaults read back."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.mutation import assigned
from covet.database.orm.compiler.query import Query
from covet.database.orm.compiler.statements import converter_of
from covet.database.orm.expressions.values import DatabaseDefault
from covet.database.orm.persistence.columns import bind_column, is_plain, read_column
from covet.database.orm.queryset.copying import can_copy, copy_rows
from covet.database.orm.shape import freeze, is_slot
from covet.exceptions import FieldError

_NUMBERED = re.compile(r"\$(\d+)")
MAX_ROWS = 1000
AT_ONCE = 10_000
"""Rows that are converted without a pause: some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class OnConflict:
    """What a row that collides with an existing one does.

    Attributes:
        action: `ignore` or `update`. update_columns: columns taken from the new row.
        unique_columns: the columns whose uniqueness is meant (the database's default where empty).
    """

    action: str
    update_columns: tuple[str, ...] = ()
    unique_columns: tuple[str, ...] = ()


async def insert_rows(
    adapter: Any,
    model: Any,
    fields: Sequence[Any],
    objs: Sequence[Any],
    *,
    returning: Sequence[Any] = (),
    raw: bool = False,
    on_conflict: OnConflict | None = None,
    batch_size: int | None = None,
) -> list[tuple[Any, ...]]:
    """Insert `fields` of `objs`; the returned fields of each row, in order (empty without `returning`).

    Many rows are converted and sent a part at a time, so that other tasks have their turn in between.
    """
    size = _batch_size(adapter, len(fields), batch_size)
    step = max(size, AT_ONCE - AT_ONCE % size)
    returned: list[tuple[Any, ...]] = []
    for start in range(0, len(objs), step):
        if start:
            await asyncio.sleep(0)
        part = objs[start : start + step]
        returned += await _insert_part(
            adapter, model, fields, part, returning, on_conflict, size, raw=raw, copies=batch_size is None
        )
    return returned


async def _insert_part(
    adapter: Any,
    model: Any,
    fields: Sequence[Any],
    objs: Sequence[Any],
    returning: Sequence[Any],
    on_conflict: OnConflict | None,
    size: int,
    *,
    raw: bool,
    copies: bool,
) -> list[tuple[Any, ...]]:
    returned: list[tuple[Any, ...]] = []
    columns = [read_column(field, objs, raw=raw) for field in fields]
    loaders = [converter_of(field.get_col(model._meta.db_table), adapter) for field in returning]
    if any(hasattr(field, "get_placeholder") for field in fields) or not all(map(is_plain, columns)):
        for row in zip(*columns, strict=True):
            statement_sql, args = _computed(adapter, model, fields, row, returning, on_conflict)
            returned += await _run(adapter, statement_sql, args, loaders, one=True)
        return returned
    count = len(objs)
    key = model._meta.auto_field
    if copies and on_conflict is None and can_copy(adapter, fields, returning, count, key):
        keys = await copy_rows(adapter, model, fields, columns, key=key if returning else None)
        if keys is not None:
            return list(zip(keys, strict=True))
    bound = [bind_column(field, adapter, column) for field, column in zip(fields, columns, strict=True)]
    for start in range(0, count, size):
        batch = [column[start : start + size] for column in bound]
        args = list(itertools.chain.from_iterable(zip(*batch, strict=True)))
        width = min(size, count - start)
        sql = _statement(adapter, model, fields, width, returning, on_conflict)
        returned += await _run(adapter, sql, args, loaders, one=width == 1)
    return returned


async def _run(
    adapter: Any, sql: str, args: Sequence[Any], loaders: Sequence[Any], *, one: bool
) -> list[tuple[Any, ...]]:
    if not loaders:
        await adapter.run_dml(sql, args)
        return []
    if adapter.features.has_returning:
        found = await adapter.run_write(sql, args)
        return [
            tuple(value if load is None else load(value) for load, value in zip(loaders, row, strict=True))
            for row in found
        ]
    key = await adapter.run_insert(sql, args)
    return [(key,)] if one else []


def _batch_size(adapter: Any, columns: int, wanted: int | None) -> int:
    limit = adapter.features.max_query_params
    largest = MAX_ROWS if limit is None or not columns else max(1, min(MAX_ROWS, limit // columns))
    return min(wanted, largest) if wanted else largest


def _table(model: Any, fields: Sequence[Any], returning: Sequence[Any]) -> Any:
    columns = {field.column: field for field in (*fields, *returning)}
    return sa.table(model._meta.db_table, *(sa.column(name, field.sa_type()) for name, field in columns.items()))


def _statement(
    adapter: Any,
    model: Any,
    fields: Sequence[Any],
    rows: int,
    returning: Sequence[Any],
    on_conflict: OnConflict | None,
) -> str:
    """INSERT with `rows` groups of placeholders; one group is compiled, the others repeat it."""
    if not fields:
        return _defaults_only(adapter, model, rows, returning, on_conflict)
    table = _table(model, fields, ())
    values = {field.column: sa.bindparam(f"v_{index}", type_=field.sa_type()) for index, field in enumerate(fields)}
    compiled = sa.insert(table).values(values).inline().compile(dialect=adapter.dialect)
    head, _, group = compiled.string.partition(" VALUES ")
    group = group.strip()
    width = len(fields)
    groups = [_numbered_from(row * width, group) for row in range(rows)]
    return _finish(adapter, f"{head} VALUES {', '.join(groups)}", returning, on_conflict)


def _numbered_from(first: int, group: str) -> str:
    """The placeholders of one row, `first` further on; other styles have no numbers."""
    return _NUMBERED.sub(lambda match: f"${int(match[1]) + first}", group) if first and "$" in group else group


def _defaults_only(
    adapter: Any, model: Any, rows: int, returning: Sequence[Any], on_conflict: OnConflict | None
) -> str:
    quote = adapter.dialect.identifier_preparer.quote_identifier
    table = quote(model._meta.db_table)
    key = quote(model._meta.pk.column)
    if adapter.vendor == "mysql":
        text = f"INSERT INTO {table} () VALUES {', '.join(['()'] * rows)}"
    elif adapter.vendor == "postgresql":
        text = f"INSERT INTO {table} ({key}) VALUES {', '.join(['(DEFAULT)'] * rows)}"
    else:
        text = f"INSERT INTO {table} ({key}) VALUES {', '.join(['(NULL)'] * rows)}"
    return _finish(adapter, text, returning, on_conflict)


def _finish(adapter: Any, sql: str, returning: Sequence[Any], on_conflict: OnConflict | None) -> str:
    quote = adapter.dialect.identifier_preparer.quote_identifier
    if on_conflict is not None:
        sql = _with_conflict(adapter, sql, on_conflict)
    if returning and adapter.features.has_returning:
        sql += " RETURNING " + ", ".join(quote(field.column) for field in returning)
    return sql


def _with_conflict(adapter: Any, sql: str, on_conflict: OnConflict) -> str:
    quote = adapter.dialect.identifier_preparer.quote_identifier
    if adapter.vendor == "mysql":
        if on_conflict.action == "ignore":
            return sql.replace("INSERT INTO", "INSERT IGNORE INTO", 1)
        updates = ", ".join(f"{quote(name)} = VALUES({quote(name)})" for name in on_conflict.update_columns)
        return f"{sql} ON DUPLICATE KEY UPDATE {updates}"
    target = f" ({', '.join(quote(name) for name in on_conflict.unique_columns)})" if on_conflict.unique_columns else ""
    if on_conflict.action == "ignore":
        return f"{sql} ON CONFLICT{target} DO NOTHING"
    updates = ", ".join(f"{quote(name)} = EXCLUDED.{quote(name)}" for name in on_conflict.update_columns)
    return f"{sql} ON CONFLICT{target} DO UPDATE SET {updates}"


def _computed(
    adapter: Any,
    model: Any,
    fields: Sequence[Any],
    row: Sequence[Any],
    returning: Sequence[Any],
    on_conflict: OnConflict | None,
) -> tuple[str, Sequence[Any]]:
    """One row in which the database computes something."""
    from covet.database.orm.compiler.binding import binder_of  # noqa: PLC0415 - only computed rows need it

    query = Query(model, vendor=adapter.vendor)
    emitter = Emitter(query, adapter)
    given: list[Any] = []
    elements: dict[str, Any] = {}
    for field, value in zip(fields, row, strict=True):
        if isinstance(value, DatabaseDefault):
            continue
        _refuse(query, field, value)
        frozen = freeze(value, given)
        elements[field.column] = (
            assigned(query, emitter, field, frozen)
            if not hasattr(field, "get_placeholder") or not is_slot(frozen)
            else _placed(field, frozen, query, emitter)
        )
    table = _table(model, fields, ())
    statement = sa.insert(table).values({table.c[name]: element for name, element in elements.items()}).inline()
    compiled = statement.compile(dialect=adapter.dialect)
    binding = binder_of(compiled, emitter.slots, adapter.dialect)
    sql, args = binding.statement(given)
    return _finish(adapter, sql, returning, on_conflict), args


def _refuse(query: Any, field: Any, value: Any) -> None:
    """Refuse what a new row cannot have: there are no other rows and no columns yet.

    Raises:
        ValueError: the expression names a column. FieldError: it is an aggregate or a window.
    """
    if not hasattr(value, "resolve_expression") or getattr(value, "subquery", False) or hasattr(value, "_chain"):
        return
    resolved = value.resolve_expression(query, allow_joins=False, for_save=True)
    if getattr(resolved, "contains_subquery", False):
        return
    if resolved.contains_column_references:
        raise ValueError(
            f'Failed to insert expression "{resolved}" on {field}. F() expressions can only be used to update, '
            "not to insert."
        )
    kind = "Aggregate functions" if resolved.contains_aggregate else "Window expressions"
    if resolved.contains_aggregate or resolved.contains_over_clause:
        raise FieldError(f"{kind} are not allowed in this query ({field.name}={resolved!r}).")


def _placed(field: Any, slot: Any, query: Any, emitter: Any) -> Any:
    from covet.database.orm.expressions.values import Value  # noqa: PLC0415 - only placeholder fields need it

    value = object.__new__(Value)
    value.__dict__.update(value=query.localize(slot), output_field=field, _kind=object)
    return emitter.process(value)
