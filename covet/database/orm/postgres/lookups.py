"""PostgreSQL's lookups: arrays, hstore, ranges, unaccent, trigrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from covet.database.orm.expressions.outputs import OutputField, field_class, is_a, output
from covet.database.orm.expressions.values import Value
from covet.database.orm.functions.comparison import Cast
from covet.database.orm.lookups.base import PostgresOperatorLookup, Transform, bind_field, is_query, known_value
from covet.database.orm.lookups.comparison import Exact, In
from covet.database.orm.lookups.json import quoted
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.postgres.functions import ArraySubquery
from covet.database.orm.shape import Const, ListParam, Param, is_slot

SQL = tuple[str, Sequence[Any]]


class DataContains(PostgresOperatorLookup):
    """Contains the other."""

    lookup_name = "contains"
    postgres_operator = "@>"


class ContainedBy(PostgresOperatorLookup):
    """Is contained by the other."""

    lookup_name = "contained_by"
    postgres_operator = "<@"


class Overlap(PostgresOperatorLookup):
    """Has something in common with the other."""

    lookup_name = "overlap"
    postgres_operator = "&&"

    def get_prep_lookup(self) -> Any:
        if is_query(self.rhs):
            self.rhs = ArraySubquery(self.rhs)
        return super().get_prep_lookup()


@builtin("CharField", "TextField")
class Unaccent(Transform):
    """Without accents, on both sides."""

    bilateral = True
    lookup_name = "unaccent"
    function = "UNACCENT"


@builtin("CharField", "TextField")
class TrigramSimilar(PostgresOperatorLookup):
    """Similar, by the threshold that is set."""

    lookup_name = "trigram_similar"
    postgres_operator = "%%"


@builtin("CharField", "TextField")
class TrigramWordSimilar(PostgresOperatorLookup):
    """A part is similar."""

    lookup_name = "trigram_word_similar"
    postgres_operator = "%%>"


@builtin("CharField", "TextField")
class TrigramStrictWordSimilar(PostgresOperatorLookup):
    """A part that begins and ends at words is similar."""

    lookup_name = "trigram_strict_word_similar"
    postgres_operator = "%%>>"


class ArrayOf(Transform):
    """An ARRAY of expressions."""

    arity: ClassVar[int | None] = None
    function = "ARRAY"
    template = "%(function)s[%(expressions)s]"


class ArrayLookup(PostgresOperatorLookup):
    """A comparison of whole arrays; a list with expressions in it becomes an ARRAY of them."""

    def get_prep_lookup(self) -> Any:
        rhs = self.rhs
        if isinstance(rhs, ListParam):
            self.rhs = rhs.whole()
        elif isinstance(rhs, (list, tuple)) and any(hasattr(item, "resolve_expression") for item in rhs):
            field = self.lhs.output_field.base_field
            return ArrayOf(*(item if hasattr(item, "resolve_expression") else Value(item, field) for item in rhs))
        return super().get_prep_lookup()

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        text, params = super().process_rhs(compiler, connection)
        return f"{text}::{self.lhs.output_field.cast_db_type(connection)}", params


@builtin("ArrayField")
class ArrayContains(ArrayLookup, DataContains):
    """Contains every item of the other."""


@builtin("ArrayField")
class ArrayContainedBy(ArrayLookup, ContainedBy):
    """Every item is in the other."""


@builtin("ArrayField")
class ArrayOverlap(ArrayLookup, Overlap):
    """An item is in the other."""


@builtin("ArrayField")
class ArrayExact(ArrayLookup, Exact):
    """The same items in the same order."""

    postgres_operator = "="


@builtin("ArrayField")
class ArrayInLookup(In):
    """One of several arrays."""

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        rhs = self.rhs
        if not isinstance(rhs, Param):
            return super().process_rhs(compiler, connection)
        # A list of arrays of any lengths is no array: each is compared by itself.
        return self._constant_items(compiler, connection, [tuple(item) for item in known_value(compiler, rhs)])

    def get_rhs_op(self, connection: Any, rhs: Any) -> str:
        del connection
        return f"IN {rhs}"


@builtin("ArrayField")
class ArrayLenTransform(Transform):
    """How many items there are; of an empty array 0."""

    lookup_name = "len"
    output_field = OutputField("IntegerField")

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        return f"CASE WHEN {text} IS NULL THEN NULL ELSE coalesce(array_length({text}, 1), 0) END", params


class IndexTransform(Transform):
    """One item of an array, counted from 1."""

    def __init__(self, index: int, base_field: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.index = index
        self.base_field = base_field

    def _resolve_output_field(self) -> Any:
        return self.base_field

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        if isinstance(self.lhs, IndexTransform):
            return f"{text}[{int(self.index)}]", params
        return f"({text})[{int(self.index)}]", params


class IndexTransformFactory:
    """Makes the transform of one position."""

    def __init__(self, index: int, base_field: Any) -> None:
        self.index = index
        self.base_field = base_field

    def __call__(self, *args: Any, **kwargs: Any) -> IndexTransform:
        return IndexTransform(self.index, self.base_field, *args, **kwargs)


class SliceTransform(Transform):
    """Some items of an array, from `start` (counted from 1) to `end`, that included."""

    def __init__(self, start: int, end: int | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.start = start
        self.end = end

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        return f"({text})[{int(self.start)}:{'' if self.end is None else int(self.end)}]", params


class SliceTransformFactory:
    """Makes the transform of one slice."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def __call__(self, *args: Any, **kwargs: Any) -> SliceTransform:
        return SliceTransform(self.start, self.end, *args, **kwargs)


@builtin("HStoreField")
class HStoreContains(DataContains):
    """Has these keys with these values."""


@builtin("HStoreField")
class HStoreContainedBy(ContainedBy):
    """Has no other keys and values."""


class _HStoreKeys(PostgresOperatorLookup):
    prepare_rhs = False

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if not self.rhs_is_direct_value():
            return super().process_rhs(compiler, connection)
        slot = self.rhs if is_slot(self.rhs) else Const(self.rhs)
        if isinstance(slot, Param):
            listed = ListParam(slot.index, slot.preps, absolute=slot.absolute).each(str).whole()
            return compiler.bind(listed, postgresql.ARRAY(sa.Text())), []
        return compiler.bind(Const([str(item) for item in slot.value]), postgresql.ARRAY(sa.Text())), []


@builtin("HStoreField")
class HStoreHasKey(PostgresOperatorLookup):
    """Has the key."""

    lookup_name = "has_key"
    postgres_operator = "?"
    prepare_rhs = False

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        if not self.rhs_is_direct_value():
            return super().process_rhs(compiler, connection)
        slot = self.rhs if is_slot(self.rhs) else Const(self.rhs)
        return compiler.bind(slot.prep(str), sa.Text()), []


@builtin("HStoreField")
class HStoreHasKeys(_HStoreKeys):
    """Has all the keys."""

    lookup_name = "has_keys"
    postgres_operator = "?&"


@builtin("HStoreField")
class HStoreHasAnyKeys(_HStoreKeys):
    """Has one of the keys."""

    lookup_name = "has_any_keys"
    postgres_operator = "?|"


class KeyTransform(Transform):
    """The value under a key of an hstore."""

    output_field = OutputField("TextField")

    def __init__(self, key_name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key_name = key_name

    def as_sql(self, compiler: Any, connection: Any) -> SQL:  # type: ignore[override]
        text, params = compiler.compile(self.lhs)
        return f"({text} -> {quoted(str(self.key_name))})", params


class KeyTransformFactory:
    """Makes the transform of one key."""

    def __init__(self, key_name: str) -> None:
        self.key_name = key_name

    def __call__(self, *args: Any, **kwargs: Any) -> KeyTransform:
        return KeyTransform(self.key_name, *args, **kwargs)


class _ToTextArray(Transform):
    def _resolve_output_field(self) -> Any:
        return field_class("ArrayField")(output("TextField"))


@builtin("HStoreField")
class KeysTransform(_ToTextArray):
    """The keys."""

    lookup_name = "keys"
    function = "akeys"


@builtin("HStoreField")
class ValuesTransform(_ToTextArray):
    """The values."""

    lookup_name = "values"
    function = "avals"


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
