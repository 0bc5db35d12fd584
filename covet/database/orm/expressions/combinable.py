"""Operators between expressions: `F('a') + 1`, `~Exists(...)`, `F('a').bitand(2)`."""

from __future__ import annotations

from typing import Any, Final

from covet.database.orm.expressions.late import late

_LOGICAL_ONLY: Final = "Use .bitand(), .bitor(), and .bitxor() for bitwise logical operations."


class Combinable:
    """What can be an operand.

    `&`, `|` and `^` combine conditions; bits are combined by `bitand`, `bitor` and `bitxor`.
    """

    ADD = "+"
    SUB = "-"
    MUL = "*"
    DIV = "/"
    POW = "^"
    MOD = "%%"  # doubled: SQL text of expressions is a template in which %s is a parameter
    BITAND = "&"
    BITOR = "|"
    BITLEFTSHIFT = "<<"
    BITRIGHTSHIFT = ">>"
    BITXOR = "#"

    def _combine(self, other: Any, connector: str, reversed: bool) -> Any:
        operand = other if hasattr(other, "resolve_expression") else late.value(other)
        if reversed:
            return late.combined(operand, connector, self)
        return late.combined(self, connector, operand)

    def _logical(self, other: Any, operator: str) -> Any:
        if not (getattr(self, "conditional", False) and getattr(other, "conditional", False)):
            raise NotImplementedError(_LOGICAL_ONLY)
        left, right = late.condition(self), late.condition(other)
        if operator == "&":
            return left & right
        return left | right if operator == "|" else left ^ right

    def __neg__(self) -> Any:
        return self._combine(-1, self.MUL, False)

    def __add__(self, other: Any) -> Any:
        return self._combine(other, self.ADD, False)

    def __sub__(self, other: Any) -> Any:
        return self._combine(other, self.SUB, False)

    def __mul__(self, other: Any) -> Any:
        return self._combine(other, self.MUL, False)

    def __truediv__(self, other: Any) -> Any:
        return self._combine(other, self.DIV, False)

    def __mod__(self, other: Any) -> Any:
        return self._combine(other, self.MOD, False)

    def __pow__(self, other: Any) -> Any:
        return self._combine(other, self.POW, False)

    def __radd__(self, other: Any) -> Any:
        return self._combine(other, self.ADD, True)

    def __rsub__(self, other: Any) -> Any:
        return self._combine(other, self.SUB, True)

    def __rmul__(self, other: Any) -> Any:
        return self._combine(other, self.MUL, True)

    def __rtruediv__(self, other: Any) -> Any:
        return self._combine(other, self.DIV, True)

    def __rmod__(self, other: Any) -> Any:
        return self._combine(other, self.MOD, True)

    def __rpow__(self, other: Any) -> Any:
        return self._combine(other, self.POW, True)

    def bitand(self, other: Any) -> Any:
        """The bits that both have."""
        return self._combine(other, self.BITAND, False)

    def bitor(self, other: Any) -> Any:
        """The bits that either has."""
        return self._combine(other, self.BITOR, False)

    def bitxor(self, other: Any) -> Any:
        """The bits that exactly one has."""
        return self._combine(other, self.BITXOR, False)

    def bitleftshift(self, other: Any) -> Any:
        """The bits moved up by `other` places."""
        return self._combine(other, self.BITLEFTSHIFT, False)

    def bitrightshift(self, other: Any) -> Any:
        """The bits moved down by `other` places."""
        return self._combine(other, self.BITRIGHTSHIFT, False)

    def __and__(self, other: Any) -> Any:
        return self._logical(other, "&")

    def __or__(self, other: Any) -> Any:
        return self._logical(other, "|")

    def __xor__(self, other: Any) -> Any:
        return self._logical(other, "^")

    def __rand__(self, other: Any) -> Any:
        raise NotImplementedError(_LOGICAL_ONLY)

    def __ror__(self, other: Any) -> Any:
        raise NotImplementedError(_LOGICAL_ONLY)

    def __rxor__(self, other: Any) -> Any:
        raise NotImplementedError(_LOGICAL_ONLY)

    def __invert__(self) -> Any:
        return late.negated(self)
