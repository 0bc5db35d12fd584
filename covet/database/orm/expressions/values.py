"""Values, raw SQL and the star."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from covet.database.orm.expressions.base import Expression, SQLiteNumericMixin
from covet.database.orm.expressions.identity import field_key
from covet.database.orm.expressions.late import late
from covet.database.orm.expressions.outputs import output, output_for
from covet.database.orm.shape import Const, Param, freeze, is_slot, shape_of
from covet.database.orm.types import saved_type


class Value(SQLiteNumericMixin, Expression):
    """A bound value.

    Args:
        value: the value; its Python type says the output field where none is given.
        output_field: the field that prepares it.
    """

    public_path = "covet.database.orm.Value"
    for_save = False
    allowed_default = True

    def __init__(self, value: Any, output_field: Any = None) -> None:
        super().__init__(output_field=output_field)
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def _shape(self, out: list[Any]) -> Hashable:
        value = self.value
        given = self.__dict__.get("output_field")
        field = None if given is None else field_key(given)
        if value is None or value is True or value is False:
            return (type(self), value, field)
        if hasattr(value, "_shape"):
            return (type(self), value._shape(out), field)
        out.append(value)
        # The type is part of the shape: it says the output field, which SQL needs to be typed.
        return (type(self), type(value), field)

    def _freeze(self, out: list[Any]) -> Any:
        value = self.value
        frozen = object.__new__(type(self))
        frozen.__dict__["_constructor_args"] = None
        frozen.__dict__.update(
            (name, item)
            for name, item in self.__dict__.items()
            if name not in {"_constructor_args", "_identity", "value"}
        )
        if value is None or value is True or value is False:
            frozen.value = Const(value)
        elif hasattr(value, "_freeze"):
            frozen.value = value._freeze(out)
        else:
            out.append(value)
            frozen.value = Param(len(out) - 1)
        frozen.__dict__["_kind"] = type(value)
        return frozen

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        value = self.value
        if not is_slot(value):
            value = Const(value)
        field = self._output_field_or_none
        if isinstance(value, Const) and value.value is None:
            if field is not None and field.get_internal_type() == "JSONField":
                # A value of a JSON field is JSON's own null; a plain None is the database's.
                return ("'null'::jsonb" if connection.vendor == "postgresql" else "'null'"), []
            return "NULL", []
        if field is None:
            return compiler.bind(value), []
        saved = saved_type(field) if self.for_save else None
        if saved is not None:
            return compiler.bind(value, saved), []
        prepared = value.prep(field.get_prep_value)
        if isinstance(prepared, Const) and prepared.value is None:
            return "NULL", []
        if hasattr(field, "get_placeholder"):
            placeholder = field.get_placeholder(prepared, compiler, connection)
            return placeholder.replace("%s", compiler.bind(prepared, field), 1), []
        return compiler.bind(prepared, field), []

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        clone = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        clone.for_save = for_save
        if query is not None and is_slot(clone.value):
            clone.value = query.localize(clone.value)
        return clone

    def get_group_by_cols(self) -> list[Any]:
        return []

    def _resolve_output_field(self) -> Any:
        kind = self.__dict__.get("_kind")
        if kind is None:
            value = self.value.value if isinstance(self.value, Const) else self.value
            kind = type(value)
        return output_for(kind)

    @property
    def empty_result_set_value(self) -> Any:
        """The value itself: it needs no row."""
        return self.value.value if isinstance(self.value, Const) else self.value


class RawSQL(Expression):
    """SQL written by hand, with `%s` for each of `params`."""

    allowed_default = True

    def __init__(self, sql: str, params: Sequence[Any], output_field: Any = None) -> None:
        self.sql = sql
        self.params = params
        super().__init__(output_field=output_field if output_field is not None else output("Field"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.sql}, {self.params})"

    def _shape(self, out: list[Any]) -> Hashable:
        params = tuple((type(item), shape_of(item, out)) for item in self.params)
        return (type(self), self.sql, params, field_key(self.output_field))

    def _freeze(self, out: list[Any]) -> Any:
        frozen = object.__new__(type(self))
        frozen.__dict__["_constructor_args"] = None
        frozen.__dict__.update(
            (name, item) for name, item in self.__dict__.items() if name not in {"_constructor_args", "_identity"}
        )
        frozen.params = [_typed(freeze(item, out), type(item)) for item in self.params]
        return frozen

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        params = []
        for item in self.params:
            if isinstance(item, Value):
                params.append(compiler.real.process(item))
            else:
                slot = item if is_slot(item) else Const(item)
                params.append(compiler.real.bind(slot, output_for(type(item))))
        return f"({self.sql})", params

    def get_group_by_cols(self) -> list[Any]:
        return [self]

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        # A column of a parent's table in the text needs that table to be joined.
        if query is not None and query.model:
            text = self.sql.lower()
            for parent in getattr(query.model._meta, "all_parents", ()):
                for field in parent._meta.local_fields:
                    if field.column is not None and field.column.lower() in text:
                        query.resolve_ref(field.name, allow_joins, reuse, summarize)
                        break
        clone = super().resolve_expression(query, allow_joins, reuse, summarize, for_save)
        if query is not None:
            clone.params = [
                item.resolve_expression(query)
                if isinstance(item, Value)
                else query.localize(item)
                if is_slot(item)
                else item
                for item in clone.params
            ]
        return clone


class Star(Expression):
    """The `*` of `COUNT(*)`."""

    def __repr__(self) -> str:
        return "'*'"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        return "*", []


class DatabaseDefault(Expression):
    """DEFAULT in an INSERT; the underlying expression everywhere else."""

    def __init__(self, expression: Any, output_field: Any = None) -> None:
        super().__init__(output_field)
        self.expression = expression

    def get_source_expressions(self) -> list[Any]:
        return [self.expression]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.expression,) = exprs

    def resolve_expression(
        self,
        query: Any = None,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
        for_save: bool = False,
    ) -> Any:
        resolved = self.expression.resolve_expression(query, allow_joins, reuse, summarize, for_save)
        if not for_save:
            return resolved
        return DatabaseDefault(resolved, output_field=self._output_field_or_none)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Sequence[Any]]:
        if connection.vendor == "sqlite":
            return compiler.compile(self.expression)  # type: ignore[no-any-return]
        return "DEFAULT", []


def _typed(slot: Any, kind: type[Any]) -> Any:
    """A parameter of raw SQL that keeps its Python type, so that SQL gets it typed."""
    value = object.__new__(Value)
    value.__dict__.update(value=slot, _kind=kind)
    return value if isinstance(slot, Param) else slot


late.value = Value
