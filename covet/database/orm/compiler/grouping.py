"""GROUP BY: what must be grouped by so that everything selected has one value a group."""

from __future__ import annotations

import contextlib
from typing import Any

import sqlalchemy as sa

from covet.database.orm.compiler.columns import Selection
from covet.database.orm.expressions.refs import Ref
from covet.exceptions import EmptyResultSet, FullResultSet


def group_by_of(query: Any, selection: Selection, orders: list[Any], having: Any, emitter: Any) -> list[Any]:
    """The GROUP BY elements; empty without aggregation."""
    if query.group_by is None:
        return []
    expressions: list[Any] = []
    grouped: set[str] = set()
    if query.group_by is not True:
        for expression in query.group_by:
            if isinstance(expression, str):
                expression = query.resolve_ref(expression)
            if isinstance(expression, Ref):
                grouped.add(expression.refs)
                expression = expression.source
            expressions.append(expression)
    for expression, label in selection.columns:
        # What is grouped by explicitly is so as a whole, not by the columns in it.
        if label not in grouped:
            expressions.extend(expression.get_group_by_cols())
    for order in orders:
        if not isinstance(order.expression, Ref):
            expressions.extend(order.get_group_by_cols())
    if having is not None:
        expressions.extend(having.get_group_by_cols())
    expressions = _collapsed(_unique(expressions), emitter)
    # By its number what is selected is surely the same: a subquery, an expression of parameters.
    positions = {
        expression: number for number, (expression, label) in enumerate(selection.columns, 1) if label is not None
    }
    elements: list[Any] = []
    for expression in expressions:
        number = positions.get(expression)
        if number is not None:
            elements.append(sa.literal_column(str(number)))
        elif not _is_constant(expression):
            # A condition that is always or never true does not tell groups apart.
            with contextlib.suppress(EmptyResultSet, FullResultSet):
                elements.append(emitter.process(expression))
    return elements


def _unique(expressions: list[Any]) -> list[Any]:
    unique: list[Any] = []
    known: set[Any] = set()
    for expression in expressions:
        while isinstance(expression, Ref):
            expression = expression.source
        if expression not in known:
            known.add(expression)
            unique.append(expression)
    return unique


def _is_constant(expression: Any) -> bool:
    return type(expression).__name__ == "Value"


def _collapsed(expressions: list[Any], emitter: Any) -> list[Any]:
    """On PostgreSQL the other columns of a table depend on its primary key and need not be listed."""
    if not emitter.features.allows_group_by_selected_pks:
        return expressions
    keys = {
        expression.alias
        for expression in expressions
        if hasattr(expression, "target")
        and hasattr(expression, "alias")
        and expression.target.primary_key
        and expression.target.model._meta.managed
    }
    return [
        expression
        for expression in expressions
        if not hasattr(expression, "alias")
        or not hasattr(expression, "target")
        or expression.alias not in keys
        or expression.target.primary_key
    ]
