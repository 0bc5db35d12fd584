"""ORDER BY: names, default orders of related models, expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from covet.database.orm.compiler.datastructures import LOOKUP_SEP
from covet.database.orm.expressions.ordering import OrderBy
from covet.database.orm.expressions.refs import F, Ref
from covet.database.orm.expressions.values import RawSQL, Value
from covet.exceptions import FieldError


def ordering_of(query: Any) -> tuple[list[Any], bool]:
    """(resolved OrderBy expressions, whether they are the model's default)."""
    if not query.default_ordering and not query.order_by and not query.extra_order_by:
        return [], False
    is_default = not query.order_by and not query.extra_order_by
    items = query.extra_order_by or query.order_by or query.get_meta().ordering
    if not items:
        return [], False
    resolved: list[Any] = []
    seen: list[Any] = []
    offset, query.offset = query.offset, query.order_offset
    try:
        for item in _expand(query, items):
            order = item if item_is_resolved(item) else item.resolve_expression(query, allow_joins=True, reuse=None)
            if any(order.expression == known for known in seen):
                continue
            seen.append(order.expression)
            resolved.append(order)
    finally:
        query.offset = offset
    return resolved, is_default


def item_is_resolved(item: Any) -> bool:
    """Whether an order came out of a name, whose column is bound already."""
    return bool(item.__dict__.get("is_bound"))


def _expand(query: Any, items: Any) -> Iterator[Any]:
    standard = query.standard_ordering
    for item in items:
        if hasattr(item, "resolve_expression"):
            order = item.copy() if isinstance(item, OrderBy) else item.asc()
            if isinstance(order.expression, Value):
                # A literal would be read as the position of a column.
                order.expression = _opaque(order.expression)
            yield order if standard else order.reverse_ordering()
            continue
        if item == "?":
            yield OrderBy(random_function())
            continue
        name, descending = direction(item, standard=standard)
        if query.combinator and name not in query.annotation_select:
            # each part has its own of that name
            yield OrderBy(F(name), descending=descending)
            continue
        if name in query.annotations:
            annotation = query.annotations[name]
            selected = name in query.annotation_select
            yield _bound(Ref(name, annotation) if selected else annotation, descending=descending)
            continue
        if "." in name and query.extra_order_by:
            table, column = name.split(".", 1)
            yield OrderBy(_qualified(query, table, column), descending=descending)
            continue
        if LOOKUP_SEP in name and name.split(LOOKUP_SEP)[0] in query.annotations:
            yield _bound(query.resolve_ref(name), descending=descending)
            continue
        if query.select_names is not None and name in query.select_names:
            yield from _column_orders(query, _joined(query, name, query.get_meta(), None), descending=descending)
            continue
        yield from by_name(query, name, query.get_meta(), None, descending=descending, seen=frozenset())


def _qualified(query: Any, table: str, column: str) -> Any:
    """`table.column` of `extra(order_by=…)`: a table of the query by its name."""
    names = [table, column]
    if not all(name.isidentifier() for name in names):
        raise FieldError(f"{table}.{column} is no table and column that extra(order_by=...) can name.")
    del query
    return RawSQL(".".join(names), ())


def _opaque(value: Any) -> Any:
    return cast_function(value)


def random_function() -> Any:
    """RANDOM() as the database spells it."""
    from covet.database.orm.functions.math import Random  # noqa: PLC0415 - functions import expressions, which ordering serves

    return Random()


def cast_function(value: Any) -> Any:
    """CAST(value AS its type)."""
    from covet.database.orm.functions.comparison import Cast  # noqa: PLC0415 - see random_function

    return Cast(value, value.output_field)


def direction(name: str, *, standard: bool = True, descending: bool = False) -> tuple[str, bool]:
    """(bare name, descending) of `-name`."""
    turned = name.startswith("-")
    return name.lstrip("+-") if name[:1] in "+-" else name, (turned ^ descending) if standard else not (
        turned ^ descending
    )


def by_name(
    query: Any, name: str, opts: Any, alias: str | None, *, descending: bool, seen: frozenset[Any], prefix: str = ""
) -> Iterator[Any]:
    """The orders a field name stands for; a relation's name means its model's default order."""
    pieces = name.split(LOOKUP_SEP)
    info = _joined(query, name, opts, alias)
    final = info.final_field
    is_relation = getattr(final, "is_relation", False)
    if (
        is_relation
        and info.opts.ordering
        and getattr(final, "attname", None) != pieces[-1]
        and pieces[-1] != "pk"
        and not _has_transforms(info)
    ):
        path = tuple(query.alias_map[joined].table_name for joined in info.joins)
        if path in seen:
            raise FieldError("Infinite loop caused by ordering.")
        for item in info.opts.ordering:
            if hasattr(item, "resolve_expression"):
                order = item.copy() if isinstance(item, OrderBy) else item.asc()
                order = order.prefix_references(f"{prefix}{name}{LOOKUP_SEP}")
                yield order.reverse_ordering() if descending else order
                continue
            inner, turned = direction(item)
            yield from by_name(
                query,
                inner,
                info.opts,
                info.joins[-1],
                descending=turned ^ descending,
                seen=seen | {path},
                prefix=f"{prefix}{name}{LOOKUP_SEP}",
            )
        return
    yield from _column_orders(query, info, descending=descending)


def _joined(query: Any, name: str, opts: Any, alias: str | None) -> Any:
    return query.setup_joins(name.split(LOOKUP_SEP), opts, alias or query.get_initial_alias())


def _column_orders(query: Any, info: Any, *, descending: bool) -> Iterator[Any]:
    """The order by the column that a name leads to: a relation's key, where the key is what was selected."""
    targets, alias, _ = query.trim_joins(info.targets, info.joins, info.path)
    for target in targets:
        yield _bound(info.transform(query, target, alias), descending=descending)


def _has_transforms(info: Any) -> bool:
    return hasattr(info.transform, "func")


def _bound(expression: Any, *, descending: bool) -> Any:
    order = OrderBy(expression, descending=descending)
    order.__dict__["is_bound"] = True
    return order
