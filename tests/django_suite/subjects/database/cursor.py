"""A DB-API cursor over one of our adapters; every call waits in the portal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from covet.database.connections import connections
from covet.portal import wait

_READS: Final = re.compile(r"\s*\(?\s*(select|with|values|show|pragma|explain|table)\b", re.IGNORECASE)
_RETURNS: Final = re.compile(r"\breturning\b", re.IGNORECASE)


class Cursor:
    """What `connection.cursor()` gives tests that write SQL."""

    def __init__(self, alias: str) -> None:
        self._adapter = connections[alias]
        self._rows: list[tuple[Any, ...]] = []
        self.rowcount = -1
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> Cursor:
        values = list(params or ())
        text = sql if params is not None else sql.replace("%", "%%") if "%" in sql else sql
        if _READS.match(sql) or _RETURNS.search(sql):
            found = wait(self._adapter.fetch(text, *values))
            self.description = [(name,) for name in (found[0].keys() if found else ())]
            self._rows = [tuple(row) for row in found]
            self.rowcount = len(self._rows)
        else:
            changed = wait(self._adapter.execute(text, *values))
            self._rows, self.description = [], None
            self.rowcount = changed if isinstance(changed, int) else -1
        return self

    def executemany(self, sql: str, params: Sequence[Sequence[Any]]) -> None:
        for values in params:
            self.execute(sql, values)

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    def close(self) -> None:
        """Nothing is held."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
