"""Rows to plain values, and instances by key: the reference twin of `rows.pyx`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Row = Sequence[Any]


def tuples(rows: Iterable[Row], width: int) -> list[tuple[Any, ...]]:
    """The first `width` values of each row."""
    return [tuple([row[index] for index in range(width)]) for row in rows]


def named(rows: Iterable[Row], cls: type[tuple[Any, ...]], width: int) -> list[Any]:
    """The first `width` values of each row, as `cls`.

    Raises:
        TypeError: `cls` is no tuple.
    """
    if not issubclass(cls, tuple):
        raise TypeError(f"a row class is a tuple, not {cls.__name__}")
    return [tuple.__new__(cls, [row[index] for index in range(width)]) for row in rows]


def dicts(rows: Iterable[Row], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Each row's first values by `names`."""
    return [{name: row[index] for index, name in enumerate(names)} for row in rows]


def firsts(rows: Iterable[Row]) -> list[Any]:
    """Each row's first value."""
    return [row[0] for row in rows]


def by_key(instances: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """The instances under what `key` gives for them, in order."""
    found: dict[Any, list[Any]] = {}
    for instance in instances:
        found.setdefault(key(instance), []).append(instance)
    return found
