"""Mathematical functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.mixins import FixDecimalInputMixin, NumericOutputFieldMixin
from covet.database.orm.expressions.values import Value
from covet.database.orm.lookups.base import Transform


class Abs(Transform):
    """The absolute value."""

    function = "ABS"
    lookup_name = "abs"


class ACos(NumericOutputFieldMixin, Transform):
    """The arccosine."""

    function = "ACOS"
    lookup_name = "acos"


class ASin(NumericOutputFieldMixin, Transform):
    """The arcsine."""

    function = "ASIN"
    lookup_name = "asin"


class ATan(NumericOutputFieldMixin, Transform):
    """The arctangent."""

    function = "ATAN"
    lookup_name = "atan"


class ATan2(NumericOutputFieldMixin, Func):
    """The arctangent of `y / x`, in the right quadrant."""

    function = "ATAN2"
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """Without a cast."""
        return self.as_sql(compiler, connection, **extra_context)


class Ceil(Transform):
    """The least integer that is not less."""

    function = "CEILING"
    lookup_name = "ceil"


class Cos(NumericOutputFieldMixin, Transform):
    """The cosine."""

    function = "COS"
    lookup_name = "cos"


class Cot(NumericOutputFieldMixin, Transform):
    """The cotangent."""

    function = "COT"
    lookup_name = "cot"


class Degrees(NumericOutputFieldMixin, Transform):
    """Radians in degrees."""

    function = "DEGREES"
    lookup_name = "degrees"


class Exp(NumericOutputFieldMixin, Transform):
    """The natural exponential."""

    function = "EXP"
    lookup_name = "exp"


class Floor(Transform):
    """The greatest integer that is not greater."""

    function = "FLOOR"
    lookup_name = "floor"


class Ln(NumericOutputFieldMixin, Transform):
    """The natural logarithm."""

    function = "LN"
    lookup_name = "ln"


class Log(FixDecimalInputMixin, NumericOutputFieldMixin, Func):
    """The logarithm of the second argument to the base of the first."""

    function = "LOG"
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """Without a cast."""
        return self.as_sql(compiler, connection, **extra_context)


class Mod(FixDecimalInputMixin, NumericOutputFieldMixin, Func):
    """The remainder."""

    function = "MOD"
    arity = 2


class Pi(NumericOutputFieldMixin, Func):
    """The ratio of a circle's circumference to its diameter."""

    function = "PI"
    arity = 0


class Power(NumericOutputFieldMixin, Func):
    """The first argument to the power of the second."""

    function = "POWER"
    arity = 2


class Radians(NumericOutputFieldMixin, Transform):
    """Degrees in radians."""

    function = "RADIANS"
    lookup_name = "radians"


class Random(NumericOutputFieldMixin, Func):
    """A random number from 0 to 1, 1 excluded."""

    function = "RANDOM"
    arity = 0

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """By its name there."""
        return super().as_sql(compiler, connection, function="RAND", **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """A function of ours: SQLite's own gives any 64-bit integer."""
        return super().as_sql(compiler, connection, function="RAND", **extra_context)

    def get_group_by_cols(self) -> list[Any]:
        return []


class Round(FixDecimalInputMixin, Transform):
    """The nearest number of `precision` decimals."""

    function = "ROUND"
    lookup_name = "round"
    arity = None

    def __init__(self, expression: Any, precision: Any = 0, **extra: Any) -> None:
        if isinstance(precision, int) and precision < 0:
            # A negative precision is a structure of its own: SQLite must refuse it.
            precision = NegativePrecision(precision)
        super().__init__(expression, precision, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The call.

        Raises:
            ValueError: the precision is negative.
        """
        if isinstance(self.get_source_expressions()[1], NegativePrecision):
            raise ValueError("SQLite does not support negative precision.")
        return super().as_sqlite(compiler, connection, **extra_context)

    def _resolve_output_field(self) -> Any:
        return self.get_source_expressions()[0].output_field


class NegativePrecision(Value):
    """A precision left of the decimal point."""


class Sign(Transform):
    """-1, 0 or 1."""

    function = "SIGN"
    lookup_name = "sign"


class Sin(NumericOutputFieldMixin, Transform):
    """The sine."""

    function = "SIN"
    lookup_name = "sin"


class Sqrt(NumericOutputFieldMixin, Transform):
    """The square root."""

    function = "SQRT"
    lookup_name = "sqrt"


class Tan(NumericOutputFieldMixin, Transform):
    """The tangent."""

    function = "TAN"
    lookup_name = "tan"
