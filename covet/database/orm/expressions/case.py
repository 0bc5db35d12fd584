"""CASE expressions and wrappers: `Case`, `When`, `ExpressionWrapper`, negation."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from covet.database.orm.expressions.base import Expression, SQLiteNumericMixin
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.outputs import output
from covet.database.orm.expressions.values import Value
from covet.exceptions import EmptyResultSet, FullResultSet

_NOT_FROM_TEXT: Final = {"GenericIPAddressField", "IPAddressField", "TimeField", "UUIDField"}


class ExpressionWrapper(SQLiteNumericMixin, Expression):
    """An expression with a stated output field."""

    public_path = "covet.database.orm.ExpressionWrapper"

    def __init__(self, expression: Any, output_field: Any) -> None:
        super().__init__(output_field=output_field)
        self.expression = expression

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.expression})"

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.expression = exprs[0]

    def get_source_expressions(self) -> list[Any]:
        return [self.expression]

    def get_group_by_cols(self) -> list[Any]:
        if isinstance(self.expression, Expression):
            expression = self.expression.copy()
            expression.output_field = self.output_field
            return expression.get_group_by_cols()
        return super().get_group_by_cols()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        return compiler.compile(self.expression)  # type: ignore[no-any-return]

    @property
    def allowed_default(self) -> bool:  # type: ignore[override]
        """Whether the wrapped expression may be a column's default."""
        return bool(self.expression.allowed_default)


class NegatedExpression(ExpressionWrapper):
    """NOT of a condition."""

    def __init__(self, expression: Any) -> None:
        super().__init__(expression, output_field=output("BooleanField"))

    def __invert__(self) -> Any:
        return self.expression.copy()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        try:
            text, params = super().as_sql(compiler, connection)
        except EmptyResultSet:
            return compiler.compile(Value(True))  # type: ignore[no-any-return]
        return f"NOT {text}", params

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        resolved = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        if not getattr(resolved.expression, "conditional", False):
            raise TypeError("Cannot negate non-conditional expressions.")
        return resolved


class When(Expression):
    """One branch of a `Case`: a condition, and the result where it holds."""

    public_path = "covet.database.orm.When"
    template = "WHEN %(condition)s THEN %(result)s"
    conditional = False

    def __init__(self, condition: Any = None, then: Any = None, **lookups: Any) -> None:
        rest: dict[str, Any] | None = lookups
        if lookups:
            if condition is None:
                condition, rest = late.condition(**lookups), None
            elif getattr(condition, "conditional", False):
                condition, rest = late.condition(condition, **lookups), None
        if condition is None or not getattr(condition, "conditional", False) or rest:
            raise TypeError("When() supports a Q object, a boolean expression, or lookups as a condition.")
        if hasattr(condition, "connector") and hasattr(condition, "children") and not condition:
            raise ValueError("An empty Q() can't be used as a When() condition.")
        super().__init__(output_field=None)
        self.condition = condition
        self.result = self._parse_expressions(then)[0]

    def __str__(self) -> str:
        return f"WHEN {self.condition!r} THEN {self.result!r}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def get_source_expressions(self) -> list[Any]:
        return [self.condition, self.result]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.condition, self.result = exprs

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
        # The condition filters, even when the result is to be saved.
        clone.condition = self.condition.resolve_expression(query, allow_joins, reuse, summarize, False)
        clone.result = self.result.resolve_expression(query, allow_joins, reuse, summarize, for_save)
        return clone

    def get_source_fields(self) -> list[Any]:
        return [self.result._output_field_or_none]

    def as_sql(
        self, compiler: Any, connection: Any, template: str | None = None, **extra_context: Any
    ) -> tuple[str, Sequence[Any]]:
        connection.ops.check_expression_support(self)
        condition, condition_params = compiler.compile(self.condition)
        result, result_params = compiler.compile(self.result)
        context = {**extra_context, "condition": condition, "result": result}
        return (template or self.template) % context, (*condition_params, *result_params)

    def get_group_by_cols(self) -> list[Any]:
        return [column for source in self.get_source_expressions() for column in source.get_group_by_cols()]

    @functools.cached_property
    def allowed_default(self) -> bool:  # type: ignore[override]
        """Whether both parts may be part of a column's default."""
        return bool(self.condition.allowed_default and self.result.allowed_default)


class Case(SQLiteNumericMixin, Expression):
    """A searched CASE: the result of the first `When` whose condition holds, else `default`."""

    public_path = "covet.database.orm.Case"
    template = "CASE %(cases)s ELSE %(default)s END"
    case_joiner = " "

    def __init__(self, *cases: Any, default: Any = None, output_field: Any = None, **extra: Any) -> None:
        if not all(isinstance(case, When) for case in cases):
            raise TypeError("Positional arguments must all be When objects.")
        super().__init__(output_field)
        self.cases = list(cases)
        self.default = self._parse_expressions(default)[0]
        self.extra = extra

    def __str__(self) -> str:
        return f"CASE {', '.join(str(case) for case in self.cases)}, ELSE {self.default!r}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def get_source_expressions(self) -> list[Any]:
        return [*self.cases, self.default]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        *self.cases, self.default = exprs

    def copy(self) -> Any:
        clone = super().copy()
        clone.cases = clone.cases[:]
        return clone

    def as_sql(
        self,
        compiler: Any,
        connection: Any,
        template: str | None = None,
        case_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, Sequence[Any]]:
        connection.ops.check_expression_support(self)
        if not self.cases:
            return compiler.compile(self.default)  # type: ignore[no-any-return]
        context = {**self.extra, **extra_context}
        texts: list[str] = []
        params: list[Any] = []
        default, default_params = compiler.compile(self.default)
        for case in self.cases:
            try:
                text, own = compiler.compile(case)
            except EmptyResultSet:
                continue
            except FullResultSet:
                default, default_params = compiler.compile(case.result)
                break
            texts.append(text)
            params.extend(own)
        if not texts:
            return default, default_params
        context["cases"] = (case_joiner or self.case_joiner).join(texts)
        context["default"] = default
        params.extend(default_params)
        text = (template or context.get("template", self.template)) % context
        field = self._output_field_or_none
        if connection.vendor == "postgresql" and field is not None and field.get_internal_type() in _NOT_FROM_TEXT:
            # Branches that are text do not become these types by themselves.
            text = f"CAST({text} AS {field.db_type(connection).split('(')[0]})"
        return text, params

    def get_group_by_cols(self) -> list[Any]:
        if not self.cases:
            return self.default.get_group_by_cols()  # type: ignore[no-any-return]
        return super().get_group_by_cols()

    @functools.cached_property
    def allowed_default(self) -> bool:  # type: ignore[override]
        """Whether every part may be part of a column's default."""
        return bool(self.default.allowed_default and all(case.allowed_default for case in self.cases))


late.negated = NegatedExpression
