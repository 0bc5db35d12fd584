"""Choices of a field: given as pairs, groups, mappings, enumerations or callables, kept as a list of pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import EnumMeta
from typing import Any

from covet.utils.functional import is_lazy

BLANK_CHOICE_DASH = [("", "---------")]


class CallableChoices:
    """Choices that a callable makes each time they are needed."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.func = function

    def _pairs(self) -> list[Any]:
        return list(normalize_choices(self.func()))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._pairs())

    def __getitem__(self, index: Any) -> Any:
        return self._pairs()[index]

    def __len__(self) -> int:
        return len(self._pairs())

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CallableChoices):
            return bool(self.func == other.func)
        return isinstance(other, Iterable) and self._pairs() == list(other)

    def __hash__(self) -> int:
        return hash(self.func)


def normalize_choices(value: Any) -> Any:
    """`value` as a list of `(value, label)` or `(group, [pairs])`; what is no choices is returned as it is."""
    if isinstance(value, CallableChoices) or value is None:
        return value
    if isinstance(value, EnumMeta):
        return value.choices  # type: ignore[attr-defined]
    if callable(value) and not hasattr(value, "__iter__"):
        return CallableChoices(value)
    return _normalize(value, depth=0)


def _normalize(value: Any, *, depth: int) -> Any:
    if is_lazy(value):
        return value
    if isinstance(value, CallableChoices):
        return list(value)
    if isinstance(value, EnumMeta):
        return value.choices  # type: ignore[attr-defined]
    if callable(value) and not hasattr(value, "__iter__"):
        value = value()
    if isinstance(value, Mapping):
        pairs: Iterable[Any] = value.items()
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        pairs = value
    else:
        return value
    try:
        return [_pair(pair, depth) for pair in pairs]
    except (TypeError, ValueError):
        return value


def _pair(pair: Any, depth: int) -> tuple[Any, Any]:
    if isinstance(pair, str):
        # A text of two letters would pass for a pair.
        raise TypeError
    key, label = pair
    return key, _normalize(label, depth=depth + 1) if depth < 1 else label


def flatten_choices(choices: Any) -> Iterator[tuple[Any, Any]]:
    """Every `(value, label)`, groups opened."""
    for value, label in choices or ():
        if isinstance(label, (list, tuple)):
            yield from label
        else:
            yield value, label
