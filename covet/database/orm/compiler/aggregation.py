"""aggregate(), count() and exists(): one row about a query's rows."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from covet.database.orm.compiler import emitter as emitter_module
from covet.database.orm.compiler.derived import DerivedColumn
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.ordering import ordering_of
from covet.database.orm.compiler.select import add_conditions, build, from_clause, limited, select_element
from covet.database.orm.expressions.refs import Ref
from covet.exceptions import FullResultSet

SUBQUERY = "subquery"


class SubqueryColumn(DerivedColumn):
    """A column of the aggregated subquery."""

    table = SUBQUERY
    contains_column_references = True

    def get_refs(self) -> set[str]:
        return set()


def resolve_aggregates(query: Any, aggregates: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Each aggregate against the query; later ones may name earlier ones.

    Raises:
        TypeError: one is not an aggregate.
    """
    resolved: dict[str, Any] = {}
    replacements: dict[Any, Any] = {}
    before = dict(query.annotations), None if query.annotation_mask is None else set(query.annotation_mask)
    for alias, expression in aggregates:
        query.check_alias(alias)
        aggregate = expression.resolve_expression(query, allow_joins=True, reuse=None, summarize=True)
        if not aggregate.contains_aggregate:
            raise TypeError(f"{alias} is not an aggregate expression")
        aggregate = aggregate.replace_expressions(replacements)
        query.annotations[alias] = aggregate
        if query.annotation_mask is not None:
            query.annotation_mask.add(alias)
        replacements[Ref(alias, aggregate)] = aggregate
        resolved[alias] = aggregate
    query.annotations, query.annotation_mask = before
    return resolved


def aggregate_statement(query: Any, emitter: Emitter, resolved: dict[str, Any]) -> Any:
    """SELECT of the aggregates, over the rows themselves or over a subquery of them.

    Raises:
        EmptyResultSet: there are no rows to aggregate.
    """
    if _needs_subquery(query, resolved):
        return _over_subquery(query, emitter, resolved)
    query.get_initial_alias()
    replacements = {Ref(name, annotation): annotation for name, annotation in query.annotations.items()}
    where, having, _ = query.where.split()
    elements = [
        select_element(emitter, expression.replace_expressions(replacements)).label(quoted_name(name, quote=True))
        for name, expression in resolved.items()
    ]
    statement = add_conditions(sa.select(*elements), query, emitter, where)
    tables = from_clause(query, emitter)
    if tables is not None:
        statement = statement.select_from(tables)
    if having is not None:
        with suppress(FullResultSet):
            statement = statement.having(having.as_clause(emitter))
    return statement


def _needs_subquery(query: Any, resolved: dict[str, Any]) -> bool:
    if isinstance(query.group_by, tuple) or query.is_sliced or query.distinct or query.combinator:
        return True
    if any(getattr(annotation, "contains_aggregate", True) for annotation in query.annotations.values()):
        return True
    if query.where.contains_over_clause:
        return True
    for expression in resolved.values():
        for name in expression.get_refs():
            annotation = query.annotations.get(name)
            if annotation is None:
                continue
            if (
                annotation.contains_subquery
                or annotation.contains_over_clause
                or getattr(annotation, "set_returning", False)
            ):
                return True
    return any(getattr(annotation, "set_returning", False) for annotation in query.annotation_select.values())


def _over_subquery(query: Any, emitter: Emitter, resolved: dict[str, Any]) -> Any:
    inner_emitter = emitter.within(query)
    query.lock = None
    query.clear_ordering()
    query.select_related = False
    grouped_annotations = any(
        getattr(annotation, "contains_aggregate", True) for annotation in query.annotations.values()
    )
    used: set[str] = set()
    for expression in resolved.values():
        used |= expression.get_refs()
    if not query.combinator and query.default_cols and not query.distinct:
        if grouped_annotations:
            primary = query.get_meta().pk
            query.group_by = tuple(_key_columns(query, primary))
        query.default_cols = False
        query.deferred = (frozenset(), True)
        # What is grouped by implicitly tells rows apart, though nobody reads it.
        keep = used | {name for name, value in query.annotation_select.items() if value.get_group_by_cols()}
        keep |= {name for name, value in query.annotation_select.items() if getattr(value, "set_returning", False)}
        query.annotation_mask = keep & set(query.annotations)
    if query.annotation_mask is not None:
        query.annotation_mask |= used & set(query.annotations)
    if query.select_names is not None:
        query.select_names.extend(sorted((used & set(query.annotations)) - set(query.select_names)))
    carried: dict[Any, str] = {}
    outer: dict[str, Any] = {name: _rewritten(expression, query, carried) for name, expression in resolved.items()}
    built = build(query, inner_emitter, labelled=True)
    subquery = built.statement.subquery(SUBQUERY)
    elements = [select_element(emitter, expression) for expression in outer.values()]
    return sa.select(*elements).select_from(subquery)


def _key_columns(query: Any, primary: Any) -> list[Any]:
    alias = query.get_initial_alias()
    return [query.column_of(field, alias) for field in (getattr(primary, "fields", None) or [primary])]


def _rewritten(expression: Any, query: Any, carried: dict[Any, str]) -> Any:
    """The aggregate over the subquery's columns; what it needs is selected there."""
    if isinstance(expression, Ref):
        return SubqueryColumn(expression.refs, expression.source)
    if hasattr(expression, "alias") and hasattr(expression, "target"):
        return _carry(expression, query, carried)
    if getattr(expression, "is_query", False):
        return expression
    sources = expression.get_source_expressions() if hasattr(expression, "get_source_expressions") else []
    if hasattr(expression, "children"):
        clone = expression.clone()
        clone.children = [_rewritten(child, query, carried) for child in expression.children]
        return clone
    if not sources:
        return expression
    if getattr(expression, "contains_subquery", False) and hasattr(expression, "query"):
        return _carry(expression, query, carried)
    clone = expression.copy()
    clone.set_source_expressions([None if source is None else _rewritten(source, query, carried) for source in sources])
    return clone


def _carry(expression: Any, query: Any, carried: dict[Any, str]) -> SubqueryColumn:
    name = carried.get(expression)
    if name is None:
        name = carried[expression] = f"__col{len(carried) + 1}"
        query.annotations[name] = expression
        if query.annotation_mask is not None:
            query.annotation_mask.add(name)
        if query.select_names is not None:
            query.select_names.append(name)
        if isinstance(query.group_by, tuple):
            query.group_by = (*query.group_by, *expression.get_group_by_cols())
    return SubqueryColumn(name, expression)


def exists_statement(query: Any, emitter: Emitter, *, limit: bool = True) -> Any:
    """SELECT 1 of the first row that matches."""
    if query.combinator:
        query.clear_ordering(force=True)
        query.order_by = ()
        if limit and not query.is_sliced:
            query.set_limits(None, 1)
        return build(query, emitter, labelled=True).statement
    if not (query.distinct and query.is_sliced) and not query.distinct_fields:
        if query.group_by is True:
            query.select = ()
            query.default_cols = False
            query.add_fields([field.attname for field in query.get_meta().concrete_fields])
            query.set_group_by(allow_aliases=False)
        elif isinstance(query.group_by, tuple):
            query.group_by = tuple(
                expression.source if isinstance(expression, Ref) else expression for expression in query.group_by
            )
        query.clear_select_clause()
        query.distinct = False
    query.clear_ordering(force=True)
    if limit:
        query.set_limits(None, 1)
    return build(query, emitter, labelled=True).statement


def _exists_within(query: Any, outer: Emitter) -> Any:
    # A copy: the query may be compiled again, in GROUP BY.
    inner = copy.copy(query)
    return exists_statement(inner, outer.within(inner))


emitter_module.late.exists = _exists_within

__all__ = ["aggregate_statement", "exists_statement", "limited", "ordering_of", "resolve_aggregates"]
