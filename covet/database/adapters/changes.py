"""Changes: which tables this task and its kin wrote to; adapters note it, caches of reads compare.

It tells no more than "something may be different now".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Final

_NAME: Final = r"""(?:"[^"]*"|`[^`]*`|[^\s("`.]+)"""
_WRITE = re.compile(
    rf"\s*(?:INSERT(?:\s+OR\s+\w+|\s+IGNORE)?\s+INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)\s+"
    rf"({_NAME}(?:\.{_NAME})*)",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"\s*(?:SELECT|BEGIN|START|COMMIT|SAVEPOINT|RELEASE|SET|SHOW|PRAGMA|EXPLAIN)\b", re.IGNORECASE)
_QUOTES = str.maketrans("", "", '"`')
_MOST: Final = 4096
_LONGEST: Final = 2000

_NOTHING: Final = ""
_EVERYTHING: Final = "*"
_tables: dict[str, str] = {}


class Changes:
    """Counts of writes, by table.

    Attributes:
        total: all of them. unknown: those of which the table is not known.
    """

    __slots__ = ("_by_table", "total", "unknown")

    def __init__(self) -> None:
        self.total = 0
        self.unknown = 0
        self._by_table: dict[str, int] = {}

    def note(self, table: str) -> None:
        """Count a write to `table` (`*`: to any)."""
        self.total += 1
        if table == _EVERYTHING:
            self.unknown += 1
        else:
            self._by_table[table] = self._by_table.get(table, 0) + 1

    def up_to(self, tables: Iterable[str] | None) -> int:
        """How many writes may have touched `tables` (None: any table) so far."""
        if tables is None:
            return self.total
        counts = self._by_table
        total = self.unknown
        for table in tables:
            if table in counts:
                total += counts[table]
        return total


_changes: ContextVar[Changes] = ContextVar("covet_database_changes")


def changes_here() -> Changes:
    """The counts of the running context; tasks started from here share them."""
    try:
        return _changes.get()
    except LookupError:
        made = Changes()
        _changes.set(made)
        return made


def note_statement(sql: str) -> None:
    """Count a statement that may write."""
    table = _tables.get(sql)
    if table is None:
        table = _written_table(sql)
        # Statements that insert many rows are long, and seldom the same twice.
        if len(sql) <= _LONGEST:
            if len(_tables) >= _MOST:
                _tables.clear()
            _tables[sql] = table
    if table:
        changes_here().note(table)


def plain_name(table: str) -> str:
    """A table's name as changes are counted under it."""
    return table.translate(_QUOTES)


def _written_table(sql: str) -> str:
    found = _WRITE.match(sql)
    if found is not None:
        return plain_name(found.group(1))
    return _NOTHING if _HARMLESS.match(sql) else _EVERYTHING
