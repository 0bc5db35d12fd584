"""UPDATE and DELETE of a query's rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from covet.database.orm.compiler import statements
from covet.database.orm.compiler.datastructures import AND
from covet.database.orm.compiler.elements import quoted
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.select import build
from covet.database.orm.compiler.where import WhereNode
from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.shape import Const, is_slot
from covet.database.orm.types import saved_type
from covet.exceptions import EmptyResultSet, FieldError, FullResultSet

__all__ = ["delete_statement", "quoted", "update_statement"]


def delete_statement(query: Any, emitter: Emitter) -> Any:
    """DELETE; through a subquery of keys when other tables are involved.

    Raises:
        EmptyResultSet: no row can match.
    """
    table = _table(query)
    query.get_initial_alias()
    query.clear_ordering(force=True)
    if _is_single_table(query):
        return _conditioned(sa.delete(table), query.where, emitter)
    return sa.delete(table).where(_key_in(query, emitter, table))


def update_statement(query: Any, emitter: Emitter, items: tuple[tuple[str, Any], ...]) -> Any:
    """UPDATE of the model's own columns with these (field name, value or expression) pairs.

    Raises:
        EmptyResultSet: no row can match. FieldError: an aggregate, window or joined name as a value.
    """
    opts = query.get_meta()
    query.get_initial_alias()
    columns: dict[Any, Any] = {}
    targets: list[Any] = []
    for name, raw in items:
        field = opts.get_field(name)
        targets.append(sa.column(field.column, field.sa_type()))
        columns[field.column] = assigned(query, emitter, field, raw)
    if not columns:
        return None
    table = sa.table(opts.db_table, *targets)
    _refuse_aggregate_order(query)
    if not (query.order_by and emitter.vendor == "mysql"):
        query.clear_ordering(force=True)
    statement = sa.update(table).values({table.c[name]: element for name, element in columns.items()})
    if _is_single_table(query):
        return _conditioned(statement, query.where, emitter)
    return statement.where(_key_in(query, emitter, table))


def _refuse_aggregate_order(query: Any) -> None:
    """Rows that are updated one by one have no order by what many of them make."""
    for item in query.order_by:
        annotation = query.annotations.get(item.removeprefix("-")) if isinstance(item, str) else None
        if annotation is not None and annotation.contains_aggregate:
            raise FieldError(f"Cannot update when ordering by an aggregate: {annotation}")


def assigned(query: Any, emitter: Emitter, field: Any, raw: Any) -> Any:
    """The element assigned to a column."""
    if hasattr(raw, "resolve_expression"):
        value = raw.resolve_expression(query, allow_joins=False, for_save=True)
        if getattr(value, "contains_aggregate", False):
            raise FieldError(f"Aggregate functions are not allowed in this query ({field.name}={value!r}).")
        if isinstance(value, ColPairs):
            raise FieldError(
                f"Composite primary keys expressions are not allowed in this query ({field.name}=F('pk'))."
            )
        if getattr(value, "contains_over_clause", False):
            raise FieldError(f"Window expressions are not allowed in this query ({field.name}={value!r}).")
        if getattr(value, "is_query", False):
            value.clear_ordering()
        return emitter.process(value)
    slot = query.localize(raw) if is_slot(raw) else Const(raw)
    if isinstance(slot, Const) and slot.value is None and not getattr(field, "null_is_a_value", False):
        return sa.null()
    saved = saved_type(field)
    try:
        return emitter.bind(slot.prep(_stored(field)) if saved is None else slot, saved or field)
    except EmptyResultSet:
        message = f"{field} cannot store text with NUL or lone surrogate characters."
        raise ValueError(message) from None


def _stored(field: Any) -> Any:
    """What turns an assigned value into the column's: instances become keys, then the field prepares."""
    if not getattr(field, "remote_field", None):
        return field.get_prep_value
    attname = field.target_field.attname

    def key(value: Any) -> Any:
        if hasattr(value, "_meta"):
            if value.pk is None:
                raise ValueError(f"Unsaved model instance {value!r} cannot be used in an ORM query.")
            value = getattr(value, attname)
        return field.get_prep_value(value)

    return key


def _table(query: Any) -> Any:
    primary = query.get_meta().pk
    fields = getattr(primary, "fields", None) or [primary]
    return sa.table(query.get_meta().db_table, *(sa.column(field.column, field.sa_type()) for field in fields))


def _is_single_table(query: Any) -> bool:
    return len(query.table_aliases()) <= 1 and not query.is_sliced and not query.distinct and query.group_by is None


def _conditioned(statement: Any, where: WhereNode, emitter: Emitter) -> Any:
    if not where:
        return statement
    try:
        return statement.where(where.as_clause(emitter))
    except FullResultSet:
        return statement


def _key_in(query: Any, emitter: Emitter, table: Any) -> Any:
    """`key IN (SELECT key …)`; MySQL cannot read the table that it changes, unless through a derived table."""
    primary = query.get_meta().pk
    alias = query.get_initial_alias()
    query.annotation_mask = set()
    query.select_names = None
    query.default_cols = False
    query.select_related = False
    fields = getattr(primary, "fields", None) or (primary,)
    query.select = tuple(query.column_of(field, alias) for field in fields)
    for annotation in query.annotations.values():
        if annotation.contains_aggregate:
            query.group_by = query.select
    inner = build(query, emitter.within(query), labelled=True).statement
    if not emitter.features.update_can_self_select:
        names: list[Any] = [sa.literal_column(f"col{number}") for number in range(1, len(fields) + 1)]
        inner = sa.select(*names).select_from(inner.subquery("keys"))
    # The outer table is named in full: the inner query may use the same alias.
    outer = [sa.column(field.column, field.sa_type(), _selectable=table) for field in fields]
    return outer[0].in_(inner) if len(outer) == 1 else sa.tuple_(*outer).in_(inner)


statements.late.delete = delete_statement
statements.late.update = update_statement
_ = AND
