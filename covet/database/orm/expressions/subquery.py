"""Subqueries as expressions: `Subquery`, `Exists`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from covet.database.orm.expressions.base import Expression
from covet.database.orm.expressions.outputs import output
from covet.database.orm.expressions.values import Value
from covet.database.orm.shape import freeze, shape_of, structure_of
from covet.exceptions import EmptyResultSet


class Subquery(Expression):
    """The value of another QuerySet's one column, for each row.

    Args:
        queryset: the QuerySet; it may refer to the outer row with `OuterRef`.
        output_field: the type of the result, when not the selected column's.
        extra: values for the template's placeholders.
    """

    public_path = "covet.database.orm.Subquery"
    template = "(%(subquery)s)"
    contains_aggregate = False
    empty_result_set_value: Any = None
    subquery = True

    def __init__(self, queryset: Any, output_field: Any = None, **extra: Any) -> None:
        self.query = queryset
        self.extra = extra
        super().__init__(output_field)

    def _shape(self, out: list[Any]) -> Hashable:
        # The options come first in both walks: the QuerySet's values are collected last.
        own = (type(self), self.__dict__.get("output_field"), structure_of(self.extra, out))
        return (*own, shape_of(self.query, out))

    def _freeze(self, out: list[Any]) -> Any:
        frozen = object.__new__(type(self))
        frozen.__dict__["_constructor_args"] = None
        frozen.__dict__.update(
            (name, item)
            for name, item in self.__dict__.items()
            if name not in {"_constructor_args", "_identity", "query"}
        )
        frozen.query = freeze(self.query, out)
        return frozen

    def get_source_expressions(self) -> list[Any]:
        return [self.query]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.query = exprs[0]

    def _resolve_output_field(self) -> Any:
        return self.query.output_field

    @property
    def conditional(self) -> bool:
        """Whether its column is a boolean; not known, and so not excluded, before it is resolved."""
        try:
            return super().conditional
        except AttributeError:
            return True

    @property
    def external_aliases(self) -> Any:
        """The aliases of outer tables that it refers to."""
        return getattr(self.query, "external_aliases", {})

    def get_external_cols(self) -> list[Any]:
        """The outer columns that it refers to."""
        return list(getattr(self.query, "external_cols", ()))

    def as_sql(
        self, compiler: Any, connection: Any, template: str | None = None, **extra_context: Any
    ) -> tuple[str, Sequence[Any]]:
        connection.ops.check_expression_support(self)
        context = {**self.extra, **extra_context}
        context["subquery"] = compiler.token(self.inner_select(compiler))
        return (template or context.get("template", self.template)) % context, []

    def inner_select(self, compiler: Any) -> Any:
        """The SELECT of the subquery."""
        return compiler.real.subselect(self.query)

    def get_group_by_cols(self) -> list[Any]:
        grouping = getattr(self.query, "get_group_by_cols", None)
        if grouping is None:
            return [self]
        return grouping(wrapper=self)  # type: ignore[no-any-return]


class Exists(Subquery):
    """Whether another QuerySet has a row, for each row."""

    public_path = "covet.database.orm.Exists"
    template = "EXISTS(%(subquery)s)"
    empty_result_set_value = False

    def _resolve_output_field(self) -> Any:
        return output("BooleanField")

    @property
    def conditional(self) -> bool:
        """True."""
        return True

    def as_sql(
        self, compiler: Any, connection: Any, template: str | None = None, **extra_context: Any
    ) -> tuple[str, Sequence[Any]]:
        try:
            return super().as_sql(compiler, connection, template, **extra_context)
        except EmptyResultSet:
            return compiler.compile(Value(False))  # type: ignore[no-any-return]

    def inner_select(self, compiler: Any) -> Any:
        """One row of nothing: only whether it is there matters."""
        return compiler.real.exists(self.query)
