"""Windows: an expression over the rows around each row."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from enum import Enum
from typing import Any, ClassVar

from covet.database.orm.expressions.base import BaseExpression, Expression, SQLiteNumericMixin
from covet.database.orm.expressions.func import ExpressionList, OrderByList
from covet.database.orm.expressions.outputs import is_a, output
from covet.database.orm.expressions.values import Value
from covet.exceptions import NotSupportedError


class Window(SQLiteNumericMixin, Expression):
    """`expression OVER (PARTITION BY … ORDER BY … frame)`.

    Args:
        expression: an aggregate or a window function.
        partition_by: a field name or expression, or several.
        order_by: a field name (`-` for descending) or expression, or several.
        frame: a `RowRange` or `ValueRange`.
        output_field: the type of the result, when not the expression's.
    """

    public_path = "covet.database.orm.Window"
    template = "%(expression)s OVER (%(window)s)"
    # It may hold an aggregate; the query is not grouped for it.
    contains_aggregate: ClassVar[bool] = False
    contains_over_clause: ClassVar[bool] = True

    def __init__(
        self,
        expression: Any,
        partition_by: Any = None,
        order_by: Any = None,
        frame: Any = None,
        output_field: Any = None,
    ) -> None:
        if not getattr(expression, "window_compatible", False):
            raise ValueError(f"Expression '{type(expression).__name__}' isn't compatible with OVER clauses.")
        if partition_by is not None:
            several = partition_by if isinstance(partition_by, (tuple, list)) else (partition_by,)
            partition_by = ExpressionList(*several)
        if order_by is not None:
            if isinstance(order_by, (list, tuple)):
                order_by = OrderByList(*order_by)
            elif isinstance(order_by, (BaseExpression, str)):
                order_by = OrderByList(order_by)
            else:
                raise ValueError(
                    "Window.order_by must be either a string reference to a field, an expression, or a list or tuple "
                    "of them."
                )
        self.partition_by = partition_by
        self.order_by = order_by
        self.frame = frame
        super().__init__(output_field=output_field)
        self.source_expression = self._parse_expressions(expression)[0]

    def __str__(self) -> str:
        partition = f"PARTITION BY {self.partition_by}" if self.partition_by else ""
        return f"{self.source_expression} OVER ({partition}{self.order_by or ''}{self.frame or ''})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def _resolve_output_field(self) -> Any:
        return self.source_expression.output_field

    def get_source_expressions(self) -> list[Any]:
        return [self.source_expression, self.partition_by, self.order_by, self.frame]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.source_expression, self.partition_by, self.order_by, self.frame = exprs

    def as_sql(self, compiler: Any, connection: Any, template: str | None = None) -> tuple[str, Sequence[Any]]:
        connection.ops.check_expression_support(self)
        text, params = compiler.compile(self.source_expression)
        clauses: list[str] = []
        all_params = list(params)
        if self.partition_by is not None:
            clause, own = self.partition_by.as_sql(
                compiler=compiler, connection=connection, template="PARTITION BY %(expressions)s"
            )
            clauses.append(clause)
            all_params.extend(own)
        for part in (self.order_by, self.frame):
            if part is not None:
                clause, own = compiler.compile(part)
                clauses.append(clause)
                all_params.extend(own)
        return (template or self.template) % {"expression": text, "window": " ".join(clauses).strip()}, all_params

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """With the cast to NUMERIC outside of the window."""
        if not is_a(self.output_field, "DecimalField"):
            return self.as_sql(compiler, connection, **extra_context)
        clone = self.copy()
        source = clone.source_expression.copy()
        source.output_field = output("FloatField")
        clone.source_expression = source
        clone.output_field = self.output_field
        return SQLiteNumericMixin.as_sqlite(clone, compiler, connection, **extra_context)

    def get_group_by_cols(self) -> list[Any]:
        columns: list[Any] = []
        if self.partition_by:
            columns.extend(self.partition_by.get_group_by_cols())
        if self.order_by is not None:
            columns.extend(self.order_by.get_group_by_cols())
        return columns


class WindowFrameExclusion(Enum):
    """The rows of a frame that are left out."""

    CURRENT_ROW = "CURRENT ROW"
    GROUP = "GROUP"
    TIES = "TIES"
    NO_OTHERS = "NO OTHERS"

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}.{self._name_}"


class WindowFrame(Expression):
    """The rows that a window function sees; a missing bound is unbounded."""

    template = "%(frame_type)s BETWEEN %(start)s AND %(end)s%(exclude)s"
    frame_type: ClassVar[str]

    def __init__(self, start: int | None = None, end: int | None = None, exclusion: Any = None) -> None:
        self.start = Value(start)
        self.end = Value(end)
        if not (exclusion is None or isinstance(exclusion, WindowFrameExclusion)):
            raise TypeError(f"{type(self).__qualname__}.exclusion must be a WindowFrameExclusion instance.")
        self.exclusion = exclusion

    def _shape(self, out: list[Any]) -> Hashable:
        return (type(self), self.start.value, self.end.value, self.exclusion)

    def _freeze(self, out: list[Any]) -> Any:
        return self

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.start, self.end = exprs

    def get_source_expressions(self) -> list[Any]:
        return [self.start, self.end]

    def get_exclusion(self) -> str:
        """The EXCLUDE clause."""
        return "" if self.exclusion is None else f" EXCLUDE {self.exclusion.value}"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        connection.ops.check_expression_support(self)
        start, end = self.window_frame_start_end(connection, self.start.value, self.end.value)
        if self.exclusion and connection.vendor == "mysql":
            raise NotSupportedError("This backend does not support window frame exclusions.")
        return (
            self.template
            % {"frame_type": self.frame_type, "start": start, "end": end, "exclude": self.get_exclusion()},
            [],
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __str__(self) -> str:
        return self.template % {
            "frame_type": self.frame_type,
            "start": _bound(self.start.value, unbounded="UNBOUNDED PRECEDING"),
            "end": _bound(self.end.value, unbounded="UNBOUNDED FOLLOWING"),
            "exclude": self.get_exclusion(),
        }

    def get_group_by_cols(self) -> list[Any]:
        return []

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> tuple[str, str]:
        """The SQL of both bounds."""
        raise NotImplementedError("Subclasses must implement window_frame_start_end().")


def _bound(value: int | None, *, unbounded: str) -> str:
    if value is None:
        return unbounded
    if value == 0:
        return "CURRENT ROW"
    return f"{abs(value)} {'PRECEDING' if value < 0 else 'FOLLOWING'}"


class RowRange(WindowFrame):
    """A frame counted in rows."""

    frame_type = "ROWS"

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> tuple[str, str]:
        if isinstance(start, int) and isinstance(end, int) and start > end:
            raise ValueError("start cannot be greater than end.")
        for name, value in (("start", start), ("end", end)):
            if value is not None and not isinstance(value, int):
                raise ValueError(f"{name} argument must be an integer, zero, or None, but got '{value}'.")
        return _bound(start, unbounded="UNBOUNDED PRECEDING"), _bound(end, unbounded="UNBOUNDED FOLLOWING")


class ValueRange(WindowFrame):
    """A frame counted in values of the ordering."""

    frame_type = "RANGE"

    def window_frame_start_end(self, connection: Any, start: Any, end: Any) -> tuple[str, str]:
        if (isinstance(start, int) and start > 0) or (start is not None and not isinstance(start, int)):
            raise ValueError(f"start argument must be a negative integer, zero, or None, but got '{start}'.")
        if (isinstance(end, int) and end < 0) or (end is not None and not isinstance(end, int)):
            raise ValueError(f"end argument must be a positive integer, zero, or None, but got '{end}'.")
        if connection.vendor == "postgresql" and (start or end):
            raise NotSupportedError("PostgreSQL only supports UNBOUNDED together with PRECEDING and FOLLOWING.")
        return _bound(start, unbounded="UNBOUNDED PRECEDING"), _bound(end, unbounded="UNBOUNDED FOLLOWING")
