"""UNION, INTERSECT and EXCEPT of queries."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from covet.database.orm.compiler.columns import Selection, selection_of
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.select import Built, build, limited
from covet.database.orm.expressions.refs import F, Ref
from covet.exceptions import DatabaseError, EmptyResultSet, NotSupportedError

HIDDEN = "__orderbycol"
_OPERATIONS = {
    ("union", False): sa.union,
    ("union", True): sa.union_all,
    ("intersection", False): sa.intersect,
    ("difference", False): sa.except_,
}


def build_combined(query: Any, emitter: Emitter, *, labelled: bool = False) -> Built:
    """The set operation over the query's parts, which all select what the first one does.

    Raises:
        EmptyResultSet: nothing can come out.
    """
    if query.is_empty():
        raise EmptyResultSet
    kind = query.combinator
    features = emitter.features
    if not getattr(features, f"supports_select_{kind}", True):
        raise NotSupportedError(f"{kind} is not supported on this database backend.")
    fixed = any(part.has_select_fields for part in query.combined)
    _share_columns(query)
    orders = _positioned(query, fixed=fixed)
    built: list[Built] = []
    for position, part in enumerate(query.combined):
        try:
            built.append(build(part, emitter.within(part), labelled=True))
        except EmptyResultSet:
            if kind == "union" or (kind == "difference" and built):
                continue
            if kind == "difference" and position > 0:
                continue
            raise
    if not built:
        raise EmptyResultSet
    selection = _visible(built[0].selection)
    statement: Any
    if len(built) == 1:
        statement = sa.select(*_names(built[0], emitter)).select_from(built[0].statement.subquery("combined"))
    else:
        statement = _OPERATIONS[kind, query.combinator_all](*(_operand(part, emitter) for part in built))
    clauses = [emitter.process(order) for order in orders]
    if clauses:
        statement = statement.order_by(*clauses)
    statement = limited(statement, query)
    del labelled
    return Built(statement, selection, built[0].converters)


def _names(built: Built, emitter: Emitter) -> list[Any]:
    """The columns of a subquery by their names, under the same names."""
    quote = emitter.dialect.identifier_preparer.quote_identifier
    names = [label or f"col{index + 1}" for index, (_, label) in enumerate(built.selection.columns)]
    return [sa.literal_column(quote(name)).label(name) for name in names or ["a"]]


def _operand(built: Built, emitter: Emitter) -> Any:
    """One side; SQLite takes neither order nor limit nor parentheses in one, but a subselect it does."""
    statement = built.statement
    is_plain = isinstance(statement, sa.sql.selectable.Select) and not (
        statement._limit_clause is not None or statement._offset_clause is not None or statement._order_by_clauses  # noqa: SLF001 - SQLAlchemy has no public question for it
    )
    if is_plain or (
        emitter.features.supports_parentheses_in_compound and isinstance(statement, sa.sql.selectable.Select)
    ):
        return statement
    return sa.select(*_names(built, emitter)).select_from(statement.subquery())


def _share_columns(query: Any) -> None:
    """Values chosen on the combination are chosen in every part that chose nothing itself."""
    first = query.combined[0]
    if query.select_names is not None:
        for part in query.combined:
            if part.select_names is None:
                part.set_values(tuple(query.select_names))
        return
    if first.select_names is None and (first.annotations or first.deferred[0]):
        return


def _positioned(query: Any, *, fixed: bool) -> list[Any]:
    """The set operation's order by the positions of columns.

    What is not selected is selected too, unless the parts have chosen columns of their own (`fixed`): another one would
    change which rows are equal.
    """
    if not query.order_by:
        return []
    first = query.combined[0]
    while first.combinator:
        first = first.combined[0]
    ordered: list[Any] = []
    for order in _raw_orders(query):
        selection = selection_of(first)
        position = _position_of(order.expression, _positions(query, selection), selection)
        if position is None:
            position = _select_also(query, order.expression, len(ordered), fixed=fixed)
        replaced = order.copy()
        replaced.set_source_expressions([_Position(position)])
        ordered.append(replaced)
    return ordered


def _select_also(query: Any, expression: Any, number: int, *, fixed: bool) -> int:
    name = f"{HIDDEN}{number}"
    position = 0
    for part in query.combined:
        # The values are those of the combination's order, not of the part.
        offset, part.offset = part.offset, query.order_offset
        resolved = expression.resolve_expression(part, allow_joins=True, reuse=None)
        part.offset = offset
        if fixed or part.combinator or isinstance(expression, Ref):
            raise DatabaseError("ORDER BY term does not match any column in the result set.")
        part.annotations[name] = resolved
        if part.annotation_mask is not None:
            part.annotation_mask.add(name)
        if part.select_names is not None:
            part.select_names.append(name)
        position = position or len(selection_of(part).columns)
    return position


def _visible(selection: Selection) -> Selection:
    """The selection without the columns that only the order needs."""
    selection.names = [name for name in selection.names if not name.startswith(HIDDEN)]
    selection.annotations = [pair for pair in selection.annotations if not pair[0].startswith(HIDDEN)]
    return selection


def _raw_orders(query: Any) -> list[Any]:
    from covet.database.orm.compiler.ordering import _expand  # noqa: PLC0415 - names stay names here

    return list(_expand(query, query.order_by))


class _Position:
    """The number of a column."""

    contains_aggregate = False

    def __init__(self, position: int) -> None:
        self.position = position

    def as_clause(self, compiler: Any) -> Any:
        del compiler
        return sa.literal_column(str(self.position))


def _positions(query: Any, selection: Selection) -> dict[str, int]:
    names: dict[str, int] = {}
    if selection.names:
        for index, name in enumerate(selection.names):
            names[name] = index + 1
    elif selection.main is not None:
        for index, name in enumerate(selection.main.names):
            names[name] = selection.main.start + index + 1
        for field in query.get_meta().concrete_fields:
            if field.attname in names:
                names.setdefault(field.name, names[field.attname])
        names.setdefault("pk", selection.main.key + 1)
    for name, index in selection.annotations:
        names[name] = index + 1
    first = query.combined[0]
    if "pk" not in names and first.get_meta().pk.name in names:
        names["pk"] = names[first.get_meta().pk.name]
    return names


def _position_of(expression: Any, names: dict[str, int], selection: Selection) -> int | None:
    if isinstance(expression, F):
        return names.get(expression.name)
    if isinstance(expression, Ref):
        return names.get(expression.refs)
    for index, (column, _) in enumerate(selection.columns):
        if column == expression:
            return index + 1
    return None


__all__ = ["build_combined"]
