"""SQLAlchemy elements of our own: columns by alias, lists for IN, tables by name.

A column here carries no FROM of its own: a query states its FROM clause itself, so that correlation
never depends on what SQLAlchemy would infer.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause


class AliasColumn(ColumnElement[Any]):
    """`alias.column`."""

    __visit_name__ = "covet_alias_column"
    inherit_cache = False

    def __init__(self, alias: str | None, column: str, type_: Any) -> None:
        self.alias = alias
        self.column_name = column
        self.type = type_

    def self_group(self, against: Any = None) -> ColumnElement[Any]:
        return self


@compiles(AliasColumn)
def _alias_column(element: AliasColumn, compiler: SQLCompiler, **_: Any) -> str:
    column = quoted(compiler, element.column_name)
    return column if element.alias is None else f"{quoted(compiler, element.alias)}.{column}"


def quoted(compiler: Any, name: str) -> str:
    """`name` as an identifier; a name that came quoted stays as it is."""
    preparer = compiler.preparer
    if name.startswith(preparer.initial_quote) and name.endswith(preparer.final_quote):
        return name
    text: str = preparer.quote_identifier(name)
    return text


class NamedTable(FromClause):
    """A table in FROM, by name and alias."""

    __visit_name__ = "covet_named_table"
    inherit_cache = False
    named_with_column = True

    def __init__(self, table: str, alias: str) -> None:
        self.table = table
        self.name = alias

    @property
    def _from_objects(self) -> list[FromClause]:
        return [self]

    def _populate_column_collection(self, *_: Any, **__: Any) -> None:
        """It has no column collection: columns are named by `AliasColumn`."""


@compiles(NamedTable)
def _named_table(element: NamedTable, compiler: SQLCompiler, **_: Any) -> str:
    table = quoted(compiler, element.table)
    if element.name == element.table:
        return table
    return f"{table} {quoted(compiler, element.name)}"


class JoinedTables(FromClause):
    """The FROM clause of one query: a table and the joins that hang on it."""

    __visit_name__ = "covet_joined_tables"
    inherit_cache = False

    def __init__(
        self, base: FromClause, joins: list[tuple[str, FromClause, Any]], others: list[FromClause] | None = None
    ) -> None:
        self.base = base
        self.joins = joins
        self.others = others or []

    @property
    def _from_objects(self) -> list[FromClause]:
        return [self]

    def _populate_column_collection(self, *_: Any, **__: Any) -> None:
        """See NamedTable."""


@compiles(JoinedTables)
def _joined_tables(element: JoinedTables, compiler: SQLCompiler, **_: Any) -> str:
    text = [compiler.process(element.base, asfrom=True)]
    for kind, table, condition in element.joins:
        text.append(f"{kind} {compiler.process(table, asfrom=True)} ON ({compiler.process(condition)})")
    return ", ".join([" ".join(text), *(compiler.process(table, asfrom=True) for table in element.others)])


class SlotList(ColumnElement[Any]):
    """A list slot on MySQL and MariaDB: the marker becomes as many placeholders as the list is long."""

    __visit_name__ = "covet_slot_list"
    inherit_cache = False

    def __init__(self, bind: sa.BindParameter[Any]) -> None:
        self.bind = bind
        self.type = bind.type

    def self_group(self, against: Any = None) -> ColumnElement[Any]:
        return self


LIST_MARK = "/*covet:list*/"


@compiles(SlotList)
def _slot_list(element: SlotList, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"({LIST_MARK}{compiler.process(element.bind, **keywords)})"


class JsonItems(ColumnElement[Any]):
    """A list slot on SQLite: one JSON parameter, taken apart by the database."""

    __visit_name__ = "covet_json_items"
    inherit_cache = False

    def __init__(self, bind: sa.BindParameter[Any]) -> None:
        self.bind = bind
        self.type = bind.type

    def self_group(self, against: Any = None) -> ColumnElement[Any]:
        return self


@compiles(JsonItems)
def _json_items(element: JsonItems, compiler: SQLCompiler, **keywords: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.bind, **keywords)}))"
