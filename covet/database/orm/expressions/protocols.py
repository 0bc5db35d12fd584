"""What expressions expect of the floors above them: the query, its compiler and fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy.sql.elements import ColumnElement


class FieldLike(Protocol):
    """The part of a model field that expressions and lookups use."""

    name: str
    column: str | None

    def get_internal_type(self) -> str: ...
    def get_prep_value(self, value: Any) -> Any: ...
    def get_lookup(self, lookup_name: str) -> Any: ...
    def get_transform(self, lookup_name: str) -> Any: ...
    def sa_type(self) -> Any: ...


class Compiler(Protocol):
    """Turns resolved expressions into SQLAlchemy elements for one database."""

    vendor: str
    features: Any
    query: Any

    def process(self, expression: Any) -> ColumnElement[Any]: ...
    def column(self, alias: str, field: Any) -> ColumnElement[Any]: ...
    def bind(self, slot: Any, field: Any = None) -> ColumnElement[Any]: ...
    def bind_list(self, slot: Any, field: Any = None) -> ColumnElement[Any]: ...
    def subselect(self, query: Any) -> Any: ...


class QueryLike(Protocol):
    """The query that expressions are resolved against."""

    model: Any
    annotations: dict[str, Any]

    def resolve_ref(
        self,
        name: str,
        allow_joins: bool = True,
        reuse: Any = None,
        summarize: bool = False,
    ) -> Any: ...


SQL = tuple[str, Sequence[Any]]
