"""Lookups on several columns at once: composite primary keys, and relations over more than one column.

`RelatedExact` and its siblings hand over to these when their left side is a `ColPairs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import sqlalchemy as sa

from covet.database.orm.expressions.refs import Col, ColPairs, ResolvedOuterRef
from covet.database.orm.lookups.base import Lookup, is_query
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.shape import Const, Param, Unplannable, is_slot
from covet.exceptions import EmptyResultSet


class KeyPart:
    """Takes one column's value out of a key, prepared by that column's field."""

    __slots__ = ("lhs", "name", "position")

    def __init__(self, lhs: ColPairs, name: str, position: int) -> None:
        self.lhs = lhs
        self.name = name
        self.position = position

    def __call__(self, value: Any) -> Any:
        return key_values(value, self.lhs, self.name)[self.position]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeyPart) and (self._identity == other._identity)

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        return id(self.lhs.output_field), self.name, self.position


def key_values(value: Any, lhs: ColPairs, name: str) -> tuple[Any, ...]:
    """The values that `value` (a tuple, or an instance of a relation's model) has for the columns of `lhs`.

    Raises:
        ValueError: it is neither, or has another number of elements.
    """
    field: Any = lhs.output_field
    if hasattr(value, "_meta") and hasattr(field, "path_infos"):
        sources = [
            part for source in field.path_infos[-1].target_fields for part in getattr(source, "fields", (source,))
        ]
        value = tuple(_attribute(value, source) for source in sources)
    elif hasattr(field, "path_infos") and not isinstance(value, (list, tuple)):
        value = (value,)
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{name!r} lookup of {field.name!r} must be a tuple or a list")
    if len(value) != len(lhs):
        raise ValueError(f"{name!r} lookup of {field.name!r} must have {len(lhs)} elements")
    return tuple(
        None if part is None else target.get_prep_value(part) for target, part in zip(lhs.targets, value, strict=True)
    )


def _attribute(instance: Any, source: Any) -> Any:
    while not isinstance(instance, source.model) and source.remote_field:
        source = source.remote_field.model._meta.get_field(source.remote_field.field_name)
    return getattr(instance, source.attname)


class TupleLookup(Lookup):
    """A comparison of several columns with a key, a subquery's row or the columns of another key."""

    prepare_rhs = False
    lhs: ColPairs

    def get_prep_lookup(self) -> Any:
        """The right side as it is: each column's field prepares its own part."""
        rhs = self.rhs
        inner = getattr(rhs, "query", None)
        if inner is not None and is_query(inner):
            # Subquery(...) written out
            rhs = inner
        if is_query(rhs) and not rhs.has_select_fields:
            rhs.set_values(_key_names(rhs.model))
        return rhs

    def columns(self, compiler: Any) -> list[Any]:
        """The elements of the left side."""
        return [compiler.process(column) for column in self.lhs.get_cols()]

    def parts(self, compiler: Any, rhs: Any) -> list[Any]:
        """The elements of one key on the right side."""
        targets = self.lhs.targets
        if isinstance(rhs, Param):
            return [
                compiler.bind(
                    Param(
                        rhs.index,
                        (*rhs.preps, KeyPart(self.lhs, self.lookup_name, position)),
                        absolute=rhs.absolute,
                    ),
                    target,
                )
                for position, target in enumerate(targets)
            ]
        if isinstance(rhs, ColPairs):
            return [compiler.process(column) for column in rhs.get_cols()]
        if isinstance(rhs, ResolvedOuterRef):
            raise ValueError("This queryset contains a reference to an outer query and may only be used in a subquery.")
        if isinstance(rhs, Col):
            raise ValueError("Composite field lookups only work with composite expressions.")
        if hasattr(rhs, "resolve_expression"):
            raise ValueError(
                f"{self.lookup_name!r} subquery lookup of {self.lhs.output_field.name!r} only supports OuterRef and "
                f"QuerySet objects (received {type(rhs).__name__!r})"
            )
        values = rhs.value if isinstance(rhs, Const) else rhs
        if not any(is_slot(part) or hasattr(part, "resolve_expression") for part in _iterable(values)):
            values = key_values(values, self.lhs, self.lookup_name)
        return [self._part(compiler, part, target) for part, target in zip(values, targets, strict=True)]

    def _part(self, compiler: Any, part: Any, target: Any) -> Any:
        if hasattr(part, "resolve_expression"):
            return compiler.process(part)
        return compiler.bind(part.prep(target.get_prep_value) if is_slot(part) else Const(part), target)

    def selected(self, compiler: Any, query: Any) -> Any:
        """The subquery on the right side.

        Raises:
            ValueError: it selects another number of columns.
        """
        count = query._subquery_fields_len  # noqa: SLF001 - Django's name for how many columns a query selects
        if count != len(self.lhs):
            raise ValueError(
                f"The QuerySet value for the {self.lookup_name} lookup must have {len(self.lhs)} selected fields "
                f"(received {count})"
            )
        return compiler.subselect(query)


def _iterable(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _key_names(model: Any) -> tuple[str, ...]:
    key = model._meta.pk
    return tuple(field.name for field in getattr(key, "fields", (key,)))


@builtin("CompositePrimaryKey")
class TupleExact(TupleLookup):
    """Every column is equal."""

    lookup_name = "exact"

    def as_clause(self, compiler: Any) -> Any:
        columns = self.columns(compiler)
        if is_query(self.rhs):
            return sa.tuple_(*columns) == self.selected(compiler, self.rhs).scalar_subquery()
        return _all_equal(columns, self.parts(compiler, self.rhs))


def _all_equal(columns: Sequence[Any], parts: Sequence[Any]) -> Any:
    return sa.and_(*(column == part for column, part in zip(columns, parts, strict=True))).self_group()


class TupleOrder(TupleLookup):
    """An order of keys: the first column in which they differ decides."""

    strict: ClassVar[str]
    last: ClassVar[str]

    def as_clause(self, compiler: Any) -> Any:
        if is_query(self.rhs):
            raise ValueError(f"{self.lookup_name!r} doesn't support multi-column subqueries.")
        pairs = list(zip(self.columns(compiler), self.parts(compiler, self.rhs), strict=True))
        column, part = pairs.pop()
        clause = column.op(self.last, is_comparison=True)(part)
        for column, part in reversed(pairs):
            differs = column.op(self.strict, is_comparison=True)(part)
            clause = sa.or_(differs, sa.and_(column == part, clause))
        return clause.self_group()


@builtin("CompositePrimaryKey")
class TupleGreaterThan(TupleOrder):
    """A key after this one."""

    lookup_name = "gt"
    strict = last = ">"


@builtin("CompositePrimaryKey")
class TupleGreaterThanOrEqual(TupleOrder):
    """This key or one after it."""

    lookup_name = "gte"
    strict, last = ">", ">="


@builtin("CompositePrimaryKey")
class TupleLessThan(TupleOrder):
    """A key before this one."""

    lookup_name = "lt"
    strict = last = "<"


@builtin("CompositePrimaryKey")
class TupleLessThanOrEqual(TupleOrder):
    """This key or one before it."""

    lookup_name = "lte"
    strict, last = "<", "<="


@builtin("CompositePrimaryKey")
class TupleIn(TupleLookup):
    """One of a list of keys, or of a subquery's rows."""

    lookup_name = "in"

    def as_clause(self, compiler: Any) -> Any:
        columns = self.columns(compiler)
        if is_query(self.rhs):
            return sa.tuple_(*columns).in_(self.selected(compiler, self.rhs))
        keys = [self.parts(compiler, key) for key in self._keys(compiler) if not _has_none(key)]
        if not keys:
            raise EmptyResultSet
        return sa.or_(*(_all_equal(columns, key) for key in keys)).self_group()

    def _keys(self, compiler: Any) -> list[Any]:
        """The keys; how many there are decides the SQL, so that it is made anew for every list."""
        rhs = self.rhs
        if isinstance(rhs, Const):
            rhs = rhs.value
        elif isinstance(rhs, Param):
            if compiler.values is None:
                raise Unplannable
            rhs = rhs.bind(compiler.values[rhs.index])
        if not isinstance(rhs, (list, tuple, set, frozenset)):
            raise ValueError(f"'in' lookup of {self.lhs.output_field.name!r} must be a tuple or a list")
        keys = [key.value if isinstance(key, Const) else key for key in rhs]
        name = self.lhs.output_field.name
        for key in keys:
            if hasattr(key, "_meta"):
                continue
            is_relation = hasattr(self.lhs.output_field, "path_infos")
            if not isinstance(key, (list, tuple)) and not is_relation:
                raise ValueError(f"'in' lookup of {name!r} must be a collection of tuples or lists")
            if not isinstance(key, (list, tuple)) or len(key) != len(self.lhs):
                raise ValueError(f"'in' lookup of {name!r} must have {len(self.lhs)} elements each")
        return keys


def _has_none(key: Any) -> bool:
    return any(part is None for part in _iterable(key))


@builtin("CompositePrimaryKey")
class TupleIsNull(TupleLookup):
    """Any column is NULL, or none is."""

    lookup_name = "isnull"

    def as_clause(self, compiler: Any) -> Any:
        wanted = self.rhs.value if isinstance(self.rhs, Const) else self.rhs
        if not isinstance(wanted, bool):
            raise ValueError("The QuerySet value for an isnull lookup must be True or False.")
        columns = self.columns(compiler)
        if wanted:
            return sa.or_(*(column.is_(None) for column in columns)).self_group()
        return sa.and_(*(column.is_not(None) for column in columns)).self_group()


TUPLE_LOOKUPS = {
    lookup.lookup_name: lookup
    for lookup in (
        TupleExact,
        TupleGreaterThan,
        TupleGreaterThanOrEqual,
        TupleLessThan,
        TupleLessThanOrEqual,
        TupleIn,
        TupleIsNull,
    )
}
