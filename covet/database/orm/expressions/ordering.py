"""Orderings: `F('name').desc(nulls_last=True)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covet.database.orm.expressions.base import Expression
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.refs import ColPairs


class OrderBy(Expression):
    """An expression with a direction, and the place of NULLs where it is stated."""

    public_path = "covet.database.orm.OrderBy"
    template = "%(expression)s %(ordering)s"
    conditional = False
    constraint_validation_compatible = False
    allows_composite_expressions = True

    def __init__(
        self,
        expression: Any,
        descending: bool = False,
        nulls_first: bool | None = None,
        nulls_last: bool | None = None,
    ) -> None:
        if nulls_first and nulls_last:
            raise ValueError("nulls_first and nulls_last are mutually exclusive")
        if nulls_first is False or nulls_last is False:
            raise ValueError("nulls_first and nulls_last values must be True or None.")
        if not hasattr(expression, "resolve_expression"):
            raise ValueError("expression must be an expression type")
        self.nulls_first = nulls_first
        self.nulls_last = nulls_last
        self.descending = descending
        self.expression = expression

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.expression}, descending={self.descending})"

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.expression = exprs[0]

    def get_source_expressions(self) -> list[Any]:
        return [self.expression]

    def as_sql(
        self, compiler: Any, connection: Any, template: str | None = None, **extra_context: Any
    ) -> tuple[str, Sequence[Any]]:
        if isinstance(self.expression, ColPairs):
            texts = []
            for column in self.expression.get_cols():
                single = self.copy()
                single.set_source_expressions([column])
                texts.append(compiler.compile(single)[0])
            return ", ".join(texts), []
        template = template or self.template
        if connection.vendor != "mysql":
            if self.nulls_last:
                template = f"{template} NULLS LAST"
            elif self.nulls_first:
                template = f"{template} NULLS FIRST"
        # MySQL and MariaDB put NULLs first when ascending.
        elif self.nulls_last and not self.descending:
            template = f"%(expression)s IS NULL, {template}"
        elif self.nulls_first and self.descending:
            template = f"%(expression)s IS NOT NULL, {template}"
        text, params = compiler.compile(self.expression)
        context = {"expression": text, "ordering": "DESC" if self.descending else "ASC", **extra_context}
        return (template % context).rstrip(), list(params) * template.count("%(expression)s")

    def get_group_by_cols(self) -> list[Any]:
        return [column for source in self.get_source_expressions() for column in source.get_group_by_cols()]

    def reverse_ordering(self) -> Any:
        """Itself, turned round in place."""
        self.descending = not self.descending
        self.nulls_first, self.nulls_last = self.nulls_last or None, self.nulls_first or None
        return self

    def asc(self) -> None:  # type: ignore[override]
        """Make it ascending."""
        self.descending = False

    def desc(self) -> None:  # type: ignore[override]
        """Make it descending."""
        self.descending = True


late.order_by = OrderBy
