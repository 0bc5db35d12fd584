"""Conditions on window functions: the windows are computed in a subquery, the conditions apply around it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from covet.database.orm.compiler.columns import Selection
from covet.database.orm.compiler.derived import DerivedColumn
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.where import WhereNode
from covet.exceptions import FullResultSet

NAME = "qualify"


class OuterColumn(DerivedColumn):
    """A column of the qualified subquery."""

    table = NAME


def qualified(
    query: Any,
    emitter: Emitter,
    selection: Selection,
    orders: list[Any],
    where: WhereNode | None,
    having: WhereNode | None,
    qualify: WhereNode,
) -> Any:
    """SELECT the wanted columns FROM (the query with its windows) WHERE the conditions on them."""
    from covet.database.orm.compiler.select import (  # noqa: PLC0415 - a circle: select hands qualified queries over
        Built,
        add_conditions,
        from_clause,
        limited,
        select_element,
    )

    inner_columns: list[tuple[str, Any]] = []
    known: dict[Any, OuterColumn] = {}

    def carry(expression: Any) -> OuterColumn:
        found = known.get(expression)
        if found is None:
            found = known[expression] = OuterColumn(f"qual{len(inner_columns)}", expression)
            inner_columns.append((found.name, expression))
        return found

    outer_columns = [carry(expression) for expression, _ in selection.columns]
    outer_where = _rewritten(qualify, carry)
    outer_orders = []
    for order in orders:
        moved = order.copy()
        moved.set_source_expressions([carry(_source(order.expression))])
        outer_orders.append(moved)
    from covet.database.orm.compiler.grouping import group_by_of  # noqa: PLC0415 - see above

    extended = Selection([(expression, name) for name, expression in inner_columns])
    groups = group_by_of(query, extended, [], having, emitter)
    inner = sa.select(*(select_element(emitter, expression).label(name) for name, expression in inner_columns))
    inner = add_conditions(inner, query, emitter, where)
    tables = from_clause(query, emitter)
    if tables is not None:
        inner = inner.select_from(tables)
    if groups:
        inner = inner.group_by(*groups)
    if having is not None:
        with suppress(FullResultSet):
            inner = inner.having(having.as_clause(emitter))
    # exists() wants no column, which only PostgreSQL can say.
    # What stands around this one reads its columns by their names.
    labels = [
        f"col{index}" if label is None else quoted_name(label, quote=True)
        for index, (_, label) in enumerate(selection.columns, 1)
    ]
    wanted = [column.as_clause(emitter).label(name) for column, name in zip(outer_columns, labels, strict=True)]
    statement = sa.select(*(wanted or [sa.literal_column("1").label("a")])).select_from(inner.subquery(NAME))
    statement = add_conditions(statement, query, emitter, outer_where)
    if query.distinct:
        statement = statement.distinct()
    if outer_orders:
        statement = statement.order_by(*(emitter.process(order) for order in outer_orders))
    return Built(limited(statement, query), selection, [expression for expression, _ in selection.columns])


def _source(expression: Any) -> Any:
    while hasattr(expression, "refs"):
        expression = expression.source
    return expression


def _rewritten(node: WhereNode, carry: Any) -> WhereNode:
    children: list[Any] = []
    for child in node.children:
        if isinstance(child, WhereNode):
            children.append(_rewritten(child, carry))
            continue
        children.append(_moved(child, carry))
    return WhereNode(children, node.connector, negated=node.negated)


def _moved(expression: Any, carry: Any) -> Any:
    """The condition over the subquery's columns: windows, aggregates and columns are computed inside."""
    if hasattr(expression, "refs"):
        return carry(_source(expression))
    if (hasattr(expression, "alias") and hasattr(expression, "target")) or not _is_composed(expression):
        return carry(expression)
    clone = expression.copy()
    clone.set_source_expressions(
        [
            source if source is None or not _touches_rows(source) else _moved(source, carry)
            for source in expression.get_source_expressions()
        ]
    )
    return clone


def _is_composed(expression: Any) -> bool:
    if getattr(expression, "window_compatible", False) and not getattr(expression, "lookup_name", None):
        return False
    return (hasattr(expression, "lookup_name") and expression.lookup_name is not None) or (
        bool(expression.get_source_expressions())
        and not hasattr(expression, "partition_by")
        and not expression.contains_aggregate
    )


def _touches_rows(expression: Any) -> bool:
    return bool(
        getattr(expression, "contains_over_clause", False)
        or getattr(expression, "contains_aggregate", False)
        or getattr(expression, "contains_column_references", False)
    )
