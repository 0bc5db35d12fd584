"""Aggregates: one value from many rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from covet.database.orm.expressions.case import Case, When
from covet.database.orm.expressions.func import Func, OrderByList
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.mixins import FixDurationInputMixin, NumericOutputFieldMixin
from covet.database.orm.expressions.outputs import OutputField, output
from covet.database.orm.expressions.refs import ColPairs
from covet.database.orm.expressions.values import Star, Value
from covet.exceptions import FieldError, FullResultSet, NotSupportedError


class Aggregate(Func):
    """The base of aggregates.

    Args:
        expressions: what is aggregated.
        distinct: each value once.
        filter: a condition on the rows.
        default: the result when there is no row.
        order_by: the order in which values are taken, where it matters.

    Attributes:
        name: how errors and default aliases call it.
        allow_distinct: whether `distinct=True` means anything.
        allow_order_by: whether `order_by` does.
    """

    template = "%(function)s(%(distinct)s%(expressions)s)"
    contains_aggregate = True
    name: str = ""
    filter_template = "%s FILTER (WHERE %%(filter)s)"
    window_compatible = True
    allow_distinct = False
    allow_order_by = False
    empty_result_set_value: Any = None

    def __init__(
        self,
        *expressions: Any,
        distinct: bool = False,
        filter: Any = None,
        default: Any = None,
        order_by: Any = None,
        **extra: Any,
    ) -> None:
        if distinct and not self.allow_distinct:
            raise TypeError(f"{type(self).__name__} does not allow distinct.")
        if order_by is not None and not self.allow_order_by:
            # An option of the template, as any keyword is.
            extra["order_by"], order_by = order_by, None
        if default is not None and self.empty_result_set_value is not None:
            raise TypeError(f"{type(self).__name__} does not allow default.")
        self.distinct = distinct
        self.filter = filter
        plain = default is not None and not hasattr(default, "resolve_expression")
        self.default = PlainDefault(default) if plain else default
        if order_by is None or order_by in ((), []):
            self.order_by = None
        else:
            several = order_by if isinstance(order_by, (list, tuple)) else (order_by,)
            self.order_by = OrderByList(*several)
        super().__init__(*expressions, **extra)

    def get_source_fields(self) -> list[Any]:
        return [source._output_field_or_none for source in self.source_expressions]

    def get_source_expressions(self) -> list[Any]:
        sources = [*self.source_expressions, self.filter]
        return [*sources, self.order_by] if self.allow_order_by else sources

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        sources = list(exprs)
        if self.allow_order_by:
            self.order_by = sources.pop()
        self.filter = sources.pop()
        self.source_expressions = sources

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        clone = super().resolve_expression(query, allow_joins, reuse, summarize)
        if summarize:
            for name in clone.get_refs():
                if query.annotations[name].is_summary:
                    raise FieldError(f"Cannot compute {clone.name}('{name}'): '{name}' is an aggregate")
        elif not self.is_summary:
            for given, resolved in zip(self.source_expressions, clone.source_expressions, strict=True):
                if resolved.contains_aggregate:
                    name = given.name if hasattr(given, "name") else repr(given)
                    raise FieldError(f"Cannot compute {clone.name}('{name}'): '{name}' is an aggregate")
        default = clone.default
        if default is None:
            return clone
        field = clone._output_field_or_none
        resolved = default.resolve_expression(query, allow_joins, reuse, summarize)
        if field is not None and (isinstance(default, PlainDefault) or resolved._output_field_or_none is None):
            resolved.output_field = field
        clone.default = None
        coalesce = late.coalesce(clone, resolved, output_field=field)
        coalesce.is_summary = clone.is_summary
        return coalesce

    @property
    def default_alias(self) -> str:
        """The name that `aggregate(Sum('x'))` gives it.

        Raises:
            TypeError: it is not of a single field.
        """
        sources = [source for source in self.get_source_expressions() if source is not None]
        if len(sources) == 1 and hasattr(sources[0], "name"):
            return f"{sources[0].name}__{self.name.lower()}"
        raise TypeError("Complex expressions require an alias")

    def get_group_by_cols(self) -> list[Any]:
        return []

    def as_sql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:  # type: ignore[override]
        extra_context["distinct"] = "DISTINCT " if self.distinct else ""
        if self.allow_order_by:
            extra_context["order_by"] = "" if self.order_by is None else f" {compiler.compile(self.order_by)[0]}"
        if self.filter is None:
            return super().as_sql(compiler, connection, **extra_context)
        if connection.vendor == "mysql":
            clone = self.copy()
            clone.filter = None
            first, *rest = clone.source_expressions
            clone.source_expressions = [Case(When(self.filter, then=first)), *rest]
            return super(Aggregate, clone).as_sql(compiler, connection, **extra_context)
        try:
            condition, condition_params = compiler.compile(self.filter)
        except FullResultSet:
            return super().as_sql(compiler, connection, **extra_context)
        template = self.filter_template % extra_context.pop("template", self.template)
        text, params = super().as_sql(compiler, connection, template=template, filter=condition, **extra_context)
        return text, (*params, *condition_params)

    def _get_repr_options(self) -> dict[str, Any]:
        options = super()._get_repr_options()
        if self.distinct:
            options["distinct"] = self.distinct
        if self.filter:
            options["filter"] = self.filter
        if self.order_by:
            options["order_by"] = self.order_by
        return options


class PlainDefault(Value):
    """A default that was given as a plain value: it takes the aggregate's type."""


class Avg(FixDurationInputMixin, NumericOutputFieldMixin, Aggregate):
    """The mean."""

    function = "AVG"
    name = "Avg"
    allow_distinct = True
    arity = 1


class Count(Aggregate):
    """How many values there are, NULLs apart; `Count('*')` counts rows."""

    function = "COUNT"
    name = "Count"
    output_field = OutputField("IntegerField")
    allow_distinct = True
    empty_result_set_value = 0
    arity = 1
    allows_composite_expressions = True

    def __init__(self, expression: Any, filter: Any = None, **extra: Any) -> None:
        if isinstance(expression, str) and expression == "*":
            expression = Star()
        if isinstance(expression, Star) and filter is not None:
            raise ValueError("Star cannot be used with filter. Please specify a field.")
        super().__init__(expression, filter=filter, **extra)

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        resolved = super().resolve_expression(*args, **kwargs)
        source = resolved.source_expressions[0]
        if not isinstance(source, ColPairs):
            return resolved
        if self.distinct:
            raise ValueError("COUNT(DISTINCT) doesn't support composite primary keys")
        # No part of a key is NULL: any of them counts the rows.
        return Count(source.get_cols()[0], filter=resolved.filter)


class Max(Aggregate):
    """The greatest value."""

    function = "MAX"
    name = "Max"
    arity = 1


class Min(Aggregate):
    """The least value."""

    function = "MIN"
    name = "Min"
    arity = 1


class Sum(FixDurationInputMixin, Aggregate):
    """The total."""

    function = "SUM"
    name = "Sum"
    allow_distinct = True
    arity = 1


class StdDev(NumericOutputFieldMixin, Aggregate):
    """The standard deviation; `sample=True` for that of a sample."""

    name = "StdDev"
    arity = 1

    def __init__(self, expression: Any, sample: bool = False, **extra: Any) -> None:
        self.function = "STDDEV_SAMP" if sample else "STDDEV_POP"
        super().__init__(expression, **extra)

    def _get_repr_options(self) -> dict[str, Any]:
        return {**super()._get_repr_options(), "sample": self.function == "STDDEV_SAMP"}


class Variance(NumericOutputFieldMixin, Aggregate):
    """The variance; `sample=True` for that of a sample."""

    name = "Variance"
    arity = 1

    def __init__(self, expression: Any, sample: bool = False, **extra: Any) -> None:
        self.function = "VAR_SAMP" if sample else "VAR_POP"
        super().__init__(expression, **extra)

    def _get_repr_options(self) -> dict[str, Any]:
        return {**super()._get_repr_options(), "sample": self.function == "VAR_SAMP"}


class AnyValue(Aggregate):
    """The value of any one row, when they are known to be the same."""

    function = "ANY_VALUE"
    name = "AnyValue"
    arity = 1
    window_compatible = False

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The first of an array: ANY_VALUE came with PostgreSQL 16."""
        return self.as_sql(compiler, connection, function="(ARRAY_AGG", template=_FIRST_OF_ARRAY, **extra_context)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The least one."""
        return self.as_sql(compiler, connection, function="MIN", **extra_context)

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """The least one: MariaDB has no ANY_VALUE."""
        return self.as_sql(compiler, connection, function="MIN", **extra_context)


class StringAgg(Aggregate):
    """All values as one text, `delimiter` between them."""

    name = "StringAgg"
    function = "STRING_AGG"
    template = "%(function)s(%(distinct)s%(expressions)s%(order_by)s)"
    output_field = OutputField("TextField")
    allow_distinct = True
    allow_order_by = True

    def __init__(self, expression: Any, delimiter: Any, **extra: Any) -> None:
        if isinstance(delimiter, str):
            delimiter = Value(delimiter)
        super().__init__(expression, delimiter, **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """Of text only."""
        clone = self.copy()
        first, delimiter = clone.source_expressions
        clone.source_expressions = [late.cast(first, output("TextField")), delimiter]
        return clone.as_sql(compiler, connection, **extra_context)  # type: ignore[no-any-return]

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """GROUP_CONCAT; with DISTINCT it takes no delimiter but the comma.

        Raises:
            NotSupportedError: an order, before SQLite 3.44.
        """
        if self.order_by is not None and sqlite3.sqlite_version_info < (3, 44):
            raise NotSupportedError("This database backend does not support specifying an order on aggregates.")
        if not self.distinct:
            return self.as_sql(compiler, connection, function="GROUP_CONCAT", **extra_context)
        first, delimiter = self.source_expressions
        clone = self.copy()
        clone.source_expressions = [first]
        text, params = clone.as_sql(compiler, connection, function="GROUP_CONCAT", **extra_context)
        separator, separator_params = compiler.compile(delimiter)
        return f"REPLACE({text}, ',', {separator})", [*params, *separator_params]

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """GROUP_CONCAT with its own syntax for the delimiter."""
        first, delimiter = self.source_expressions
        clone = self.copy()
        clone.source_expressions = [first]
        separator, separator_params = compiler.compile(delimiter)
        template = f"%(function)s(%(distinct)s%(expressions)s%(order_by)s SEPARATOR {separator})"
        text, params = clone.as_sql(compiler, connection, function="GROUP_CONCAT", template=template, **extra_context)
        return text, [*params, *separator_params]


_FIRST_OF_ARRAY = "%(function)s(%(distinct)s%(expressions)s))[1]"

__all__ = [
    "Aggregate",
    "AnyValue",
    "Avg",
    "Count",
    "Max",
    "Min",
    "StdDev",
    "StringAgg",
    "Sum",
    "Variance",
]
