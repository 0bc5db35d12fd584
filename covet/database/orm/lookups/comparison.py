"""Comparisons: equality, order, membership, ranges, NULL."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any, ClassVar

from covet.database.orm.expressions.func import ExpressionList
from covet.database.orm.expressions.identity import per_class
from covet.database.orm.expressions.operators import integer_range
from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.expressions.values import Value
from covet.database.orm.lookups.base import (
    BuiltinLookup,
    FieldGetDbPrepValueIterableMixin,
    FieldGetDbPrepValueMixin,
    Lookup,
    bind_field,
    inspects_values,
    is_query,
    known_value,
)
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.shape import UNCHANGED, Const, EmptyResult, FullResult, ListParam, Param, is_slot
from covet.exceptions import EmptyResultSet, FullResultSet


def _width(lhs: Any) -> int:
    return len(lhs) if isinstance(lhs, (ColPairs, tuple)) else 1


def select_key(query: Any) -> None:
    """Make a subquery that selects nothing in particular select its model's key."""
    if not query.has_select_fields:
        query.clear_select_clause()
        query.add_fields(["pk"])


def _check_width(query: Any, lhs: Any, lookup: str) -> None:
    wanted = _width(lhs)
    selected = getattr(query, "_subquery_fields_len", None)
    if selected is not None and selected != wanted:
        raise ValueError(
            f"The QuerySet value for {lookup} lookup must have {wanted} selected fields (received {selected})"
        )


@builtin("Field")
class Exact(FieldGetDbPrepValueMixin, BuiltinLookup):
    """Equal; a boolean column stands for itself."""

    lookup_name = "exact"

    def get_prep_lookup(self) -> Any:
        query = self.rhs
        if is_query(query):
            if not query.has_limit_one():
                raise ValueError("The QuerySet value for an exact lookup must be limited to one result using slicing.")
            _check_width(query, self.lhs, "the exact")
            select_key(query)
        return super().get_prep_lookup()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        value = self.rhs.value if isinstance(self.rhs, Const) else self.rhs
        # MySQL uses an index on a boolean column only where it is compared to a value.
        is_compared = compiler.vendor == "mysql" and not hasattr(self.lhs, "lookup_name")
        is_column = is_compared and not getattr(self.lhs, "contains_subquery", False)
        conditional = getattr(self.lhs, "conditional", False) and not is_column
        if isinstance(value, bool) and conditional and not self.bilateral_transforms:
            text, params = self.process_lhs(compiler, connection)
            return (text if value else f"NOT {text}"), params
        if (
            isinstance(self.rhs, Param)
            and may_prepare_none(type(self.lhs.output_field))
            and not self.can_use_none_as_rhs
        ):
            left, params = self.process_lhs(compiler, connection)
            right = compiler.bind(self.rhs, bind_field(self.lhs.output_field))
            # The field may turn a value into None, which is known only when the query runs.
            return f"({left} = {right} OR ({right} IS NULL AND {left} IS NULL))", params
        return super().as_sql(compiler, connection)


@per_class
def may_prepare_none(field_class: Any) -> bool:
    """Whether a field class written elsewhere prepares values its own way."""
    prepare = getattr(field_class, "get_prep_value", None)
    return not getattr(prepare, "__module__", "covet.").startswith("covet.")


@builtin("Field")
class GreaterThan(FieldGetDbPrepValueMixin, BuiltinLookup):
    """Greater."""

    lookup_name = "gt"


@builtin("Field")
class GreaterThanOrEqual(FieldGetDbPrepValueMixin, BuiltinLookup):
    """Greater or equal."""

    lookup_name = "gte"


@builtin("Field")
class LessThan(FieldGetDbPrepValueMixin, BuiltinLookup):
    """Less."""

    lookup_name = "lt"


@builtin("Field")
class LessThanOrEqual(FieldGetDbPrepValueMixin, BuiltinLookup):
    """Less or equal."""

    lookup_name = "lte"


class WithinRange:
    """Says at bind time that an integer is beyond what the column can hold; None for what takes its nearest value."""

    __slots__ = ("high", "low", "overflow", "underflow")

    def __init__(
        self, bounds: tuple[int, int], underflow: type[Exception] | None, overflow: type[Exception] | None
    ) -> None:
        self.low, self.high = bounds
        self.underflow = underflow
        self.overflow = overflow

    def __call__(self, value: Any) -> Any:
        if isinstance(value, int):
            if value < self.low:
                return self._beyond(self.underflow, self.low)
            if value > self.high:
                return self._beyond(self.overflow, self.high)
        return value

    def _beyond(self, error: type[Exception] | None, nearest: int) -> int:
        if error is not None:
            raise error
        return nearest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WithinRange) and (self.low, self.high, self.underflow, self.overflow) == (
            other.low,
            other.high,
            other.underflow,
            other.overflow,
        )

    def __hash__(self) -> int:
        return hash((self.low, self.high, self.underflow, self.overflow))


def held_integers(lhs: Any, connection: Any) -> tuple[int, int] | None:
    """The least and the greatest integer of the column; None where it holds others, or any."""
    field = lhs.output_field
    while (target := bind_field(field)) is not field:
        field = target  # a relation may point to a key that is a relation itself
    return integer_range(connection.vendor, field.get_internal_type())


class IntegerFieldOverflow(Lookup):
    """Compares an integer column with an integer of any size."""

    underflow: ClassVar[type[Exception] | None] = EmptyResult
    overflow: ClassVar[type[Exception] | None] = EmptyResult

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        bounds = held_integers(self.lhs, connection)
        if bounds is not None and self.rhs_is_direct_value() and not self.bilateral_transforms:
            check = WithinRange(bounds, self.underflow, self.overflow)
            if not isinstance(self.rhs, Param):
                try:
                    check(self.rhs.value if isinstance(self.rhs, Const) else self.rhs)
                except EmptyResult:
                    raise EmptyResultSet from None
                except FullResult:
                    raise FullResultSet from None
            elif check not in self.rhs.preps:
                checked = self.copy()
                checked.rhs = self.rhs.prep(check)
                return checked.process_rhs(compiler, connection)
        return super().process_rhs(compiler, connection)


def _round_up(value: Any) -> Any:
    return math.ceil(value) if isinstance(value, float) else value


UNCHANGED[_round_up] = int


class IntegerFieldFloatRounding(Lookup):
    """Compares an integer column with a float, whose fraction counts."""

    def get_prep_lookup(self) -> Any:
        if is_slot(self.rhs):
            self.rhs = self.rhs.prep(_round_up)
        else:
            self.rhs = _round_up(self.rhs)
        return super().get_prep_lookup()


@builtin("IntegerField")
class IntegerFieldExact(IntegerFieldOverflow, Exact):
    """Equal; beyond the column's range nothing is."""


@builtin("IntegerField")
class IntegerGreaterThan(IntegerFieldOverflow, GreaterThan):
    """Greater; every value is greater than what lies below the column's range."""

    underflow = FullResult


@builtin("IntegerField")
class IntegerGreaterThanOrEqual(IntegerFieldOverflow, IntegerFieldFloatRounding, GreaterThanOrEqual):
    """Greater or equal."""

    underflow = FullResult


@builtin("IntegerField")
class IntegerLessThan(IntegerFieldOverflow, IntegerFieldFloatRounding, LessThan):
    """Less; every value is less than what lies above the column's range."""

    overflow = FullResult


@builtin("IntegerField")
class IntegerLessThanOrEqual(IntegerFieldOverflow, LessThanOrEqual):
    """Less or equal."""

    overflow = FullResult


def _without_none(values: Any) -> list[Any]:
    """The values that something can equal, each once.

    Raises:
        EmptyResult: none is left.
    """
    kept: list[Any] = [value for value in values if value is not None]
    with contextlib.suppress(TypeError):  # an unhashable value: duplicates only cost time
        kept = list(dict.fromkeys(kept))
    if not kept:
        raise EmptyResult
    return kept


@builtin("Field")
class In(FieldGetDbPrepValueIterableMixin, BuiltinLookup):
    """One of a list, or of a subquery's rows; NULL in the list matches nothing."""

    lookup_name = "in"

    def get_prep_lookup(self) -> Any:
        query = self.rhs
        if is_query(query):
            _check_width(query, self.lhs, "the 'in'")
            query.clear_ordering(clear_default=True)
            select_key(query)
        return super().get_prep_lookup()

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        rhs = self.rhs
        if is_query(rhs):
            if getattr(rhs, "using", None) not in (None, connection.alias):
                raise ValueError(
                    "Subqueries aren't allowed across different databases. Force the inner query to be evaluated "
                    "using `list(inner_query)`."
                )
            return f"({compiler.token(compiler.real.subselect(rhs))})", []
        if isinstance(rhs, ExpressionList):
            return f"({', '.join(self._item(compiler, connection, item) for item in rhs.get_source_expressions())})", []
        if not self.rhs_is_direct_value():
            return super().process_rhs(compiler, connection)
        if isinstance(rhs, (Const, list, tuple)):
            return self._constant_items(compiler, connection, rhs.value if isinstance(rhs, Const) else rhs)
        field = bind_field(self.lhs.output_field)
        # SQLite takes lists as JSON, which has no bytes.
        no_list = connection.vendor == "sqlite" and field.get_internal_type() == "BinaryField"
        if self.bilateral_transforms or no_list or inspects_values(type(self)):
            return self._constant_items(compiler, connection, known_value(compiler, rhs))
        slot = ListParam(rhs.index, rhs.preps, absolute=rhs.absolute) if not isinstance(rhs, ListParam) else rhs
        return compiler.bind_list(slot.prep(_without_none), field), []

    def _constant_items(self, compiler: Any, connection: Any, values: Any) -> tuple[str, list[Any]]:
        try:
            kept = _without_none(values)
        except EmptyResult:
            raise EmptyResultSet from None
        return f"({', '.join(self._item(compiler, connection, value) for value in kept)})", []

    def _item(self, compiler: Any, connection: Any, item: Any) -> str:
        del connection
        value = item if hasattr(item, "resolve_expression") else Value(item, self.lhs.output_field)
        if self.bilateral_transforms:
            value = self.apply_bilateral_transforms(value)
        text: str = compiler.compile(value.resolve_expression(compiler.query))[0]
        return text

    def get_rhs_op(self, connection: Any, rhs: Any) -> str:
        listed = isinstance(self.rhs, Param) and not self.bilateral_transforms and not inspects_values(type(self))
        if connection.vendor == "postgresql" and listed:
            return f"= {rhs}"
        return f"IN {rhs}"


@builtin("Field")
class Range(FieldGetDbPrepValueIterableMixin, BuiltinLookup):
    """Between two values, both included."""

    lookup_name = "range"

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        rhs = self.rhs
        if isinstance(rhs, ListParam):
            bounds: list[Any] = [rhs.item(0), rhs.item(1)]
        elif isinstance(rhs, Param):
            listed = ListParam(rhs.index, rhs.preps, absolute=rhs.absolute)
            bounds = [listed.item(0), listed.item(1)]
        elif isinstance(rhs, ExpressionList):
            bounds = rhs.get_source_expressions()
        else:
            bounds = list(rhs.value if isinstance(rhs, Const) else rhs)
        held = held_integers(self.lhs, connection)
        if held is not None and isinstance(rhs, Param):
            # What the driver can send: a number below zero is one also where the column has none.
            held = min(held[0], -held[1] - 1), held[1]
            bounds[0] = bounds[0].prep(WithinRange(held, None, EmptyResult))
            bounds[1] = bounds[1].prep(WithinRange(held, EmptyResult, None))
        return [self._bound(compiler, bound) for bound in bounds], []

    def _bound(self, compiler: Any, bound: Any) -> str:
        field = bind_field(self.lhs.output_field)
        if not hasattr(bound, "resolve_expression"):
            if not self.bilateral_transforms:
                slot = bound if is_slot(bound) else Const(bound)
                return "NULL" if isinstance(slot, Const) and slot.value is None else compiler.bind(slot, field)
            bound = Value(bound, self.lhs.output_field)
        if self.bilateral_transforms:
            bound = self.apply_bilateral_transforms(bound)
        text: str = compiler.compile(bound.resolve_expression(compiler.query))[0]
        return text

    def get_rhs_op(self, connection: Any, rhs: Any) -> str:
        return f"BETWEEN {rhs[0]} AND {rhs[1]}"


@builtin("Field")
class IsNull(BuiltinLookup):
    """NULL, or not."""

    lookup_name = "isnull"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        wanted = self.rhs.value if isinstance(self.rhs, Const) else self.rhs
        if not isinstance(wanted, bool):
            raise ValueError("The QuerySet value for an isnull lookup must be True or False.")
        if isinstance(self.lhs, Value):
            value = self.lhs.value
            is_null = value is None or (isinstance(value, Const) and value.value is None)
            raise FullResultSet if is_null is wanted else EmptyResultSet
        text, params = self.process_lhs(compiler, connection)
        return f"{text} IS {'' if wanted else 'NOT '}NULL", params
