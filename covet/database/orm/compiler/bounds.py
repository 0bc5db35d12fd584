"""Values that no column can hold: in a condition they match nothing, so that no input becomes a driver's error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covet.database.orm import types
from covet.database.orm.shape import EmptyResult

_INTEGERS: tuple[tuple[type[Any], int], ...] = ((types.SmallInteger, 15), (types.BigInteger, 63), (types.Integer, 31))

_ONLY_INTEGERS = {int}


def is_text(value: Any) -> bool:
    """Whether a string can be sent and stored: it has no NUL and no lone surrogate."""
    if not isinstance(value, str):
        return True
    if "\0" in value:
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def text_or_nothing(value: Any) -> Any:
    """The value; a string that cannot be stored equals no row's.

    Raises:
        EmptyResult: it cannot be stored.
    """
    if is_text(value):
        return value
    raise EmptyResult


def holdable(type_: Any) -> Callable[[Any], list[Any]] | None:
    """What gives a list's items that can be in a column of this type; None where anything can."""
    if isinstance(type_, (types.Char, types.Text)):
        return lambda values: [value for value in values if is_text(value)]
    for kind, bits in _INTEGERS:
        if isinstance(type_, kind):
            return _within(-(1 << bits), (1 << bits) - 1)
    return None


def _within(low: int, high: int) -> Callable[[Any], list[Any]]:
    def within(values: Any) -> list[Any]:
        if values and set(map(type, values)) == _ONLY_INTEGERS and low <= min(values) and max(values) <= high:
            return list(values)
        return [value for value in values if not isinstance(value, int) or low <= value <= high]

    return within
