"""Lookups and transforms of ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from covet.database.orm.expressions.outputs import OutputField, is_a, output
from covet.database.orm.expressions.values import Value
from covet.database.orm.functions.comparison import Cast
from covet.database.orm.lookups.base import PostgresOperatorLookup, Transform, bind_field
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.postgres.lookups import ContainedBy, Overlap
from covet.database.orm.shape import ListParam, Param, is_slot

SQL = tuple[str, Sequence[Any]]


class AsRange:
    """Prepares the other side of a range: a single value is the range of just it."""

    __slots__ = ("field",)

    def __init__(self, field: Any) -> None:
        self.field = field

    def __call__(self, value: Any) -> Any:
        ranged = hasattr(value, "lower") and not isinstance(value, str)
        if value is None or ranged or isinstance(value, (list, tuple)):
            return self._typed(self.field.get_prep_value(value))
        bound = self.field.base_field.get_prep_value(value)
        return self.field.range_type(bound, bound, "[]")

    def _typed(self, value: Any) -> Any:
        """A range given with texts as bounds, with the values that they stand for."""
        if value is None or value.isempty or not (isinstance(value.lower, str) or isinstance(value.upper, str)):
            return value
        prepare = self.field.base_field.get_prep_value
        bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
        return self.field.range_type(prepare(value.lower), prepare(value.upper), bounds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsRange) and self.field is other.field

    def __hash__(self) -> int:
        return hash(id(self.field))


@builtin("RangeField")
class RangeContains(PostgresOperatorLookup):
    """Contains the range or the value."""

    lookup_name = "contains"
    postgres_operator = "@>"

    def get_prep_lookup(self) -> Any:
        rhs = self.rhs
        if isinstance(rhs, ListParam):
            rhs = rhs.whole()
        if is_slot(rhs):
            return rhs.prep(AsRange(self.lhs.output_field))
        if isinstance(rhs, Value) and not is_a(rhs._output_field_or_none, "RangeField"):
            return Cast(rhs, self.lhs.output_field.base_field)
        return rhs


@builtin("DateRangeField", "DateTimeRangeField")
class DateTimeRangeContains(RangeContains):
    """Contains the range or the moment; what is computed as another kind of moment is cast."""

    def get_prep_lookup(self) -> Any:
        return self.rhs if hasattr(self.rhs, "resolve_expression") else super().get_prep_lookup()

    def as_postgresql(self, compiler: Any, connection: Any) -> SQL:
        text, params = super().as_postgresql(compiler, connection)
        field = getattr(self.rhs, "_output_field_or_none", None)
        if field is not None and not is_a(field, "RangeField"):
            text = f"{text}::{self.lhs.output_field.base_field.cast_db_type(connection)}"
        return text, params


@builtin("RangeField")
class RangeContainedByRange(ContainedBy):
    """Is contained by the other range."""


@builtin("RangeField")
class RangeOverlap(Overlap):
    """Has values in common with the other range."""


@builtin("DateField", "DateTimeField", "IntegerField", "FloatField", "DecimalField")
class RangeContainedBy(PostgresOperatorLookup):
    """The value is in the range."""

    lookup_name = "contained_by"
    postgres_operator = "<@"
    type_mapping: ClassVar[dict[str, str]] = {
        "smallint": "int4range",
        "integer": "int4range",
        "bigint": "int8range",
        "double precision": "numrange",
        "numeric": "numrange",
        "date": "daterange",
        "timestamp with time zone": "tstzrange",
    }
    range_fields: ClassVar[dict[str, str]] = {
        "int4range": "IntegerRangeField",
        "int8range": "BigIntegerRangeField",
        "numrange": "DecimalRangeField",
        "daterange": "DateRangeField",
        "tstzrange": "DateTimeRangeField",
    }

    def get_prep_lookup(self) -> Any:
        return self.rhs.whole() if isinstance(self.rhs, ListParam) else self.rhs

    def _range_type(self, connection: Any) -> str:
        name = bind_field(self.lhs.output_field).cast_db_type(connection).split("(")[0]
        return self.type_mapping[name]

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        kind = self._range_type(connection)
        if isinstance(self.rhs, Param):
            field = output(self.range_fields[kind])
            return f"{compiler.bind(self.rhs.prep(AsRange(field)), field)}::{kind}", []
        text, params = super().process_rhs(compiler, connection)
        return f"{text}::{kind}", params

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> tuple[str, list[Any]]:
        text, params = super().process_lhs(compiler, connection, lhs)
        if is_a(self.lhs.output_field, "FloatField"):
            text = f"{text}::numeric"
        elif is_a(self.lhs.output_field, "SmallIntegerField"):
            text = f"{text}::integer"
        return text, params


class _RangeComparison(PostgresOperatorLookup):
    def get_prep_lookup(self) -> Any:
        if isinstance(self.rhs, ListParam):
            self.rhs = self.rhs.whole()
        return super().get_prep_lookup()


@builtin("RangeField")
class FullyLessThan(_RangeComparison):
    """Lies wholly before the other."""

    lookup_name = "fully_lt"
    postgres_operator = "<<"


@builtin("RangeField")
class FullGreaterThan(_RangeComparison):
    """Lies wholly after the other."""

    lookup_name = "fully_gt"
    postgres_operator = ">>"


@builtin("RangeField")
class NotLessThan(_RangeComparison):
    """Has nothing before the other."""

    lookup_name = "not_lt"
    postgres_operator = "&>"


@builtin("RangeField")
class NotGreaterThan(_RangeComparison):
    """Has nothing after the other."""

    lookup_name = "not_gt"
    postgres_operator = "&<"


@builtin("RangeField")
class AdjacentToLookup(_RangeComparison):
    """Touches the other."""

    lookup_name = "adjacent_to"
    postgres_operator = "-|-"


class _Bound(Transform):
    def _resolve_output_field(self) -> Any:
        return self.lhs.output_field.base_field


@builtin("RangeField")
class RangeStartsWith(_Bound):
    """The lower bound."""

    lookup_name = "startswith"
    function = "lower"


@builtin("RangeField")
class RangeEndsWith(_Bound):
    """The upper bound."""

    lookup_name = "endswith"
    function = "upper"


@builtin("RangeField")
class IsEmpty(Transform):
    """Whether it holds nothing."""

    lookup_name = "isempty"
    function = "isempty"
    output_field = OutputField("BooleanField")


@builtin("RangeField")
class LowerInclusive(Transform):
    """Whether the lower bound belongs to it."""

    lookup_name = "lower_inc"
    function = "LOWER_INC"
    output_field = OutputField("BooleanField")


@builtin("RangeField")
class LowerInfinite(Transform):
    """Whether it has no lower bound."""

    lookup_name = "lower_inf"
    function = "LOWER_INF"
    output_field = OutputField("BooleanField")


@builtin("RangeField")
class UpperInclusive(Transform):
    """Whether the upper bound belongs to it."""

    lookup_name = "upper_inc"
    function = "UPPER_INC"
    output_field = OutputField("BooleanField")


@builtin("RangeField")
class UpperInfinite(Transform):
    """Whether it has no upper bound."""

    lookup_name = "upper_inf"
    function = "UPPER_INF"
    output_field = OutputField("BooleanField")
