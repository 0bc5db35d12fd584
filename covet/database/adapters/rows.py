"""Rows for people: tuples that also answer by column name, as asyncpg's records do."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Sequence
from typing import Any

from covet.exceptions import choices


class NamedRow(tuple[Any, ...]):
    """A row: `row[0]`, `row["name"]`, `row.name`, `dict(row)`, `row.get("name")`."""

    _columns: dict[str, int]

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        if type(key) is str:
            index = self._columns.get(key)
            if index is None:
                raise KeyError(f"no column {key!r}; choose one of: {', '.join(choices(key, self._columns))}")
            return tuple.__getitem__(self, index)
        return tuple.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as exc:
            raise AttributeError(exc.args[0]) from None

    def keys(self) -> Iterator[str]:
        """Column names."""
        return iter(self._columns)

    def values(self) -> Iterator[Any]:
        """Values, in column order."""
        return iter(self)

    def items(self) -> ItemsView[str, Any]:
        """Pairs of name and value."""
        return dict(zip(self._columns, self, strict=False)).items()

    def get(self, name: str, default: Any = None) -> Any:
        """The value under `name`, or `default`."""
        index = self._columns.get(name)
        return default if index is None else tuple.__getitem__(self, index)


def named(columns: Sequence[str]) -> type[NamedRow]:
    """The row class for these columns."""
    return type("Row", (NamedRow,), {"__slots__": (), "_columns": {name: i for i, name in enumerate(columns)}})
