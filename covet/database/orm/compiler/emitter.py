"""The emitter: resolved expressions become SQLAlchemy elements for one database.

Expressions call it as `compiler`. It collects which slot each bound parameter takes its value from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from covet.database.orm.compiler.elements import AliasColumn, JsonItems, SlotList
from covet.database.orm.expressions.fragments import Assembly
from covet.database.orm.shape import Const, Param
from covet.exceptions import EmptyResultSet, FullResultSet


class Emitter:
    """What expressions emit through.

    Args:
        query: the query in whose context expressions are emitted.
        adapter: the database: its vendor, dialect and features.
        slots: parameter name to the Param it is bound from; shared by all levels of one statement.
    """

    def __init__(self, query: Any, adapter: Any, slots: dict[str, Binding] | None = None) -> None:
        self.query = query
        self.adapter = adapter
        self.vendor: str = adapter.vendor
        self.dialect = adapter.dialect
        self.features = adapter.features
        self.using: str = adapter.alias
        self.slots: dict[str, Binding] = {} if slots is None else slots
        self.labels: dict[str, Any] = {}
        self.values: Any = None
        self.keeps_empty = False
        self._bound: dict[tuple[Any, ...], tuple[Any, Any, Any]] = {}

    def within(self, query: Any) -> Emitter:
        """The emitter of a subquery: the same slots, the subquery's names."""
        emitter = Emitter(query, self.adapter, self.slots)
        emitter._bound = self._bound
        emitter.values = self.values
        emitter.keeps_empty = self.keeps_empty
        return emitter

    def process(self, expression: Any) -> Any:
        """The element of an expression, as the database spells it."""
        method = getattr(expression, f"as_{self.vendor}_clause", None) or getattr(expression, "as_clause", None)
        if method is not None:
            return method(self)
        # Whatever has Django's as_sql() may restrict a join.
        assembly = Assembly(self)
        return assembly.element(*expression.as_sql(assembly, assembly.connection))

    def column(self, alias: str | None, field: Any) -> AliasColumn:
        """A column of a table that is part of the query."""
        return AliasColumn(alias, field.column, field.sa_type())

    def bind(self, slot: Param | Const, field: Any = None) -> Any:
        """A bound parameter with the field's (or SQLAlchemy) type.

        Raises:
            EmptyResultSet, FullResultSet: the slot's value was found to match nothing, everything.
        """
        return self._bind(slot, field, "one")

    def bind_list(self, slot: Any, field: Any = None) -> Any:
        """What stands right of IN (of `= ` on PostgreSQL) for a list slot: one parameter, however long the list."""
        if self.vendor == "postgresql":
            return sa.any_(self._bind(slot, field, "array"))
        if self.vendor == "sqlite":
            return JsonItems(self._bind(slot, field, "json"))
        return SlotList(self._bind(slot, field, "expanded"))

    def _bind(self, slot: Param | Const, field: Any, kind: str) -> Any:
        # One parameter for one value: PostgreSQL must see that SELECT and GROUP BY mean the same.
        key = _key(slot, kind)
        known = self._bound.get(key)
        if known is not None and known[2] is field:
            return known[1]
        if isinstance(slot, Param):
            mark = self.query.marks.get(slot.index) if self.query is not None else None
            if mark == "empty":
                raise EmptyResultSet
            if mark == "full":
                raise FullResultSet
        type_ = field.sa_type() if hasattr(field, "sa_type") else field
        sql_type = type_
        if kind == "array":
            sql_type = postgresql.ARRAY(_underlying(type_, self.dialect))
        elif kind == "json":
            sql_type = sa.Text()
        name = f"b{len(self.slots)}"
        self.slots[name] = Binding(slot, type_, kind)
        bind = sa.bindparam(name, type_=sql_type, unique=False)
        self._bound[key] = (slot, bind, field)
        return bind

    def subselect(self, query: Any) -> Any:
        """The SELECT of an inner query."""
        return late.select(query, self)

    def exists(self, query: Any) -> Any:
        """The SELECT of an inner query, of which only whether it has a row matters."""
        return late.exists(query, self)


class Late:
    """What the emitter needs of the modules above it; set once at import."""

    select: Any
    exists: Any


late = Late()


@dataclass(slots=True)
class Binding:
    """Where one parameter of a statement gets its value.

    Attributes:
        slot: the Param or Const.
        type: the SQLAlchemy type whose bind processor prepares the value (each item of a list).
        kind: `one`, or how a list is handed over: `array`, `json`, `expanded`.
    """

    slot: Param | Const
    type: Any
    kind: str


def _key(slot: Param | Const, kind: str) -> tuple[Any, ...]:
    """What makes two slots one parameter; the slot itself keeps the identity of an unhashable constant alive."""
    if isinstance(slot, Param):
        return type(slot), slot.index, slot.preps, kind
    try:
        hash(slot.value)
    except TypeError:
        return Const, slot, kind
    return Const, type(slot.value), slot.value, kind


def _underlying(type_: Any, dialect: Any) -> Any:
    if type_ is None:
        return sa.Text()
    return type_.load_dialect_impl(dialect) if hasattr(type_, "load_dialect_impl") else type_
