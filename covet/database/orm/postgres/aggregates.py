"""PostgreSQL's aggregates."""

from __future__ import annotations

import warnings
from typing import Any

from covet.database.orm.aggregates import Aggregate
from covet.database.orm.expressions.outputs import OutputField, field_class
from covet.database.orm.expressions.values import Value


class OrderableAggMixin(Aggregate):
    """An aggregate whose values have an order; `ordering` is the old name of `order_by`."""

    template = "%(function)s(%(distinct)s%(expressions)s%(order_by)s)"
    allow_order_by = True

    def __init__(self, *expressions: Any, ordering: Any = (), order_by: Any = (), **extra: Any) -> None:
        if ordering:
            warnings.warn(
                "The ordering argument is deprecated. Use order_by instead.", PendingDeprecationWarning, stacklevel=2
            )
            if order_by:
                raise TypeError("Cannot specify both order_by and ordering.")
            order_by = ordering
        super().__init__(*expressions, order_by=order_by, **extra)


class ArrayAgg(OrderableAggMixin):
    """The values as an array."""

    function = "ARRAY_AGG"
    name = "ArrayAgg"
    allow_distinct = True

    def _resolve_output_field(self) -> Any:
        return field_class("ArrayField")(self.source_expressions[0].output_field)


class BitAnd(Aggregate):
    """The bits that all have."""

    function = "BIT_AND"
    name = "BitAnd"


class BitOr(Aggregate):
    """The bits that any has."""

    function = "BIT_OR"
    name = "BitOr"


class BitXor(Aggregate):
    """The bits that an odd number have."""

    function = "BIT_XOR"
    name = "BitXor"


class BoolAnd(Aggregate):
    """Whether all are true."""

    function = "BOOL_AND"
    name = "BoolAnd"
    output_field = OutputField("BooleanField")


class BoolOr(Aggregate):
    """Whether any is true."""

    function = "BOOL_OR"
    name = "BoolOr"
    output_field = OutputField("BooleanField")


class JSONBAgg(OrderableAggMixin):
    """The values as a JSON array."""

    function = "JSONB_AGG"
    name = "JSONBAgg"
    allow_distinct = True
    output_field = OutputField("JSONField")


class StringAgg(OrderableAggMixin):
    """The texts as one, `delimiter` between them."""

    function = "STRING_AGG"
    name = "StringAgg"
    allow_distinct = True
    output_field = OutputField("TextField")

    def __init__(self, expression: Any, delimiter: Any, **extra: Any) -> None:
        super().__init__(expression, Value(str(delimiter)), **extra)


class StatAggregate(Aggregate):
    """An aggregate of two columns, of the rows where neither is NULL."""

    output_field = OutputField("FloatField")

    def __init__(self, y: Any, x: Any, output_field: Any = None, filter: Any = None, default: Any = None) -> None:
        if not x or not y:
            raise ValueError("Both y and x must be provided.")
        super().__init__(y, x, output_field=output_field, filter=filter, default=default)


class Corr(StatAggregate):
    """The correlation coefficient."""

    function = "CORR"
    name = "Corr"


class CovarPop(StatAggregate):
    """The covariance; `sample=True` for that of a sample."""

    name = "CovarPop"

    def __init__(self, y: Any, x: Any, sample: bool = False, filter: Any = None, default: Any = None) -> None:
        self.function = "COVAR_SAMP" if sample else "COVAR_POP"
        super().__init__(y, x, filter=filter, default=default)


class RegrAvgX(StatAggregate):
    """The mean of x."""

    function = "REGR_AVGX"
    name = "RegrAvgX"


class RegrAvgY(StatAggregate):
    """The mean of y."""

    function = "REGR_AVGY"
    name = "RegrAvgY"


class RegrCount(StatAggregate):
    """How many rows there are."""

    function = "REGR_COUNT"
    name = "RegrCount"
    output_field = OutputField("IntegerField")
    empty_result_set_value = 0


class RegrIntercept(StatAggregate):
    """Where the fitted line meets the y axis."""

    function = "REGR_INTERCEPT"
    name = "RegrIntercept"


class RegrR2(StatAggregate):
    """The square of the correlation coefficient."""

    function = "REGR_R2"
    name = "RegrR2"


class RegrSlope(StatAggregate):
    """The slope of the fitted line."""

    function = "REGR_SLOPE"
    name = "RegrSlope"


class RegrSXX(StatAggregate):
    """The sum of squares of x."""

    function = "REGR_SXX"
    name = "RegrSXX"


class RegrSXY(StatAggregate):
    """The sum of products."""

    function = "REGR_SXY"
    name = "RegrSXY"


class RegrSYY(StatAggregate):
    """The sum of squares of y."""

    function = "REGR_SYY"
    name = "RegrSYY"
