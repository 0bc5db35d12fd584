"""Conditions that a relation puts on the other model's rows, for one instance or for many."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from covet.database.orm.compiler.ops import Limits, Offset, ReusingFilter
from covet.database.orm.expressions.window import Window
from covet.database.orm.functions.window import RowNumber
from covet.database.orm.query import Q
from covet.database.orm.shape import freeze, shape_of

ROW_NUMBER = "_covet_row_number"


def forward_filter(field: Any, instance: Any) -> dict[str, Any]:
    """What finds the rows of `field.model` that refer to `instance` by `field`."""
    return {f"{field.name}__{there.name}": getattr(instance, there.attname) for _, there in field.related_fields}


def reverse_filter(field: Any, instance: Any) -> Q:
    """What finds the row that `instance` refers to by `field`."""
    condition = Q.create([(there.attname, getattr(instance, here.attname)) for here, there in field.related_fields])
    further = field.get_extra_descriptor_filter(instance)
    if isinstance(further, dict):
        return condition & Q(**further) if further else condition
    return condition & further if further else condition


def for_instances(queryset: Any, field_name: str, instances: Sequence[Any]) -> Any:
    """`queryset` for those related to any of `instances` (or of their keys); a slice of it is taken for each apart."""
    if not queryset._facts.sliced:
        return _reusing(queryset, field_name, instances)
    query = queryset.query
    low, high = query.low_mark, query.high_mark
    rows = _reusing(unsliced(queryset), field_name, instances)
    number = Window(RowNumber(), partition_by=field_name, order_by=_ordering(queryset, query) or ["pk"])
    bounds = {f"{ROW_NUMBER}__gt": low}
    if high is not None:
        bounds[f"{ROW_NUMBER}__lte"] = high
    return rows.alias(**{ROW_NUMBER: number}).filter(**bounds)


def _reusing(queryset: Any, field_name: str, instances: Sequence[Any]) -> Any:
    """A filter that shares the joins of conditions before it, lest a relation be crossed twice."""
    name = f"{field_name}__in"
    listed = list(instances)

    def describe(values: list[Any]) -> Hashable:
        return name, shape_of(listed, values)

    def make(out: list[Any]) -> Any:
        condition = Q()
        condition.children = [(name, freeze(listed, out))]
        return ReusingFilter(condition)

    return queryset._shaped("for instances", describe, make)  # noqa: SLF001 - an operation of ours on the floor below


def _ordering(queryset: Any, query: Any) -> list[Any]:
    """The order in which a slice was taken."""
    given = query.order_by or (queryset.model._meta.ordering if query.default_ordering else ())
    return list(given) if query.standard_ordering else [_reversed(item) for item in given]


def _reversed(item: Any) -> Any:
    if isinstance(item, str):
        return item[1:] if item.startswith("-") else f"-{item}"
    ordered = (item if hasattr(item, "descending") else item.asc()).copy()
    ordered.reverse_ordering()
    return ordered


def unsliced(queryset: Any) -> Any:
    """The same query with all of its rows."""
    rows = queryset._chain()
    chain, values = rows._node.chain(), rows._values
    rows._node, rows._values = rows._node.root, ()
    for node in chain:
        if not isinstance(node.operation, (Limits, Offset)):
            rows = rows._step(None, values[node.start : node.end], lambda _, node=node: node.operation)  # noqa: SLF001
    return rows
