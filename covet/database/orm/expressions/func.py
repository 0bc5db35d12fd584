"""Function calls, the base of nearly every database function."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

from covet.database.orm.expressions.base import Expression, SQLiteNumericMixin
from covet.database.orm.expressions.late import late
from covet.database.orm.shape import Param
from covet.exceptions import EmptyResultSet, FullResultSet


class Func(SQLiteNumericMixin, Expression):
    """A call of an SQL function.

    Args:
        expressions: the arguments; a string names a field.
        output_field: the type of the result.
        extra: values for the template's other placeholders.

    Attributes:
        function: the function's name.
        template: how the call is written; `%(function)s`, `%(expressions)s` and the names in `extra`.
        arg_joiner: what stands between the arguments.
        arity: how many arguments it takes; None for any number.
    """

    public_path = "covet.database.orm.Func"
    function: Any = None
    template: str = "%(function)s(%(expressions)s)"
    arg_joiner: str = ", "
    arity: ClassVar[int | None] = None

    def __init__(self, *expressions: Any, output_field: Any = None, **extra: Any) -> None:
        if self.arity is not None and len(expressions) != self.arity:
            noun = "argument" if self.arity == 1 else "arguments"
            raise TypeError(f"'{type(self).__name__}' takes exactly {self.arity} {noun} ({len(expressions)} given)")
        super().__init__(output_field=output_field)
        self.source_expressions = self._parse_expressions(*expressions)
        self.extra = extra

    def __repr__(self) -> str:
        arguments = self.arg_joiner.join(str(argument) for argument in self.source_expressions)
        options = {**self.extra, **self._get_repr_options()}
        if not options:
            return f"{type(self).__name__}({arguments})"
        listed = ", ".join(f"{name}={value}" for name, value in sorted(options.items()))
        return f"{type(self).__name__}({arguments}, {listed})"

    def _get_repr_options(self) -> dict[str, Any]:
        return {}

    def get_source_expressions(self) -> list[Any]:
        return self.source_expressions

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.source_expressions = list(exprs)

    def as_sql(
        self,
        compiler: Any,
        connection: Any,
        function: Any = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, Sequence[Any]]:
        """The call; the keywords take precedence over the constructor's, those over the class's."""
        connection.ops.check_expression_support(self)
        texts: list[str] = []
        params: list[Any] = []
        for argument in self.source_expressions:
            text, own = compile_argument(compiler, argument)
            texts.append(text)
            params.extend(own)
        context = {**self.extra, **extra_context}
        if function is not None:
            context["function"] = function
        else:
            context.setdefault("function", self.function)
        template = template or context.get("template", self.template)
        joiner: str = arg_joiner or context.get("arg_joiner", self.arg_joiner)
        context["expressions"] = context["field"] = joiner.join(texts)
        return template % context, params

    def copy(self) -> Any:
        clone = super().copy()
        clone.source_expressions = self.source_expressions[:]
        clone.extra = self.extra.copy()
        return clone

    @functools.cached_property
    def allowed_default(self) -> bool:  # type: ignore[override]
        """Whether every argument may be part of a column's default."""
        return all(argument.allowed_default for argument in self.source_expressions)


def compile_argument(compiler: Any, argument: Any) -> tuple[str, Sequence[Any]]:
    """An argument's SQL; of one that can have no rows, that of the value it then has.

    Raises:
        EmptyResultSet: no such value is known.
    """
    try:
        return compiler.compile(argument)  # type: ignore[no-any-return]
    except EmptyResultSet:
        fallback = getattr(argument, "empty_result_set_value", NotImplemented)
        if fallback is NotImplemented:
            raise
    except FullResultSet:
        fallback = True
    typed = late.value(fallback, argument._output_field_or_none if isinstance(fallback, Param) else None)
    return compiler.compile(typed)  # type: ignore[no-any-return]


class ExpressionList(Func):
    """Several expressions in one place, as a partition clause has."""

    template = "%(expressions)s"

    def __str__(self) -> str:
        return self.arg_joiner.join(str(argument) for argument in self.source_expressions)

    def as_sql(self, *args: Any, **kwargs: Any) -> tuple[str, Sequence[Any]]:
        if not self.source_expressions:
            return "", ()
        return super().as_sql(*args, **kwargs)

    def as_sqlite(self, compiler: Any, connection: Any, **extra_context: Any) -> tuple[str, Sequence[Any]]:
        """Uncast: a list is no number."""
        return self.as_sql(compiler, connection, **extra_context)

    def get_group_by_cols(self) -> list[Any]:
        return [column for source in self.get_source_expressions() for column in source.get_group_by_cols()]


class OrderByList(ExpressionList):
    """An ORDER BY inside a call or a window; strings may start with `-`."""

    allowed_default: bool = False
    template = "ORDER BY %(expressions)s"

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        super().__init__(
            *(
                late.order_by(late.reference(item[1:]), descending=True)
                if isinstance(item, str) and item.startswith("-")
                else item
                for item in expressions
            ),
            **extra,
        )
