"""Lazy values: what stands for a value that is computed when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PLAIN = frozenset({str, int, float, bool, type(None), bytes, dict, list, tuple})


class Promise:
    """A value that is computed each time it is needed, such as a text in the reader's language.

    Args:
        function: makes the value. arguments, keywords: what it is called with.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> None:
        self._function = function
        self._arguments = arguments
        self._keywords = keywords

    def resolve(self) -> Any:
        """The value, now."""
        return self._function(*self._arguments, **self._keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.resolve(), name)

    def __reduce__(self) -> Any:
        return (_promise, (self._function, self._arguments, self._keywords))

    def __str__(self) -> str:
        return str(self.resolve())

    def __repr__(self) -> str:
        return repr(self.resolve())

    def __format__(self, spec: str) -> str:
        return format(self.resolve(), spec)

    def __mod__(self, other: Any) -> Any:
        return self.resolve() % other

    def __add__(self, other: Any) -> Any:
        return self.resolve() + resolve(other)

    def __radd__(self, other: Any) -> Any:
        return other + self.resolve()

    def __eq__(self, other: object) -> bool:
        return bool(self.resolve() == resolve(other))

    def __lt__(self, other: Any) -> bool:
        return bool(self.resolve() < resolve(other))

    def __hash__(self) -> int:
        return hash(self.resolve())

    def __bool__(self) -> bool:
        return bool(self.resolve())

    def __len__(self) -> int:
        return len(self.resolve())

    def __iter__(self) -> Any:
        return iter(self.resolve())

    def __getitem__(self, key: Any) -> Any:
        return self.resolve()[key]

    def __contains__(self, item: Any) -> bool:
        return item in self.resolve()


def _promise(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Promise:
    return Promise(function, *arguments, **keywords)


def is_lazy(value: Any) -> bool:
    """Whether `value` stands for another that is computed later (Django's own lazy values included)."""
    return isinstance(value, Promise) or hasattr(value, "_proxy____cast")


def resolve(value: Any) -> Any:
    """`value`, or what it stands for when it is lazy (Django's own lazy values included)."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Promise):
        return value.resolve()
    cast = getattr(value, "_proxy____cast", None)
    return value if cast is None else cast()
