"""SQLAlchemy statements handed to an adapter: compiled, bound and decoded outside SQLAlchemy's connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from covet.database.adapters.rows import named
from covet.exceptions import ProgrammingError

Decoder = Callable[[Any], Any]


def is_statement(value: object) -> bool:
    """Whether it is SQLAlchemy's, not a string."""
    return isinstance(value, ClauseElement)


@dataclass(frozen=True)
class BoundStatement:
    """A compiled statement with its driver-ready values and what its rows need."""

    sql: str
    args: Sequence[Any]
    returns_rows: bool
    columns: tuple[str, ...] | None
    decoders: tuple[Decoder | None, ...]

    def decode(self, rows: list[Any]) -> list[Any]:
        """Rows through the types' result processors."""
        if self.columns is None:
            return rows
        row_type = named(self.columns)
        decoders = self.decoders
        if not any(decoders):
            return [row_type(row) for row in rows]
        return [
            row_type(value if decode is None else decode(value) for value, decode in zip(row, decoders, strict=True))
            for row in rows
        ]


def bind_statement(statement: Any, args: tuple[Any, ...], dialect: Dialect) -> BoundStatement:
    """Compile for `dialect` and bind the statement's own values, then those of `args[0]`, a dict."""
    if len(args) > 1 or (args and not isinstance(args[0], dict)):
        raise ProgrammingError("a SQLAlchemy statement takes its values as one dict, execute(statement, {...})")
    given: dict[str, Any] = args[0] if args else {}
    keys = list(given) if given and getattr(statement, "is_dml", False) else None
    if keys is not None:
        compiled = statement.compile(dialect=dialect, column_keys=keys, compile_kwargs={"render_postcompile": True})
    else:
        compiled = (
            statement.params(**given).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
            if (given)
            else statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        )
    if not isinstance(compiled, SQLCompiler):
        return BoundStatement(str(compiled), (), returns_rows=False, columns=None, decoders=())
    values = compiled.construct_params(given) if keys is not None else compiled.params
    processors = compiled._bind_processors  # noqa: SLF001 - SQLAlchemy has no public name for them
    bound = []
    for name in compiled.positiontup or ():
        value = values[name]
        process: Any = processors.get(name)
        bound.append(value if process is None or isinstance(process, tuple) else process(value))
    result = compiled._result_columns  # noqa: SLF001 - as above
    columns = tuple(str(entry.keyname) for entry in result) if result else None
    decoders = tuple(entry.type.dialect_impl(dialect).result_processor(dialect, None) for entry in result)
    if getattr(statement, "is_dml", False):
        # The dialect may add a RETURNING of its own for the key; only the caller's counts.
        returns_rows = bool(statement.returning_column_descriptions)
    else:
        returns_rows = bool(result) or bool(getattr(statement, "is_select", False))
    return BoundStatement(compiled.string, tuple(bound), returns_rows, columns, decoders)
