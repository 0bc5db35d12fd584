"""SQL functions that SQLite lacks: `register_function` adds one to every connection, open ones included.

The ORM's lookups and functions register what they compile to; this floor brings REGEXP.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from weakref import WeakSet

_functions: dict[tuple[str, int], tuple[Callable[..., Any], bool]] = {}
_aggregates: dict[tuple[str, int], type[Any]] = {}
_open: WeakSet[sqlite3.Connection] = WeakSet()

VARIADIC: Final = -1


def register_function(name: str, arguments: int, function: Callable[..., Any], *, deterministic: bool = True) -> None:
    """Make `function` callable in SQL as `name`.

    Args:
        name: the SQL name, in any case.
        arguments: how many it takes, -1 for any number.
        function: receives and returns None, int, float, str or bytes; it runs in the connection's thread.
        deterministic: whether equal arguments give equal results, so that indexes may use it.
    """
    _functions[name.lower(), arguments] = (function, deterministic)
    _on_open(lambda connection: connection.create_function(name, arguments, function, deterministic=deterministic))


def register_aggregate(name: str, arguments: int, aggregate: type[Any]) -> None:
    """Make a class with `step` and `finalize` callable in SQL as the aggregate `name`."""
    _aggregates[name.lower(), arguments] = aggregate
    _on_open(lambda connection: connection.create_aggregate(name, arguments, aggregate))


def _on_open(add: Callable[[sqlite3.Connection], None]) -> None:
    for connection in tuple(_open):
        try:
            add(connection)
        except sqlite3.ProgrammingError:
            # Closed, and not yet collected.
            _open.discard(connection)


def install(connection: sqlite3.Connection) -> None:
    """Give a new connection everything that was registered, and what is registered later."""
    for (name, arguments), (function, deterministic) in _functions.items():
        connection.create_function(name, arguments, function, deterministic=deterministic)
    for (name, arguments), aggregate in _aggregates.items():
        connection.create_aggregate(name, arguments, aggregate)
    _open.add(connection)


_compile = lru_cache(maxsize=512)(re.compile)


def _regexp(pattern: str | None, text: Any) -> bool | None:
    if pattern is None or text is None:
        return None
    return _compile(pattern).search(text if isinstance(text, str) else str(text)) is not None


register_function("REGEXP", 2, _regexp)
