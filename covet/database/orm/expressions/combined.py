"""Arithmetic: numbers, dates and durations, bits."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from types import NoneType
from typing import Any, Final

from covet.database.orm.expressions.base import Expression, SQLiteNumericMixin
from covet.database.orm.expressions.combinable import Combinable
from covet.database.orm.expressions.identity import per_class
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.outputs import field_class, output
from covet.exceptions import DatabaseError, FieldError

_NUMERIC: Final = (Combinable.ADD, Combinable.SUB, Combinable.MUL, Combinable.DIV, Combinable.MOD, Combinable.POW)
_BITWISE: Final = (
    Combinable.BITAND,
    Combinable.BITOR,
    Combinable.BITLEFTSHIFT,
    Combinable.BITRIGHTSHIFT,
    Combinable.BITXOR,
)

# (left, right, result) by connector; the first pair that fits wins. None is the type of NULL.
Rule = tuple[str | None, str | None, str]


def _rules() -> dict[str, list[Rule]]:
    rules: dict[str, list[Rule]] = {}

    def add(connectors: Sequence[str], *triples: Rule) -> None:
        for connector in connectors:
            rules.setdefault(connector, []).extend(triples)

    # A difference of positive integers may be negative.
    add(
        [connector for connector in _NUMERIC if connector != Combinable.SUB],
        ("PositiveIntegerField", "PositiveIntegerField", "PositiveIntegerField"),
    )
    add(_NUMERIC, *((name, name, name) for name in ("IntegerField", "FloatField", "DecimalField")))
    add(
        [connector for connector in _NUMERIC if connector != Combinable.POW],
        ("IntegerField", "DecimalField", "DecimalField"),
        ("DecimalField", "IntegerField", "DecimalField"),
        ("IntegerField", "FloatField", "FloatField"),
        ("FloatField", "IntegerField", "FloatField"),
    )
    add(_BITWISE, ("IntegerField", "IntegerField", "IntegerField"))
    for name in ("IntegerField", "DecimalField", "FloatField"):
        add(_NUMERIC, (name, None, name), (None, name, name))
    moments: list[Rule] = [
        ("DateField", "DurationField", "DateTimeField"),
        ("DateTimeField", "DurationField", "DateTimeField"),
        ("DurationField", "DurationField", "DurationField"),
        ("TimeField", "DurationField", "TimeField"),
    ]
    add(
        (Combinable.ADD,),
        *moments,
        ("DurationField", "DateField", "DateTimeField"),
        ("DurationField", "DateTimeField", "DateTimeField"),
        ("DurationField", "TimeField", "TimeField"),
    )
    dates = ("DateField", "DateTimeField")
    add(
        (Combinable.SUB,),
        *moments,
        *((left, right, "DurationField") for left in dates for right in dates),
        ("TimeField", "TimeField", "DurationField"),
    )
    return rules


_RULES: Final = _rules()
_REGISTERED: Final[dict[str, list[tuple[type[Any], type[Any], type[Any]]]]] = {}


def register_combinable_fields(lhs: type[Any], connector: str, rhs: type[Any], result: type[Any]) -> None:
    """Declare that `lhs <connector> rhs` has the type `result`; all three are field classes."""
    _REGISTERED.setdefault(connector, []).append((lhs, rhs, result))
    _resolve_combined_type.cache_clear()


def _fits(kind: type[Any], name: str | None) -> bool:
    return kind is NoneType if name is None else issubclass(kind, field_class(name))


@functools.lru_cache(maxsize=256)
def _resolve_combined_type(connector: str, lhs_type: Any, rhs_type: Any) -> type[Any] | None:
    for left, right, result in _RULES.get(connector, ()):
        if _fits(lhs_type, left) and _fits(rhs_type, right):
            return field_class(result)
    for lhs, rhs, made in _REGISTERED.get(connector, ()):
        if issubclass(lhs_type, lhs) and issubclass(rhs_type, rhs):
            return made
    return None


@per_class
def _instance(cls: Any) -> Any:
    return cls()


def _kind(field: Any) -> Any:
    return type(field)


def combine(vendor: str, connector: str, left: str, right: str) -> str:
    """The SQL of `left <connector> right`.

    Raises:
        NotImplementedError: the database has no such operator.
    """
    if connector == "^":
        if vendor in ("sqlite", "mysql"):
            return f"POWER({left},{right})"
    elif connector == "#":
        if vendor == "sqlite":
            return f"BITXOR({left},{right})"
        if vendor == "mysql":
            return f"{left} ^ {right}"
    elif connector == ">>" and vendor == "mysql":
        return f"FLOOR({left} / POW(2, {right}))"
    return f"{left} {connector} {right}"


class CombinedExpression(SQLiteNumericMixin, Expression):
    """Two operands and the connector between them."""

    def __init__(self, lhs: Any, connector: str, rhs: Any, output_field: Any = None) -> None:
        super().__init__(output_field=output_field)
        self.connector = connector
        self.lhs = lhs
        self.rhs = rhs

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __str__(self) -> str:
        return f"{self.lhs} {self.connector} {self.rhs}"

    def _shape(self, out: list[Any]) -> Hashable:
        if type(self) is not CombinedExpression or "output_field" in self.__dict__:
            return super()._shape(out)
        return (CombinedExpression, self.connector, self.lhs._shape(out), self.rhs._shape(out))

    def get_source_expressions(self) -> list[Any]:
        return [self.lhs, self.rhs]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.lhs, self.rhs = exprs

    def _resolve_output_field(self) -> Any:
        kind = _resolve_combined_type(
            self.connector, _kind(self.lhs._output_field_or_none), _kind(self.rhs._output_field_or_none)
        )
        if kind is None:
            raise FieldError(
                f"Cannot infer type of {self.connector!r} expression involving these types: "
                f"{type(self.lhs.output_field).__name__}, {type(self.rhs.output_field).__name__}. "
                "You must set output_field."
            )
        return _instance(kind)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        left, left_params = compiler.compile(self.lhs)
        right, right_params = compiler.compile(self.rhs)
        return f"({combine(connection.vendor, self.connector, left, right)})", [*left_params, *right_params]

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        resolved = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        if isinstance(self, (DurationExpression, TemporalSubtraction)):
            return resolved
        left, right = _internal_type(resolved.lhs), _internal_type(resolved.rhs)
        if "DurationField" in (left, right) and left != right:
            return DurationExpression(resolved.lhs, resolved.connector, resolved.rhs)
        if self.connector == self.SUB and left == right and left in ("DateField", "DateTimeField", "TimeField"):
            return TemporalSubtraction(resolved.lhs, resolved.rhs)
        return resolved

    @functools.cached_property
    def allowed_default(self) -> bool:  # type: ignore[override]
        """Whether both operands may be part of a column's default."""
        return bool(self.lhs.allowed_default and self.rhs.allowed_default)


def _internal_type(expression: Any) -> str | None:
    try:
        name: str = expression.output_field.get_internal_type()
    except (AttributeError, FieldError):
        return None
    return name


class DurationExpression(CombinedExpression):
    """A duration with something else: stored as microseconds where the database has no interval."""

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """A call of the function that knows dates and microseconds.

        Raises:
            DatabaseError: the operands cannot be multiplied or divided.
        """
        del extra_context
        if self.connector not in ("+", "-", "*", "/"):
            raise DatabaseError(f"Invalid connector for timedelta: {self.connector}.")
        if self.connector in ("*", "/"):
            allowed = {"DecimalField", "DurationField", "FloatField", "IntegerField"}
            known = _internal_type(self.lhs), _internal_type(self.rhs)
            if None not in known and not set(known) <= allowed:
                raise DatabaseError(f"Invalid arguments for operator {self.connector}.")
        left, left_params = compiler.compile(self.lhs)
        right, right_params = compiler.compile(self.rhs)
        text = f"django_format_dtdelta('{self.connector}', {left}, {right})"
        del connection
        return text, [*left_params, *right_params]

    def as_mysql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        """Intervals of microseconds; a number of them where they are multiplied."""
        if self.connector in ("*", "/"):
            return CombinedExpression.as_sql(self, compiler, connection)
        texts, params = [], []
        for side in (self.lhs, self.rhs):
            text, own = compiler.compile(side)
            is_duration = _internal_type(side) == "DurationField"
            texts.append(f"INTERVAL {text} MICROSECOND" if is_duration else text)
            params.extend(own)
        return f"({combine(connection.vendor, self.connector, *texts)})", params


class TemporalSubtraction(CombinedExpression):
    """The duration between two moments of one kind."""

    def __init__(self, lhs: Any, rhs: Any) -> None:
        super().__init__(lhs, self.SUB, rhs)

    def _resolve_output_field(self) -> Any:
        return output("DurationField")

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        left, left_params = compiler.compile(self.lhs)
        right, right_params = compiler.compile(self.rhs)
        params = [*left_params, *right_params]
        internal_type = self.lhs.output_field.get_internal_type()
        return subtract_temporals(connection.vendor, internal_type, left, right), params

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """Without a cast: a duration is no decimal."""
        del extra_context
        return self.as_sql(compiler, connection)


def subtract_temporals(vendor: str, internal_type: str, left: str, right: str) -> str:
    """The SQL of the duration between two moments."""
    if vendor == "postgresql":
        if internal_type == "DateField":
            return f"(interval '1 day' * ({left} - {right}))"
        return f"({left} - {right})"
    if vendor == "sqlite":
        name = "django_time_diff" if internal_type == "TimeField" else "django_timestamp_diff"
        return f"{name}({left}, {right})"
    if internal_type == "TimeField":
        # MariaDB's TIMEDIFF loses fractions of what exceeds its range.
        return (
            f"CAST((TIME_TO_SEC({left}) * 1000000 + MICROSECOND({left})) AS SIGNED) - "
            f"CAST((TIME_TO_SEC({right}) * 1000000 + MICROSECOND({right})) AS SIGNED)"
        )
    return f"TIMESTAMPDIFF(MICROSECOND, {right}, {left})"


late.combined = CombinedExpression
