"""The base of every expression: resolution, output fields, identity, shape and emission.

The compiler and every other expression module use it; it never names a field class or a query class.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Hashable, Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, Self

from sqlalchemy.sql.elements import ColumnElement

from covet.database.orm.expressions.combinable import Combinable
from covet.database.orm.expressions.fragments import Assembly
from covet.database.orm.expressions.identity import (
    ExpressionType,
    cached_names,
    field_key,
    identity_of,
    per_class,
)
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.outputs import is_a
from covet.database.orm.shape import Unplannable, freeze_structure, structure_of
from covet.exceptions import FieldError

_FROM_SOURCES: Final = ("contains_aggregate", "contains_over_clause", "contains_column_references", "contains_subquery")


class OutputFieldIsNoneError(FieldError):
    """An expression's type is neither stated nor to be inferred."""


class BaseExpression(metaclass=ExpressionType):
    """What can stand in a query.

    Attributes:
        empty_result_set_value: the value when the source can have no rows; NotImplemented when that
            must be asked of the database.
        filterable: may stand in a WHERE clause.
        window_compatible: may be the source of a `Window`.
        allowed_default: may be a column's `db_default`.
        constraint_validation_compatible: may be evaluated when a constraint is validated.
        set_returning: may return more than one row.
        allows_composite_expressions: accepts a composite primary key as a source.
        plannable: False when compiling looks at bound values, so that no plan can be shared.
    """

    empty_result_set_value: Any = NotImplemented
    is_summary: bool = False
    filterable: bool = True
    window_compatible: bool = False
    allowed_default: bool = False
    constraint_validation_compatible: bool = True
    set_returning: bool = False
    allows_composite_expressions: bool = False
    plannable: ClassVar[bool] = True

    def __init__(self, output_field: Any = None) -> None:
        if output_field is not None:
            self.output_field = output_field

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("convert_value", None)
        return state

    def _shape(self, out: list[Any]) -> Hashable:
        if not self.plannable:
            raise Unplannable
        # It runs on every call of a query, so what is common is told apart first.
        cls = type(self)
        skipped = cached_names(cls)
        key: list[Any] = [cls]
        for name, value in self.__dict__.items():
            kind = type(value)
            if name == "output_field":
                key.append(field_key(value))
            elif name in skipped:
                if value is True:
                    # What is computed says so again; what somebody set, for SQL of his own, does not.
                    key.append(name)
            elif value is None or kind is str:
                key += (name, value)
            elif kind is list:
                key += (name, tuple([structure_of(item, out) for item in value]))
            elif kind is dict and not value:
                key += (name, dict)
            else:
                key += (name, structure_of(value, out))
        return tuple(key)

    def _freeze(self, out: list[Any]) -> Any:
        skipped = cached_names(type(self))
        frozen = object.__new__(type(self))
        state = frozen.__dict__
        # The arguments hold values; without them it is told apart by its structure.
        state["_constructor_args"] = None
        for name, value in self.__dict__.items():
            if name == "output_field":
                state[name] = value
            elif name not in skipped:
                state[name] = freeze_structure(value, out)
            elif value is True:
                state[name] = True
        return frozen

    def get_db_converters(self, connection: Any) -> list[Any]:
        """The functions `(value, expression, connection)` that a fetched value goes through."""
        own = [] if self.convert_value is self._convert_value_noop else [self.convert_value]
        field = self.output_field
        return [*own, *(field.get_db_converters(connection) if hasattr(field, "get_db_converters") else ())]

    def get_source_expressions(self) -> list[Any]:
        """The expressions that this one is made of; None for an absent optional one."""
        return []

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        """Replace what `get_source_expressions` returns."""
        assert not exprs

    def _parse_expressions(self, *expressions: Any) -> list[Any]:
        return [
            arg
            if hasattr(arg, "resolve_expression")
            else late.reference(arg)
            if isinstance(arg, str)
            else late.value(arg)
            for arg in expressions
        ]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        """The SQL text and the parameters of its `%s`.

        A method `as_<vendor>` of the same signature takes precedence on that database.
        `compiler.compile(expression)` gives a child's SQL.
        """
        raise NotImplementedError("Subclasses must implement as_sql()")

    def vendor_sql(self, assembly: Assembly) -> tuple[str, Sequence[Any]]:
        """`as_<vendor>` where it is defined, `as_sql` elsewhere."""
        method: Callable[..., tuple[str, Sequence[Any]]] = getattr(self, f"as_{assembly.vendor}", self.as_sql)
        return method(assembly, assembly.connection)

    def as_clause(self, compiler: Any) -> ColumnElement[Any]:
        """The SQLAlchemy element of this expression."""
        assembly = Assembly(compiler)
        sql, params = self.vendor_sql(assembly)
        field = self._output_field_or_unknown
        return assembly.element(sql, params, field.sa_type() if field is not None else None, field)

    @property
    def _output_field_or_unknown(self) -> Any:
        try:
            return self.output_field
        except (FieldError, AttributeError):
            return None

    def _any_source(self, trait: str) -> bool:
        return any(getattr(source, trait, False) for source in self.get_source_expressions() if source is not None)

    @functools.cached_property
    def contains_aggregate(self) -> bool:
        """Whether an aggregate is part of it."""
        return self._any_source("contains_aggregate")

    @functools.cached_property
    def contains_over_clause(self) -> bool:
        """Whether a window is part of it."""
        return self._any_source("contains_over_clause")

    @functools.cached_property
    def contains_column_references(self) -> bool:
        """Whether a column is part of it."""
        return self._any_source("contains_column_references")

    @functools.cached_property
    def contains_subquery(self) -> bool:
        """Whether a subquery is part of it."""
        return self._any_source("subquery") or self._any_source("contains_subquery")

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        """A copy whose names are bound to the columns and annotations of `query`.

        Args:
            query: what names are looked up in.
            allow_joins: whether names may cross relations.
            reuse: the aliases of multi-valued joins that may be shared.
            summarize: whether this is a final aggregate.
            for_save: whether it becomes the value of a column.
        """
        clone = self.copy()
        clone.is_summary = summarize
        sources = [
            None if source is None else source.resolve_expression(query, allow_joins, reuse, summarize, for_save)
            for source in clone.get_source_expressions()
        ]
        if not self.allows_composite_expressions and any(isinstance(source, late.composite) for source in sources):
            raise ValueError(f"{type(self).__name__} expression does not support composite primary keys.")
        clone.set_source_expressions(sources)
        return clone

    @property
    def conditional(self) -> bool:
        """Whether it is a condition."""
        return is_a(self.output_field, "BooleanField")

    @property
    def field(self) -> Any:
        """The output field."""
        return self.output_field

    @functools.cached_property
    def output_field(self) -> Any:
        """The field whose values this expression has.

        Raises:
            OutputFieldIsNoneError: nothing says which.
            FieldError: the sources disagree.
        """
        field = self._resolve_output_field()
        if field is None:
            raise OutputFieldIsNoneError("Cannot resolve expression type, unknown output_field")
        return field

    @property
    def _output_field_or_none(self) -> Any:
        try:
            return self.output_field
        except OutputFieldIsNoneError:
            return None

    def _resolve_output_field(self) -> Any:
        known = [field for field in self.get_source_fields() if field is not None]
        if not known:
            return None
        first = known[0]
        for other in known[1:]:
            if not isinstance(first, type(other)):
                raise FieldError(
                    f"Expression contains mixed types: {type(first).__name__}, {type(other).__name__}. "
                    "You must set output_field."
                )
        return first

    @staticmethod
    def _convert_value_noop(value: Any, expression: Any, connection: Any) -> Any:
        return value

    @functools.cached_property
    def convert_value(self) -> Callable[[Any, Any, Any], Any]:
        """The converter of fetched values that the output field's type asks for."""
        internal_type = self.output_field.get_internal_type()
        if internal_type == "FloatField":
            kind: Callable[[Any], Any] = float
        elif internal_type.endswith("IntegerField"):
            kind = int
        elif internal_type == "DecimalField":
            kind = Decimal
        else:
            return self._convert_value_noop
        return lambda value, expression, connection: None if value is None else kind(value)

    def get_lookup(self, lookup: str) -> Any:
        """The lookup class of that name for the output field."""
        return self.output_field.get_lookup(lookup)

    def get_transform(self, name: str) -> Any:
        """The transform class of that name for the output field."""
        return self.output_field.get_transform(name)

    def _with_sources(self, change: Callable[[Any], Any]) -> Self:
        clone = self.copy()
        clone.set_source_expressions(
            [None if source is None else change(source) for source in self.get_source_expressions()]
        )
        return clone

    def relabeled_clone(self, change_map: dict[str, str]) -> Any:
        """A copy in which table aliases are renamed."""
        return self._with_sources(lambda source: source.relabeled_clone(change_map))

    def replace_expressions(self, replacements: dict[Any, Any]) -> Any:
        """A copy in which equal expressions are replaced."""
        if not replacements:
            return self
        replacement = replacements.get(self)
        if replacement is not None:
            return replacement
        if not self.get_source_expressions():
            return self
        return self._with_sources(lambda source: source.replace_expressions(replacements))

    def get_refs(self) -> set[str]:
        """The names of the annotations it refers to."""
        names: set[str] = set()
        for source in self.get_source_expressions():
            if source is not None:
                names |= source.get_refs()
        return names

    def copy(self) -> Self:
        """A shallow copy, without what was computed from the sources: they may be replaced in it."""
        clone = copy.copy(self)
        state = clone.__dict__
        for name in _FROM_SOURCES:
            if state.pop(name, None) is True and not getattr(type(self), name).func(self):
                # Nobody computed it: somebody set it, for SQL of his own.
                state[name] = True
        return clone

    def prefix_references(self, prefix: str) -> Any:
        """A copy whose `F` names start with `prefix`."""
        return self._with_sources(
            lambda source: source.prefixed(prefix) if hasattr(source, "prefixed") else source.prefix_references(prefix)
        )

    def get_group_by_cols(self) -> list[Any]:
        """What must be grouped by when this is selected beside an aggregate."""
        if not self.contains_aggregate:
            return [self]
        return [
            column
            for source in self.get_source_expressions()
            if source is not None
            for column in source.get_group_by_cols()
        ]

    def get_source_fields(self) -> list[Any]:
        """The output fields of the sources; None where unknown."""
        return [None if source is None else source._output_field_or_none for source in self.get_source_expressions()]

    def asc(self, **kwargs: Any) -> Any:
        """Ascending order by it; `nulls_first=True` or `nulls_last=True`."""
        return late.order_by(self, **kwargs)

    def desc(self, **kwargs: Any) -> Any:
        """Descending order by it."""
        return late.order_by(self, descending=True, **kwargs)

    def reverse_ordering(self) -> Any:
        """Itself: only an ordering has a reverse."""
        return self

    def flatten(self) -> Iterator[Any]:
        """It and everything it is made of, outermost first."""
        yield self
        for source in self.get_source_expressions():
            if source is None:
                continue
            if hasattr(source, "flatten"):
                yield from source.flatten()
            else:
                yield source

    def select_format(self, compiler: Any, sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """How it is written in a SELECT list; the output field may have its own way."""
        if hasattr(self.output_field, "select_format"):
            return self.output_field.select_format(compiler, sql, params)  # type: ignore[no-any-return]
        return sql, params

    def get_expression_for_validation(self) -> Any:
        """What is evaluated when a constraint is validated."""
        if self.constraint_validation_compatible:
            return self
        sources = self.get_source_expressions()
        if len(sources) != 1:
            raise ValueError(
                "Expressions with constraint_validation_compatible set to False must have only one source expression."
            )
        return sources[0]


class Deconstructible:
    """What can be written down as a call: `deconstruct()` gives path, arguments and keywords.

    The class attribute `public_path` is the import path of classes that live deeper.
    """

    public_path: ClassVar[str | None] = None
    _constructor_args: tuple[tuple[Any, ...], dict[str, Any]] | None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        made._constructor_args = (args, kwargs)
        return made

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """The import path, the arguments and the keywords that make an equal object."""
        cls = type(self)
        path = cls.__dict__.get("public_path")
        args, kwargs = self._constructor_args or ((), {})
        return path or f"{cls.__module__}.{cls.__qualname__}", args, kwargs


@per_class
def _constructor_signature(cls: Any) -> inspect.Signature:
    return inspect.signature(cls.__init__)


class Expression(Deconstructible, BaseExpression, Combinable):
    """An expression that can be an operand and that compares by its structure."""

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes it equal to another expression."""
        made_by = self.__dict__.get("_constructor_args")
        if made_by is None:
            return self._frozen_identity()
        known = self.__dict__.get("_identity")
        if known is None:
            known = self.__dict__["_identity"] = self._given_identity(made_by)
        return known

    def _given_identity(self, made_by: tuple[tuple[Any, ...], dict[str, Any]]) -> tuple[Any, ...]:
        args, kwargs = made_by
        bound = _constructor_signature(type(self)).bind_partial(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = iter(bound.arguments.items())
        next(arguments)
        return (type(self), *((name, identity_of(value)) for name, value in arguments))

    def _frozen_identity(self) -> tuple[Any, ...]:
        skipped = cached_names(type(self))
        return (
            type(self),
            *(
                (name, identity_of(value))
                for name, value in self.__dict__.items()
                if name not in skipped and name not in {"output_field", "is_summary"}
            ),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return other.identity == self.identity

    def __hash__(self) -> int:
        return hash(self.identity)


class SQLiteNumericMixin:
    """Casts decimals to NUMERIC on SQLite, which otherwise compares them as text."""

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The expression's own SQL, cast where its output is a decimal."""
        sql, params = self.as_sql(compiler, connection, **extra_context)  # type: ignore[attr-defined]
        try:
            is_decimal = self.output_field.get_internal_type() == "DecimalField"  # type: ignore[attr-defined]
        except FieldError:
            is_decimal = False
        return (f"(CAST({sql} AS NUMERIC))" if is_decimal else sql), params
