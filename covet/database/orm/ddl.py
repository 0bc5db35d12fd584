"""Expressions as DDL: conditions, defaults and generated columns with their values written out.

Tables and schema migrations ask for them; queries never do.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from covet.database.adapters.features import MARIADB, POSTGRESQL, SQLITE
from covet.database.orm.compiler.elements import AliasColumn
from covet.database.orm.compiler.emitter import Emitter
from covet.database.orm.compiler.query import Query
from covet.database.orm.expressions.refs import F
from covet.database.orm.expressions.values import Value
from covet.database.orm.indexes import OpClass
from covet.database.orm.shape import Const, Param, freeze
from covet.database.orm.types import sql_literal

_DATABASES: Final[dict[str, Any]] = {
    "postgresql": SimpleNamespace(
        vendor="postgresql",
        alias="default",
        dialect=postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call, unused-ignore]
        features=POSTGRESQL,
    ),
    "sqlite": SimpleNamespace(
        vendor="sqlite",
        alias="default",
        dialect=sqlite.dialect(paramstyle="named"),
        features=SQLITE,
    ),
    "mysql": SimpleNamespace(
        vendor="mysql", alias="default", dialect=mysql.dialect(paramstyle="named", is_mariadb=True), features=MARIADB
    ),
}
_COLUMN: Final = re.compile(r'"(?:[^"]|"")*"|`[^`]*`')
_PLAIN: Final = re.compile(r"'(?:[^']|'')*'|-?[\w.]+")


class DefinitionEmitter(Emitter):
    """Emits bare columns and literal values: DDL has neither aliases nor parameters."""

    def column(self, alias: str | None, field: Any) -> AliasColumn:
        """The column, without its table."""
        del alias
        return AliasColumn(None, field.column, field.sa_type())

    def within(self, query: Any) -> Emitter:
        """The same for a part of the expression."""
        return DefinitionEmitter(query, self.adapter, self.slots)

    def bind(self, slot: Param | Const, field: Any = None) -> Any:
        """The value as SQL text."""
        value = slot.value if isinstance(slot, Const) else slot
        type_ = field.sa_type() if hasattr(field, "sa_type") else field
        process = None if type_ is None or value is None else type_.literal_processor(self.dialect)
        text = sql_literal(value, self.vendor) if process is None else process(value)
        return sa.literal_column(str(text), type_)


def expression_sql(model: Any, expression: Any, vendor: str) -> str:
    """An expression over a model's own columns, as one database's SQL.

    Args:
        model: the model.
        expression: an expression or a Q.
        vendor: the database.
    """
    database = _DATABASES[vendor]
    values: list[Any] = []
    query = Query(model, vendor=vendor)
    frozen = _constants(freeze(expression, values), values)
    resolved = frozen.resolve_expression(query, allow_joins=False)
    emitter = DefinitionEmitter(query, database)
    element = emitter.process(resolved)
    return str(element.compile(dialect=database.dialect, compile_kwargs={"literal_binds": True}))


def index_item_sql(model: Any, item: Any, vendor: str) -> str:
    """One item of an index, a field's name or an expression; order and operator class stand outside the brackets."""
    if isinstance(item, str):
        item = F(item)
    order = suffix = ""
    if hasattr(item, "descending"):
        order = " DESC" if item.descending else " ASC"
        order += " NULLS FIRST" if item.nulls_first else ""
        order += " NULLS LAST" if item.nulls_last else ""
        item = item.expression
    if isinstance(item, OpClass):
        suffix = f" {item.extra['name']}" if vendor == "postgresql" else ""
        item = item.get_source_expressions()[0]
    text = expression_sql(model, item, vendor)
    is_column = _COLUMN.fullmatch(text) is not None
    return f"{text if is_column else f'({text})'}{suffix}{order}"


def default_sql(model: Any, field: Any, vendor: str) -> str:
    """A field's `db_default` as SQL, in brackets where the database wants them."""
    expression = field.db_default
    if not hasattr(expression, "resolve_expression"):
        expression = Value(expression, field)
    text = expression_sql(model, expression, vendor)
    if vendor == "postgresql" or (vendor == "sqlite" and isinstance(expression, Value)) or _PLAIN.fullmatch(text):
        return text
    return f"({text})"


def condition_sql(model: Any, condition: Any, vendor: str) -> str:
    """A constraint's condition as SQL; several parts stand in brackets of their own, as Django writes them."""
    text = expression_sql(model, condition, vendor)
    parts = getattr(condition, "children", ())
    return f"({text})" if len(parts) > 1 and not condition.negated else text


def _constants(frozen: Any, values: list[Any]) -> Any:
    """A frozen expression (a copy of ours alone) with its slots replaced by their values."""
    if isinstance(frozen, Param):
        value = values[frozen.index]
        for prepare in frozen.preps:
            value = prepare(value)
        return Const(value)
    if isinstance(frozen, list):
        return [_constants(each, values) for each in frozen]
    if isinstance(frozen, tuple):
        return tuple(_constants(each, values) for each in frozen)
    if isinstance(frozen, dict):
        return {key: _constants(each, values) for key, each in frozen.items()}
    if hasattr(frozen, "resolve_expression") and hasattr(frozen, "__dict__"):
        for name, value in vars(frozen).items():
            if isinstance(value, Param | list | tuple | dict) or hasattr(value, "resolve_expression"):
                frozen.__dict__[name] = _constants(value, values)
    return frozen
