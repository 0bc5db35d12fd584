"""Functions of the rows around each row; used inside `Window`."""

from __future__ import annotations

from typing import Any

from covet.database.orm.expressions.func import Func
from covet.database.orm.expressions.outputs import OutputField


class CumeDist(Func):
    """The share of rows that come before or with this one."""

    function = "CUME_DIST"
    output_field = OutputField("FloatField")
    window_compatible = True


class DenseRank(Func):
    """The rank, without gaps after ties."""

    function = "DENSE_RANK"
    output_field = OutputField("IntegerField")
    window_compatible = True


class FirstValue(Func):
    """The value of the frame's first row."""

    arity = 1
    function = "FIRST_VALUE"
    window_compatible = True


class LagLeadFunction(Func):
    """The value of a row `offset` rows away; `default` where there is none."""

    window_compatible = True

    def __init__(self, expression: Any, offset: int = 1, default: Any = None, **extra: Any) -> None:
        if expression is None:
            raise ValueError(f"{type(self).__name__} requires a non-null source expression.")
        if offset is None or offset <= 0:
            raise ValueError(f"{type(self).__name__} requires a positive integer for the offset.")
        arguments = (expression, offset) if default is None else (expression, offset, default)
        super().__init__(*arguments, **extra)

    def _resolve_output_field(self) -> Any:
        return self.get_source_expressions()[0].output_field


class Lag(LagLeadFunction):
    """The value of a row before."""

    function = "LAG"


class LastValue(Func):
    """The value of the frame's last row."""

    arity = 1
    function = "LAST_VALUE"
    window_compatible = True


class Lead(LagLeadFunction):
    """The value of a row after."""

    function = "LEAD"


class NthValue(Func):
    """The value of the frame's nth row."""

    function = "NTH_VALUE"
    window_compatible = True

    def __init__(self, expression: Any, nth: int = 1, **extra: Any) -> None:
        if expression is None:
            raise ValueError(f"{type(self).__name__} requires a non-null source expression.")
        if nth is None or nth <= 0:
            raise ValueError(f"{type(self).__name__} requires a positive integer as for nth.")
        super().__init__(expression, nth, **extra)

    def _resolve_output_field(self) -> Any:
        return self.get_source_expressions()[0].output_field


class Ntile(Func):
    """Which of `num_buckets` equal parts the row is in."""

    function = "NTILE"
    output_field = OutputField("IntegerField")
    window_compatible = True

    def __init__(self, num_buckets: int = 1, **extra: Any) -> None:
        if num_buckets <= 0:
            raise ValueError("num_buckets must be greater than 0.")
        super().__init__(num_buckets, **extra)


class PercentRank(Func):
    """The rank as a share of the rows."""

    function = "PERCENT_RANK"
    output_field = OutputField("FloatField")
    window_compatible = True


class Rank(Func):
    """The rank, with gaps after ties."""

    function = "RANK"
    output_field = OutputField("IntegerField")
    window_compatible = True


class RowNumber(Func):
    """The row's number."""

    function = "ROW_NUMBER"
    output_field = OutputField("IntegerField")
    window_compatible = True
