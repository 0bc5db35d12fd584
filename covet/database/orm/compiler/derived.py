"""Columns of a derived table: an outer query names what its subquery has computed."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import sqlalchemy as sa

from covet.database.orm.compiler.elements import AliasColumn


class DerivedColumn:
    """A column of the derived table, standing for the expression that it computes.

    Attributes:
        table: the name of the derived table.
    """

    table: ClassVar[str]
    contains_aggregate = False
    contains_over_clause = False

    def __init__(self, name: str, expression: Any) -> None:
        self.name = name
        self.expression = expression

    def __getattr__(self, name: str) -> Any:
        return getattr(self.expression, name)

    def as_clause(self, compiler: Any) -> Any:
        del compiler
        field = self.expression._output_field_or_none
        return AliasColumn(self.table, self.name, field.sa_type() if field is not None else sa.types.NULLTYPE)

    def resolve_expression(self, *_args: Any, **_kwargs: Any) -> Self:
        return self

    def get_source_expressions(self) -> list[Any]:
        return []
