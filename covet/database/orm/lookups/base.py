"""The bases of lookups and transforms; every comparison in a filter derives from `Lookup`.

A lookup never sees a value: its right side is an expression, or a slot whose value passes through
preparations when the query runs.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from typing import Any, ClassVar

from sqlalchemy.sql.elements import ColumnElement

from covet.database.orm.expressions.base import Expression
from covet.database.orm.expressions.case import ExpressionWrapper, NegatedExpression
from covet.database.orm.expressions.fragments import Assembly
from covet.database.orm.expressions.func import ExpressionList, Func
from covet.database.orm.expressions.identity import identity_of, per_class
from covet.database.orm.expressions.operators import OPERATORS, left_side
from covet.database.orm.expressions.outputs import output
from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.expressions.values import Value
from covet.database.orm.lookups.registry import LookupKind, RegisterLookupMixin, TransformKind
from covet.database.orm.shape import Const, ListParam, Param, Unplannable, freeze, is_slot, over_each, shape_of


def is_query(value: Any) -> bool:
    """Whether `value` is the query of a subquery."""
    return getattr(value, "is_query", False) is True


def is_direct(value: Any) -> bool:
    """Whether `value` is bound, not computed by the database."""
    return not (hasattr(value, "as_sql") or hasattr(value, "as_clause") or hasattr(value, "resolve_expression"))


def bind_field(field: Any) -> Any:
    """The field that types values compared with `field`: a relation's values are its target's."""
    return getattr(field, "target_field", None) or field


def is_comparison(expression: Any) -> bool:
    """Whether its SQL is a condition that needs parentheses as an operand."""
    while isinstance(expression, ExpressionWrapper) and not isinstance(expression, NegatedExpression):
        expression = expression.expression
    return isinstance(expression, (Lookup, NegatedExpression)) or (
        hasattr(expression, "connector") and hasattr(expression, "negated")
    )


@per_class
def inspects_values(cls: Any) -> bool:
    """Whether a lookup class written elsewhere looks at its right side while it compiles."""
    return not cls.plannable or any(
        not getattr(cls, name).__module__.startswith("covet.") for name in ("process_rhs", "get_db_prep_lookup")
    )


@per_class
def prepares_itself(cls: Any) -> bool:
    """Whether a lookup class written elsewhere has its own `get_prep_lookup`."""
    return not cls.get_prep_lookup.__module__.startswith("covet.")


class LatePreparation:
    """Runs a lookup's own `get_prep_lookup` when the value is known."""

    __slots__ = ("cls", "lhs")

    def __init__(self, cls: type[Any], lhs: Any) -> None:
        self.cls = cls
        self.lhs = lhs

    def __call__(self, value: Any) -> Any:
        shadow = object.__new__(self.cls)
        shadow.lhs = self.lhs
        shadow.rhs = value
        return shadow.get_prep_lookup()


class Lookup(LookupKind, Expression):
    """A condition on two sides: `lhs <lookup_name> rhs`.

    Attributes:
        prepare_rhs: whether the output field of `lhs` prepares the right side's values.
        can_use_none_as_rhs: whether None is compared as a value instead of being tested for.
    """

    lookup_name: ClassVar[Any] = None
    prepare_rhs: bool = True
    can_use_none_as_rhs: bool = False
    bilateral_transforms: list[Any] = []

    def __init__(self, lhs: Any, rhs: Any) -> None:
        self.lhs = lhs
        self.rhs = rhs
        if is_slot(rhs) and prepares_itself(type(self)):
            self.rhs = rhs.prep(LatePreparation(type(self), lhs))
        else:
            self.rhs = self.get_prep_lookup()
        self.lhs = self.get_prep_lhs()
        transforms = self.lhs.get_bilateral_transforms() if hasattr(self.lhs, "get_bilateral_transforms") else []
        if transforms and is_query(rhs):
            raise NotImplementedError("Bilateral transformations on nested querysets are not implemented.")
        self.bilateral_transforms = transforms

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.lhs!r}, {self.rhs!r})"

    def _shape(self, out: list[Any]) -> Hashable:
        return (type(self), shape_of(self.lhs, out), shape_of(self.rhs, out))

    def _freeze(self, out: list[Any]) -> Any:
        frozen = object.__new__(type(self))
        frozen.__dict__["_constructor_args"] = None
        frozen.__dict__.update(
            (name, item) for name, item in self.__dict__.items() if name not in {"_constructor_args", "lhs", "rhs"}
        )
        frozen.lhs = freeze(self.lhs, out)
        frozen.rhs = freeze(self.rhs, out)
        return frozen

    def apply_bilateral_transforms(self, value: Any) -> Any:
        """`value` under the transforms that the left side is under."""
        for transform in self.bilateral_transforms:
            value = transform(value)
        return value

    def get_source_expressions(self) -> list[Any]:
        return [self.lhs] if self.rhs_is_direct_value() else [self.lhs, self.rhs]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        if len(exprs) == 1:
            self.lhs = exprs[0]
        else:
            self.lhs, self.rhs = exprs

    def get_prep_lookup(self) -> Any:
        """The right side, prepared for the left side's field."""
        rhs = self.rhs
        if not self.prepare_rhs or hasattr(rhs, "resolve_expression") or is_query(rhs):
            return rhs
        if hasattr(self.lhs, "output_field"):
            prepare = getattr(self.lhs.output_field, "get_prep_value", None)
            if prepare is None:
                return rhs
            return rhs.prep(prepare) if is_slot(rhs) else prepare(rhs)
        if self.rhs_is_direct_value():
            return Value(rhs)
        return rhs

    def get_prep_lhs(self) -> Any:
        """The left side as an expression."""
        return self.lhs if hasattr(self.lhs, "resolve_expression") else Value(self.lhs)

    def get_db_prep_lookup(self, value: Any, connection: Any) -> tuple[str, list[Any]]:
        """The right side's SQL for a bound value, and its parameters."""
        return "%s", [value]

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> tuple[str, list[Any]]:
        """The left side's SQL."""
        side = self.lhs if lhs is None else lhs
        if hasattr(side, "resolve_expression"):
            side = side.resolve_expression(compiler.query)
        text, params = compiler.compile(side)
        if is_comparison(side):
            text = f"({text})"
        return text, list(params)

    def process_rhs(self, compiler: Any, connection: Any) -> tuple[Any, list[Any]]:
        """The right side's SQL."""
        value = self.rhs
        if self.bilateral_transforms:
            if self.rhs_is_direct_value():
                value = Value(value, self.lhs.output_field)
            value = self.apply_bilateral_transforms(value)
            value = value.resolve_expression(compiler.query)
        if is_direct(value):
            if inspects_values(type(self)):
                value = known_value(compiler, value)
            text, params = self.get_db_prep_lookup(value, connection)
            return text, list(params)
        if is_query(value):
            return f"({compiler.token(compiler.real.subselect(value))})", []
        text, params = compiler.compile(value)
        if isinstance(value, ColPairs):
            raise ValueError("CompositePrimaryKey cannot be used as a lookup value.")
        if not isinstance(value, Value) and not compiler.is_parenthesised(text):
            text = f"({text})"
        return text, list(params)

    def rhs_is_direct_value(self) -> bool:
        """Whether the right side is a bound value."""
        return is_direct(self.rhs)

    def get_group_by_cols(self) -> list[Any]:
        return [column for source in self.get_source_expressions() for column in source.get_group_by_cols()]

    @functools.cached_property
    def output_field(self) -> Any:
        """A boolean."""
        return output("BooleanField")

    def as_clause(self, compiler: Any) -> ColumnElement[Any]:
        assembly = Assembly(compiler)
        text, params = self.vendor_sql(assembly)
        field = getattr(self.lhs, "_output_field_or_none", None)
        return assembly.element(text, params, self.output_field.sa_type(), bind_field(field))

    @property
    def identity(self) -> tuple[Any, ...]:
        """The class and both sides."""
        return type(self), self.lhs, identity_of(self.rhs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lookup):
            return NotImplemented
        return self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        clone = self.copy()
        clone.is_summary = summarize
        clone.lhs = self.lhs.resolve_expression(query, allow_joins, reuse, summarize, for_save)
        if hasattr(self.rhs, "resolve_expression"):
            clone.rhs = self.rhs.resolve_expression(query, allow_joins, reuse, summarize, for_save)
        else:
            clone.rhs = localized(self.rhs, query)
        return clone

    @functools.cached_property
    def allowed_default(self) -> bool:  # type: ignore[override]
        """Whether both sides may be part of a column's default."""
        return bool(self.lhs.allowed_default and self.rhs.allowed_default)


class Transform(TransformKind, RegisterLookupMixin, Func):
    """A function of one argument that can be named after `__` in a lookup.

    Attributes:
        bilateral: whether it applies to the right side too.
    """

    bilateral: bool = False
    lookup_name: ClassVar[Any] = None
    arity: ClassVar[int | None] = 1

    @property
    def lhs(self) -> Any:
        """The expression it transforms."""
        return self.get_source_expressions()[0]

    def get_bilateral_transforms(self) -> list[Any]:
        """The bilateral transforms below and including this one, innermost first."""
        found = list(self.lhs.get_bilateral_transforms()) if hasattr(self.lhs, "get_bilateral_transforms") else []
        if self.bilateral:
            found.append(type(self))
        return found


class BuiltinLookup(Lookup):
    """A lookup that every database writes as an operator."""

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> tuple[str, list[Any]]:
        text, params = super().process_lhs(compiler, connection, lhs)
        internal_type = self.lhs.output_field.get_internal_type()
        return left_side(connection.vendor, self.lookup_name, internal_type) % text, params

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        left, params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} {self.get_rhs_op(connection, right)}", [*params, *right_params]

    def get_rhs_op(self, connection: Any, rhs: Any) -> str:
        """The operator with its right side."""
        operator: str = OPERATORS[connection.vendor][self.lookup_name] % rhs
        return operator


class FieldGetDbPrepValueMixin:
    """A lookup whose values the field converts for the database; here the bound type does that."""

    get_db_prep_lookup_value_is_iterable = False


class FieldGetDbPrepValueIterableMixin(FieldGetDbPrepValueMixin):
    """A lookup whose right side is a list: of values, or of values and expressions."""

    get_db_prep_lookup_value_is_iterable = True
    lhs: Any
    rhs: Any
    prepare_rhs: bool

    def get_prep_lookup(self) -> Any:
        """The list with every value prepared; an `ExpressionList` when there is an expression in it."""
        rhs = self.rhs
        if hasattr(rhs, "resolve_expression") or is_query(rhs):
            return rhs
        prepare = None
        if self.prepare_rhs and hasattr(self.lhs, "output_field"):
            prepare = getattr(self.lhs.output_field, "get_prep_value", None)
        if isinstance(rhs, ListParam):
            return rhs.each(prepare) if prepare is not None else rhs
        if isinstance(rhs, Param):
            return rhs.prep(Listed(prepare))
        if isinstance(rhs, Const):
            return Const(Listed(prepare)(rhs.value))
        items = [
            item
            if hasattr(item, "resolve_expression") or prepare is None
            else item.prep(prepare)
            if is_slot(item)
            else prepare(item)
            for item in rhs
        ]
        if not any(hasattr(item, "resolve_expression") for item in items):
            return items
        return ExpressionList(
            *(
                item if hasattr(item, "resolve_expression") else Value(item, getattr(self.lhs, "output_field", None))
                for item in items
            )
        )


class Listed:
    """Prepares an iterable that reached the lookup as one value (a generator, a set-like object)."""

    __slots__ = ("prepare",)

    def __init__(self, prepare: Any) -> None:
        self.prepare = list if prepare is None else over_each(prepare)

    def __call__(self, value: Any) -> list[Any]:
        return self.prepare(value)


class PostgresOperatorLookup(Lookup):
    """A lookup that PostgreSQL has an operator for."""

    postgres_operator: ClassVar[str]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        """Both sides around the operator."""
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"{left} {self.postgres_operator} {right}", [*left_params, *right_params]


def known_value(compiler: Any, slot: Any) -> Any:
    """The value in `slot`, for a lookup that must see it.

    Raises:
        Unplannable: the query is being compiled for any value.
    """
    if isinstance(slot, Const):
        return slot.value
    if not isinstance(slot, Param):
        return slot
    values = getattr(compiler.real, "values", None)
    if values is None:
        raise Unplannable
    return slot.bind(values[slot.index])


def localized(slot: Any, query: Any) -> Any:
    """`slot` counted among the values of the outermost query."""
    return slot.localized(query.offset) if isinstance(slot, Param) and query is not None else slot
