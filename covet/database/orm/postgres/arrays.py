"""Lookups and transforms of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from covet.database.orm.expressions.outputs import OutputField
from covet.database.orm.expressions.values import Value
from covet.database.orm.lookups.base import PostgresOperatorLookup, Transform, known_value
from covet.database.orm.lookups.comparison import Exact, In
from covet.database.orm.lookups.registry import builtin
from covet.database.orm.postgres.lookups import ContainedBy, DataContains, Overlap
from covet.database.orm.shape import ListParam, Param

SQL = tuple[str, Sequence[Any]]


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
