"""SQL text around SQLAlchemy elements: how every expression's SQL is put together.

An expression states its SQL as text with children in it (`as_sql`, Django's signature). The children
are SQLAlchemy elements, kept aside and named by a token in the text; `%s` stands for a parameter.
`element` turns the two into one `ColumnElement`. It never renders SQL itself: SQLAlchemy does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement, ColumnElement
from sqlalchemy.types import NULLTYPE, TypeEngine

from covet.database.orm.expressions import moments
from covet.database.orm.expressions.operators import OPERATORS, PATTERN_ESCAPE, PATTERN_OPERATORS
from covet.database.orm.expressions.outputs import output_for
from covet.database.orm.shape import Const, ListParam, Param

# Private-use characters: they cannot be part of SQL that anybody writes.
OPEN: Final = "\ue000"
CLOSE: Final = "\ue001"
_TOKEN: Final = re.compile(f"{OPEN}(\\d+){CLOSE}|(%s)|(%%)")
_OWN_KEYWORDS: Final = ("add_to_result_map", "within_columns_clause", "within_label_clause", "result_map_targets")


class Fragment(ColumnElement[Any]):
    """SQL text interleaved with elements.

    Args:
        parts: strings (taken as they are) and elements (rendered by SQLAlchemy).
        type_: the SQLAlchemy type of the result.
    """

    __visit_name__ = "covet_fragment"
    inherit_cache = False

    def __init__(self, parts: Sequence[str | ClauseElement], type_: TypeEngine[Any] | None = None) -> None:
        self.parts = tuple(parts)
        self.type = type_ if type_ is not None else NULLTYPE

    def self_group(self, against: Any = None) -> ColumnElement[Any]:
        return self


@compiles(Fragment)
def _render(element: Fragment, compiler: SQLCompiler, **keywords: Any) -> str:
    for name in _OWN_KEYWORDS:
        keywords.pop(name, None)
    doubled = getattr(compiler.preparer, "_double_percents", False)
    rendered: list[str] = []
    for part in element.parts:
        if isinstance(part, str):
            rendered.append(part.replace("%", "%%") if doubled else part)
        else:
            rendered.append(compiler.process(part, **keywords))
    return "".join(rendered)


def _literal(text: str | None) -> str | None:
    return None if text is None else "'" + text.replace("'", "''") + "'"


class Operations:
    """The part of Django's `connection.ops` that expressions written for Django call."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self._quote = "`" if vendor == "mysql" else '"'

    def quote_name(self, name: str) -> str:
        """`name` quoted for the database, once."""
        quote = self._quote
        return name if name.startswith(quote) and name.endswith(quote) else f"{quote}{name}{quote}"

    def prep_for_like_query(self, text: str) -> str:
        """`text` with the wildcards of LIKE escaped."""
        return str(text).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")

    def date_extract_sql(self, lookup_type: str, sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """A part of a date."""
        return moments.extract(self.vendor, lookup_type, sql, kind="date"), params

    def datetime_extract_sql(
        self, lookup_type: str, sql: str, params: Sequence[Any], tzname: str | None
    ) -> tuple[str, Sequence[Any]]:
        """A part of a datetime, on the wall clock of `tzname`."""
        return moments.extract(self.vendor, lookup_type, sql, kind="datetime", zone=_literal(tzname)), params

    def time_extract_sql(self, lookup_type: str, sql: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
        """A part of a time of day."""
        return moments.extract(self.vendor, lookup_type, sql, kind="time"), params

    def date_trunc_sql(
        self, lookup_type: str, sql: str, params: Sequence[Any], tzname: str | None = None
    ) -> tuple[str, Sequence[Any]]:
        """The date on which a part begins."""
        return moments.truncate(self.vendor, lookup_type, sql, result="date", zone=_literal(tzname)), params

    def datetime_trunc_sql(
        self, lookup_type: str, sql: str, params: Sequence[Any], tzname: str | None
    ) -> tuple[str, Sequence[Any]]:
        """The moment at which a part begins."""
        return moments.truncate(self.vendor, lookup_type, sql, result="datetime", zone=_literal(tzname)), params

    def get_db_converters(self, expression: Any) -> list[Any]:
        """Nothing: SQLAlchemy's types convert."""
        return []

    def check_expression_support(self, expression: Any) -> None:
        """Every expression is supported until it is compiled."""


class Connection:
    """What `as_sql(compiler, connection)` receives as its connection: the database's traits, no socket."""

    def __init__(self, compiler: Any) -> None:
        self.vendor: str = compiler.vendor
        self.features = getattr(compiler, "features", None)
        self.ops = Operations(compiler.vendor)
        self.alias = getattr(compiler, "using", "default")
        self.operators = OPERATORS[compiler.vendor]
        self.pattern_ops = PATTERN_OPERATORS[compiler.vendor]
        self.pattern_esc = PATTERN_ESCAPE[compiler.vendor]

    @property
    def display_name(self) -> str:
        """The database's name in error messages."""
        return {"postgresql": "PostgreSQL", "sqlite": "SQLite", "mysql": "MySQL"}.get(self.vendor, self.vendor)


class Assembly:
    """What `as_sql(compiler, connection)` receives as its compiler.

    Attributes:
        real: the compiler of the whole query.
        query: the query being compiled.
    """

    def __init__(self, real: Any) -> None:
        self.real = real
        self.vendor: str = real.vendor
        self.query = getattr(real, "query", None)
        self.connection = Connection(real)
        self._elements: list[ClauseElement] = []

    def compile(self, node: Any) -> tuple[str, list[Any]]:
        """`node`'s place in the SQL text; it has no parameters of its own."""
        return self.token(self.real.process(node)), []

    def token(self, element: ClauseElement) -> str:
        """The text that stands for `element`."""
        self._elements.append(element)
        return f"{OPEN}{len(self._elements) - 1}{CLOSE}"

    def is_parenthesised(self, text: str) -> bool:
        """Whether the SQL begins with a parenthesis."""
        if text.startswith("("):
            return True
        match = _TOKEN.match(text)
        if match is None or match[1] is None:
            return False
        element = self._elements[int(match[1])]
        if not isinstance(element, Fragment):
            return False
        first = element.parts[0]
        return isinstance(first, str) and first.startswith("(")

    def bind(self, slot: Any, field: Any = None) -> str:
        """The text that stands for a bound value of `field`'s type."""
        return self.token(self.real.bind(slot, field))

    def bind_list(self, slot: Any, field: Any = None) -> str:
        """The text that stands for a bound list of `field`'s type, as IN takes it."""
        return self.token(self.real.bind_list(slot, field))

    def quote_name_unless_alias(self, name: str) -> str:
        """`name` quoted."""
        return self.connection.ops.quote_name(name)

    quote_name = quote_name_unless_alias
    __call__ = quote_name_unless_alias

    def element(
        self, sql: str, params: Sequence[Any], type_: TypeEngine[Any] | None = None, field: Any = None
    ) -> ColumnElement[Any]:
        """The SQLAlchemy element for `sql`: tokens become elements, `%s` the next of `params`."""
        parts: list[str | ClauseElement] = []
        remaining = list(params)
        position = 0
        for match in _TOKEN.finditer(sql):
            if match.start() > position:
                parts.append(sql[position : match.start()])
            position = match.end()
            token, placeholder, _percent = match.groups()
            if token is not None:
                parts.append(self._elements[int(token)])
            elif placeholder:
                parts.append(self._parameter(remaining.pop(0), field))
            else:
                parts.append("%")
        if position < len(sql):
            parts.append(sql[position:])
        if len(parts) == 1 and isinstance(parts[0], ColumnElement):
            only = parts[0]
            if type_ is None or only.type is type_:
                return only
        return Fragment(parts, type_)

    def _parameter(self, value: Any, field: Any) -> ClauseElement:
        if isinstance(value, ClauseElement):
            return value
        if isinstance(value, (Param, Const, ListParam)):
            return self.real.bind(value, field)  # type: ignore[no-any-return]
        # What somebody's as_sql computed has the type that it has in Python.
        return self.real.bind(Const(value), output_for(type(value)))  # type: ignore[no-any-return]
