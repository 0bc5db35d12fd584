"""Ranges of numbers, dates and moments, as PostgreSQL has them."""

from __future__ import annotations

from typing import Any, Final

BOUNDS: Final = ("[)", "(]", "()", "[]")


class Range:
    """Everything between two bounds.

    Args:
        lower, upper: the bounds; None is without end.
        bounds: which bounds belong to it: `[` or `]` do, `(` or `)` do not.
        empty: whether it holds nothing.

    Raises:
        ValueError: `bounds` is none of `[)`, `(]`, `()`, `[]`.
    """

    __slots__ = ("_bounds", "_lower", "_upper")

    def __init__(self, lower: Any = None, upper: Any = None, bounds: str = "[)", empty: bool = False) -> None:
        if bounds not in BOUNDS:
            message = f"bound flags not valid: {bounds!r}; choose one of: {', '.join(BOUNDS)}"
            raise ValueError(message)
        self._lower = None if empty else lower
        self._upper = None if empty else upper
        self._bounds: str | None = None if empty else bounds

    @classmethod
    def of(cls, value: Any) -> Range:
        """The same range, from any object with Python's usual names for its parts."""
        if value.isempty:
            return cls(empty=True)
        bounds = ("[" if value.lower_inc else "(") + ("]" if value.upper_inc else ")")
        return cls(value.lower, value.upper, bounds)

    @property
    def lower(self) -> Any:
        """The lower bound; None when there is none, or the range is empty."""
        return self._lower

    @property
    def upper(self) -> Any:
        """The upper bound; None when there is none, or the range is empty."""
        return self._upper

    @property
    def bounds(self) -> str | None:
        """Which bounds belong to it; None for the empty range."""
        return self._bounds

    @property
    def isempty(self) -> bool:
        """Whether it holds nothing."""
        return self._bounds is None

    @property
    def lower_inf(self) -> bool:
        """Whether it has no lower bound."""
        return self._bounds is not None and self._lower is None

    @property
    def upper_inf(self) -> bool:
        """Whether it has no upper bound."""
        return self._bounds is not None and self._upper is None

    @property
    def lower_inc(self) -> bool:
        """Whether the lower bound belongs to it."""
        return self._bounds is not None and self._lower is not None and self._bounds[0] == "["

    @property
    def upper_inc(self) -> bool:
        """Whether the upper bound belongs to it."""
        return self._bounds is not None and self._upper is not None and self._bounds[1] == "]"

    def __contains__(self, value: Any) -> bool:
        if self._bounds is None:
            return False
        if self._lower is not None and not (value >= self._lower if self._bounds[0] == "[" else value > self._lower):
            return False
        return self._upper is None or bool(value <= self._upper if self._bounds[1] == "]" else value < self._upper)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Range):
            return NotImplemented
        return (self._lower, self._upper, self._bounds) == (other._lower, other._upper, other._bounds)

    def __hash__(self) -> int:
        return hash((self._lower, self._upper, self._bounds))

    def __bool__(self) -> bool:
        return self._bounds is not None

    def __reduce__(self) -> Any:
        return type(self), (self._lower, self._upper, self._bounds or "[)", self._bounds is None)

    def __repr__(self) -> str:
        if self._bounds is None:
            return f"{type(self).__name__}(empty=True)"
        return f"{type(self).__name__}({self._lower!r}, {self._upper!r}, {self._bounds!r})"

    def __str__(self) -> str:
        if self._bounds is None:
            return "empty"
        return f"{self._bounds[0]}{self._lower}, {self._upper}{self._bounds[1]}"


class NumericRange(Range):
    """A range of numbers."""

    __slots__ = ()


class DateRange(Range):
    """A range of dates."""

    __slots__ = ()


class DateTimeRange(Range):
    """A range of naive moments."""

    __slots__ = ()


class DateTimeTZRange(Range):
    """A range of aware moments."""

    __slots__ = ()
